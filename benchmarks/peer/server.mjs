// The guide's own server, as it stands there: Express, socket.io 4, jsonwebtoken. Its `db` is in db.mjs.
// PORT (0: the system chooses), DB_FILE or DATABASE_URL, JWT_SECRET, GROUP_COMMIT=1. It prints nothing a message, as a
// deployment would not.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import express from 'express';
import jwt from 'jsonwebtoken';
import { Server } from 'socket.io';
import { open } from './db.mjs';

const { JWT_SECRET, DATABASE_URL, DB_FILE, GROUP_COMMIT, PORT } = process.env;
const db = await open({ url: DATABASE_URL, file: DB_FILE, group: GROUP_COMMIT === '1' });

const app = express();
app.use(express.json({ limit: '50mb' }));
const httpServer = createServer(app);
const io = new Server(httpServer, { cors: { origin: '*' }, pingTimeout: 60000, pingInterval: 25000 });

io.use((socket, next) => {
  try {
    const token = socket.handshake.auth.token;
    if (!token) return next(new Error('Authentication token required'));
    socket.data.userId = jwt.verify(token, JWT_SECRET).userId;
    next();
  } catch {
    next(new Error('Authentication failed'));
  }
});

io.on('connection', (socket) => {
  const { userId } = socket.data;

  socket.on('join-room', async ({ conversationId }) => {
    if (!(await db.participant(conversationId, userId))) {
      return socket.emit('error', { message: 'You are not a participant in this conversation' });
    }
    socket.join(conversationId);
    socket.emit('room-joined', { conversationId });
  });

  socket.on('send-message', async (data) => {
    try {
      const { temp_id, conversationId, content } = data;
      if (!(await db.participant(conversationId, userId))) return socket.emit('error', { temp_id, error: 'Unauthorized' });
      const id = randomUUID();
      const createdAt = new Date();
      await db.message(id, conversationId, userId, content, 'sent', createdAt.toISOString());
      const sender = await db.user(userId);
      io.to(conversationId).emit('message:new', {
        id, temp_id, content, senderId: userId, sender, conversationId, status: 'sent', sentAt: createdAt, createdAt,
      });
    } catch {
      socket.emit('error', { temp_id: data?.temp_id, error: 'Failed to send' });
    }
  });

  socket.on('typing', async ({ conversationId, isTyping }) => {
    const user = await db.user(userId);
    socket.to(conversationId).emit('typing:update', { userId: user.id, userName: user.username, isTyping, conversationId });
  });

  socket.on('delivered-ack', async ({ messageId }) => {
    const at = new Date();
    await db.write('update messages set status=?, delivered_at=? where id=?', ['delivered', at.toISOString(), messageId]);
    const message = await db.conversationOf(messageId);
    if (message) io.to(message.conversation_id).emit('message:status', { messageId, status: 'delivered', deliveredAt: at });
  });

  socket.on('read', async ({ messageIds }) => {
    const at = new Date();
    const marks = messageIds.map(() => '?');
    await db.write(`update messages set status=?, read_at=? where id in (${marks})`, ['read', at.toISOString(), ...messageIds]);
    const message = await db.conversationOf(messageIds[0]);
    if (!message) return;
    for (const messageId of messageIds) {
      io.to(message.conversation_id).emit('message:status', { messageId, status: 'read', readAt: at });
    }
  });

  socket.on('react', async ({ messageId, emoji }) => {
    const [old] = await db.all('select id from reactions where message_id=? and user_id=? and emoji=?', [messageId, userId, emoji]);
    if (old) await db.write('delete from reactions where id=?', [old.id]);
    else await db.write('insert into reactions values(?,?,?,?)', [randomUUID(), messageId, userId, emoji]);
    const rows = await db.all(
      'select r.emoji, r.user_id, u.username from reactions r join users u on u.id=r.user_id where r.message_id=?',
      [messageId],
    );
    const reactions = {};
    for (const row of rows) {
      const one = (reactions[row.emoji] ??= { count: 0, users: [], userNames: [] });
      one.count += 1;
      one.users.push(row.user_id);
      one.userNames.push(row.username);
    }
    const message = await db.conversationOf(messageId);
    if (message) io.to(message.conversation_id).emit('reaction:update', { messageId, reactions });
  });

  socket.on('echo', (data) => socket.emit('echo-response', data));
});

httpServer.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${httpServer.address().port}`));
