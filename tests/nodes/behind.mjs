// Official clients, all in this process, each from an address of its own where the machine has them: as a proxy sees them.
import { Agent } from "node:https";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const { url, token, count, addresses, ...options } = JSON.parse(process.env.ARGUMENTS);
const say = (line) => console.log(JSON.stringify(line));

const sockets = Array.from({ length: count }, (_, client) => {
  const agent = new Agent({ keepAlive: true, ...(addresses && { localAddress: `127.0.0.${client + 2}` }) });
  const auth = { token, autoJoin: true };
  const socket = io(url, { forceNew: true, reconnection: false, agent, auth, ...options });
  socket.on("connect_error", (error) => say({ client, refused: error.message, text: error.context?.responseText }));
  socket.on("disconnect", (reason) => say({ client, disconnected: reason }));
  socket.on("message:new", (message) => say({ client, heard: message.content }));
  socket.on("connect", async () => {
    const { engine } = socket.io;
    const more = options.upgrade && options.transports.length > 1 && engine.transport.name === "polling";
    if (more) await new Promise((resolve) => engine.once("upgrade", resolve));
    await socket.timeout(10_000).emitWithAck("echo", client);
    say({ client, connected: engine.transport.name });
  });
  return socket;
});

createInterface({ input: process.stdin }).on("close", async () => {
  const ended = sockets.map(async (socket) => {
    const { engine } = socket.io;
    socket.removeAllListeners("disconnect");
    const closed = new Promise((resolve) => engine.once("close", resolve));
    socket.disconnect();
    if (engine.readyState !== "closed") await closed;
  });
  await Promise.all(ended);
  process.exit();
});
