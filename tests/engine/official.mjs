// The official client: text, bytes and acknowledgements both ways, over the transports it is told to use.
import assert from "node:assert/strict";
import { io } from "socket.io-client";

const { url, options } = JSON.parse(process.env.ARGUMENTS);
const bytes = (...values) => Buffer.from(values);
const large = Buffer.alloc(300_000, 7);

function connect(namespace, auth) {
  const socket = io(url + namespace, { ...options, auth, reconnection: false, forceNew: true });
  socket.heard = [];
  socket.onAny((...args) => socket.heard.push(args));
  socket.next = (event) =>
    new Promise((resolve, reject) => {
      socket.once(event, (...args) => resolve(args));
      setTimeout(() => reject(new Error(`no ${event}: ${JSON.stringify(socket.heard).slice(0, 2000)}`)), 8000).unref();
    });
  return new Promise((resolve, reject) => {
    const told = socket.next("auth");
    socket.on("connect_error", reject);
    socket.on("connect", async () => resolve([socket, (await told)[0]]));
  });
}

const [socket, auth] = await connect("/", { token: "123" });
assert.deepEqual(auth, { token: "123" });
const [custom, nothing] = await connect("/custom");
assert.deepEqual(nothing, {});
custom.disconnect();
await assert.rejects(connect("/random"), /Invalid namespace/);

const cases = [
  [],
  ["text", 1.5, null, { list: [true, { "é": "\u{1F600}" }] }],
  [bytes(), bytes(0, 255, 10, 13, 30)],
  [{ deep: [bytes(1), { more: bytes(2, 3) }] }, "between", bytes(4)],
  [large, "x".repeat(300_000)],
];
// JSON gives Buffers back as plain objects; this keeps them apart from those.
const plain = (value) => JSON.stringify(value, (_, one) => (one?.type === "Buffer" ? { bytes: one.data } : one));
const equal = (got, expected) => assert.equal(plain(got), plain(expected));

for (const args of cases) {
  const back = socket.next("message-back");
  socket.emit("message", ...args);
  equal(await back, args);
  const acknowledged = new Promise((resolve) => socket.emit("message-with-ack", ...args, (...answer) => resolve(answer)));
  equal(await acknowledged, args);
  // Its question, our answer, and what came of that.
  const asked = socket.next("emit-with-ack");
  socket.emit("emit-with-ack", ...args);
  const question = await asked;
  const answer = question.pop();
  equal(question, args);
  const told = socket.next("emit-with-ack");
  answer(...args.toReversed());
  equal(await told, args.toReversed());
}

// A stream without a pause, from the first moment: over both transports where the client changes them.
const [stream] = await connect("/");
const sent = [];
while (sent.length < 400) {
  const one = sent.length % 7 ? sent.length : { number: sent.length, part: bytes(sent.length % 256) };
  sent.push(one);
  stream.emit("message", one);
  if (sent.length % 10 === 0) await new Promise(setImmediate);
}
await stream.emitWithAck("message-with-ack", 0);
equal(stream.heard.filter(([event]) => event === "message-back").map(([, one]) => one), sent);
console.log(JSON.stringify({ transport: stream.io.engine.transport.name }));
stream.disconnect();
socket.disconnect();
