// A page that comes back by itself: the official client with its own reconnection, over a restart of the server.
import { io } from "socket.io-client";

const { url, token, transports } = JSON.parse(process.env.ARGUMENTS);
const say = (line) => console.log(JSON.stringify(line));
const socket = io(url, { transports, auth: { token, autoJoin: true }, reconnectionDelay: 50, reconnectionDelayMax: 200 });

let connections = 0;
socket.on("connect", () => say({ connected: ++connections }));
socket.on("disconnect", (reason) => {
  say({ disconnected: reason });
  // The client does not come back by itself from a farewell of the server's own; a page calls connect().
  if (reason === "io server disconnect") socket.connect();
});
socket.on("server:draining", (data) => say({ draining: data.reconnectAfterMs }));
socket.on("message:new", (message) => {
  say({ heard: message.content });
  if (message.content === "goodbye") socket.disconnect();
});
