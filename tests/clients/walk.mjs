// The official client: every event with an acknowledgement and without, over the transports it is told to use.
import assert from "node:assert/strict";
import { io } from "socket.io-client";

const { url, transports, upgrade, anna, ben, conversationId } = JSON.parse(process.env.ARGUMENTS);
const room = { conversationId };
const log = [];

function connect(token, auth = {}) {
  const socket = io(url, { transports, upgrade, auth: { token, ...auth }, reconnection: false, forceNew: true });
  const heard = [];
  const waiting = [];
  socket.onAny((name, data) => {
    heard.push({ name, data });
    for (const one of [...waiting]) one();
  });
  const until = (name, predicate = () => true) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ${name}: ${JSON.stringify(heard)}`)), 8000);
      const look = () => {
        const found = heard.find((one) => one.name === name && predicate(one.data));
        if (!found) return;
        clearTimeout(timer);
        waiting.splice(waiting.indexOf(look), 1);
        resolve(found.data);
      };
      waiting.push(look);
      look();
    });
  return new Promise((resolve, reject) => {
    socket.on("connect", () => resolve({ socket, heard, until }));
    socket.on("connect_error", (error) => reject(Object.assign(error, { refused: true })));
  });
}

async function refusal(token) {
  const error = await connect(token).then(
    () => assert.fail("was let in"),
    (error) => error,
  );
  return { message: error.message, code: error.data?.error };
}

log.push({ none: await refusal(undefined), bad: await refusal("bad") });

const hers = await connect(anna.token);
const tab = await connect(anna.token, { autoJoin: true });
const his = await connect(ben.token, { autoJoin: true });
await hers.until("user:status", (data) => data.userId === ben.id); // told a while after; from here on nobody comes
const ask = (client, event, payload) => client.socket.timeout(8000).emitWithAck(event, payload);

// Each event once with an acknowledgement, and once without.
const joined = await ask(hers, "join-room", room);
assert.equal(joined.ok, true);
hers.socket.emit("join-room", room);
await hers.until("room-joined");
const sent = await ask(hers, "send-message", { ...room, content: "héllo \u{1F600}", temp_id: "t1" });
assert.equal(sent.ok, true);
assert.equal((await his.until("message:new")).id, sent.message.id);
assert.equal((await tab.until("message:new")).content, "héllo \u{1F600}");
hers.socket.emit("send-message", { ...room, content: "two" });
const second = await his.until("message:new", (data) => data.content === "two");
assert.deepEqual(await ask(his, "delivered-ack", { messageId: sent.message.id }), { ok: true });
await hers.until("message:status", (data) => data.status === "delivered");
his.socket.emit("delivered-ack", { messageIds: [second.id] });
await hers.until("receipt:update", (data) => data.deliveredSeq === 2);
assert.deepEqual(await ask(his, "read", { ...room, seq: 1 }), { ok: true });
his.socket.emit("read", { ...room, seq: 2 });
await hers.until("message:status", (data) => data.status === "read" && data.messageId === second.id);
assert.equal((await ask(his, "typing", { ...room, isTyping: true })).ok, true);
await hers.until("typing:update", (data) => data.isTyping);
his.socket.emit("typing", { ...room, isTyping: false });
await hers.until("typing:update", (data) => !data.isTyping);
const reacted = await ask(his, "react", { messageId: second.id, emoji: "\u2764", on: true });
assert.deepEqual(reacted.reactions["\u2764"].users, [ben.id]);
his.socket.emit("react", { messageId: second.id, emoji: "\u2764", on: false });
await hers.until("reaction:update", (data) => Object.keys(data.reactions).length === 0);
assert.equal((await ask(hers, "presence", { userIds: [ben.id] })).users[ben.id].status, "online");
assert.equal((await ask(hers, "auth:refresh", { token: anna.token })).ok, true);
assert.equal((await ask(hers, "sync", { conversations: { [conversationId]: 0 } })).conversations[conversationId].outcome, "delta");
for (const value of [null, 0, "text", [1, { a: null }], { nested: { list: [] } }]) {
  assert.deepEqual((await ask(hers, "echo", value)).data, value);
}
const bytes = (await ask(hers, "echo", { bytes: Buffer.from([0, 255, 7]) })).data.bytes;
assert.deepEqual([...bytes], [0, 255, 7]);
const back = await hers.until("echo-response", (data) => data?.bytes);
assert.deepEqual([...back.bytes], [0, 255, 7]);

// Errors, and what stays after them.
assert.equal((await ask(hers, "no-such-event", {})).error, "unknown_event");
assert.equal((await ask(hers, "send-message", { ...room, content: 5 })).error, "validation_failed");
hers.socket.emit("send-message", { ...room, content: "", temp_id: "t9" });
assert.equal((await hers.until("error", (data) => data.temp_id === "t9")).event, "send-message");

// Order: a burst, part of it before a polling client has upgraded.
const fresh = await connect(anna.token);
for (let number = 0; number < 100; number++) fresh.socket.emit("send-message", { ...room, content: `burst ${number}` });
await his.until("message:new", (data) => data.content === "burst 99");
const burst = his.heard.filter((one) => one.name === "message:new" && one.data.content.startsWith("burst"));
assert.deepEqual(burst.map((one) => one.data.content), Array.from({ length: 100 }, (_, number) => `burst ${number}`));
const seqs = burst.map((one) => one.data.seq);
assert.deepEqual(seqs, seqs.map((_, index) => seqs[0] + index));

// Out of the room there is nothing to hear; the other tab stays in.
assert.equal((await ask(hers, "leave-room", room)).ok, true);
hers.socket.emit("leave-room", room);
await ask(hers, "echo", 0);
const before = hers.heard.length;
await ask(his, "send-message", { ...room, content: "last" });
await tab.until("message:new", (data) => data.content === "last");
await ask(hers, "echo", 1);
assert.deepEqual(hers.heard.slice(before).map((one) => one.name), ["echo-response"]);

log.push({ transport: fresh.socket.io.engine.transport.name, acknowledged: true });
for (const each of [hers, tab, his, fresh]) each.socket.disconnect();
for (const line of log) console.log(JSON.stringify(line));
