// The official client as it comes, over a connection that breaks. A line out for whatever it hears.
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const { url, auth, ...options } = JSON.parse(process.env.ARGUMENTS);
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const socket = io(url, { auth, reconnectionDelay: 20, reconnectionDelayMax: 100, forceNew: true, ...options });

let connections = 0;
let heard = 0;
socket.on("connect", () => {
  const { id, recovered, _pid: pid = null, _lastOffset: offset = null } = socket;
  say({ connected: ++connections, id, recovered, pid, offset, transport: socket.io.engine.transport.name });
});
socket.on("disconnect", (reason) => say({ disconnected: reason }));
socket.on("connect_error", (error) => say({ refused: error.message, data: error.data ?? null }));
const plain = (value) => (Buffer.isBuffer(value) ? { bytes: [...value] } : value);
socket.onAny((name, ...args) => say({ n: ++heard, event: name, args: args.map(plain) }));

for await (const line of createInterface({ input: process.stdin })) {
  const { emit, change, open, close } = JSON.parse(line);
  if (emit) socket.emit(...emit, (answer) => say({ answered: emit[0], answer }));
  if (change) Object.assign(socket.auth, change);
  if (close) socket.io.engine.close();
  if (open) socket.connect();
}
socket.disconnect();
