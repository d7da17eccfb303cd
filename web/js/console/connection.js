/** The console's socket: whatever happens on it goes into the log. */

import { io } from 'socket.io-client';

import * as log from './log.js';

const ACK_TIMEOUT_MS = 10_000;

let socket = null;
let status = { state: 'disconnected', text: 'Disconnected' };
let known = { conversations: new Set(), messages: new Set(), users: new Set() };
const listeners = new Set();

export const getStatus = () => status;
export const getKnown = () => known;

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function setStatus(state, text) {
  status = { state, text };
  for (const listener of listeners) listener();
}

/** Ids that passed by are offered in the forms. */
function remember(value, depth = 0) {
  if (value === null || typeof value !== 'object' || depth > 4) return;
  const add = (kind, id) => typeof id === 'string' && id && known[kind].add(id);
  add('conversations', value.conversationId);
  add('messages', value.messageId);
  add('users', value.userId);
  add('users', value.senderId);
  if (value.seq && value.senderId) add('messages', value.id);
  if (Array.isArray(value.participants)) add('conversations', value.id);
  Object.values(value).forEach((inner) => remember(inner, depth + 1));
}

/** What follows an event's arguments where the connection can be recovered; the client library reads it. */
const OFFSET = /^[A-Za-z]{6}\d+$/;

function watch() {
  socket.on('connect', () => {
    const { name } = socket.io.engine.transport;
    log.add('info', 'connect', { id: socket.id, transport: name, recovered: socket.recovered });
    setStatus('connected', `Connected (${name})`);
    socket.io.engine.on('upgrade', (transport) => {
      log.add('info', 'upgrade', { transport: transport.name });
      setStatus('connected', `Connected (${transport.name})`);
    });
  });
  socket.on('disconnect', (reason, details) => {
    log.add('info', 'disconnect', {
      reason,
      ...(details?.description ? { description: String(details.description) } : {}),
    });
    setStatus('disconnected', `Disconnected: ${reason}`);
  });
  socket.on('connect_error', (error) => {
    log.add('in', 'connect_error', { message: error.message, data: error.data });
    setStatus('error', `Connection error: ${error.message}`);
  });
  socket.io.on('reconnect_attempt', (attempt) => log.add('info', 'reconnect_attempt', { attempt }));
  socket.onAny((event, ...values) => {
    if (values.length > 1 && OFFSET.test(values.at(-1))) values.pop();
    values.forEach((value) => remember(value));
    log.add('in', event, values.length > 1 ? values : values[0]);
  });
}

/** @param {{token: string, transports: string[], autoJoin: boolean, recovery: boolean}} options */
export function connect({ token, transports, autoJoin, recovery }) {
  disconnect();
  const auth = { ...(token ? { token } : {}), ...(autoJoin ? { autoJoin } : {}), ...(recovery ? {} : { recovery }) };
  socket = io({ transports, auth, forceNew: true });
  watch();
  log.add('out', 'connect', { transports, auth: { ...auth, ...(token ? { token: '…' } : {}) } });
  setStatus('connecting', 'Connecting…');
}

export function disconnect() {
  if (!socket) return;
  socket.disconnect();
  socket.offAny();
  socket = null;
  setStatus('disconnected', 'Disconnected');
}

/** @throws {Error} where there is no connection */
export function send(event, payload, withAck) {
  if (!socket?.connected) throw new Error('Not connected.');
  const values = payload === undefined ? [] : [payload];
  const entry = log.add('out', event, payload);
  if (!withAck) {
    socket.emit(event, ...values);
    return;
  }
  const from = performance.now();
  socket.timeout(ACK_TIMEOUT_MS).emit(event, ...values, (failure, ...answers) => {
    const ms = Math.round(performance.now() - from);
    answers.forEach((answer) => remember(answer));
    if (failure) log.add('info', event, { note: `no acknowledgement of entry ${entry.number}: ${failure.message}` });
    else log.add('ack', event, { of: entry.number, ms, answer: answers.length > 1 ? answers : answers[0] });
  });
}
