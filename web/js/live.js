/**
 * The live side of the chat, as the page sees it. The page knows only this module's answers and events, so what is
 * inside (connection, outbox, receipts) can be exchanged.
 *
 * Events: every server event under its own name; `state` with the connection's state; `online` with
 * `{first, recovered}` after each connect; `outbox` with the state of a message that was sent; `refused` where no
 * connection will be tried again.
 */

import { createConnection } from './realtime/connection.js';
import { createOutbox } from './realtime/outbox.js';
import { createReceipts } from './realtime/receipts.js';
import { createTyping } from './realtime/typing.js';
import { createEmitter } from './util/emitter.js';
import { uuid } from './util/ids.js';

/** @param {{freshToken: () => Promise<string>, renewToken: () => Promise<string>}} tokens */
export function createLive({ freshToken, renewToken }) {
  const events = createEmitter();
  let connectedBefore = false;
  let tokenInUse = null;

  const connection = createConnection({
    freshToken: async () => (tokenInUse = await freshToken()),
    renewToken,
    onState(state) {
      events.emit('state', state);
      if (state === 'online') arrived();
    },
    onRefused: (failure) => events.emit('refused', failure),
  });
  const { call, isReady, socket } = connection;
  const outbox = createOutbox({
    transmit: (draft) => call('send-message', draft),
    isReady,
    onChange: (change) => events.emit('outbox', change),
  });
  const receipts = createReceipts({ call, isReady });
  const typing = createTyping((conversationId, isTyping) => {
    if (isReady()) socket.volatile.emit('typing', { conversationId, isTyping });
  });

  function arrived() {
    outbox.resume();
    receipts.resume();
    events.emit('online', { first: !connectedBefore, recovered: socket.recovered });
    connectedBefore = true;
  }

  /** The answer of a call, or an exception with the server's words. */
  async function ask(event, payload) {
    const answer = await call(event, payload).catch(() => {
      throw Object.assign(new Error('The server did not answer. Try again.'), { code: 'network' });
    });
    if (answer?.ok) return answer;
    throw Object.assign(new Error(answer?.message ?? 'The server refused this.'), { code: answer?.error });
  }

  socket.onAny((event, payload) => events.emit(event, payload));

  return {
    on: events.on,
    start: connection.start,
    connectNow: connection.connectNow,
    stop() {
      typing.forget();
      connection.stop();
      outbox.clear();
      receipts.clear();
      connectedBefore = false;
    },
    /** Puts a message on its way and answers the draft at once, with the `temp_id` that names it for ever. */
    send({ conversationId, content, attachmentIds }) {
      const draft = { temp_id: uuid(), conversationId, content };
      if (attachmentIds?.length) draft.attachmentIds = attachmentIds;
      typing.forget();
      outbox.add(draft);
      return draft;
    },
    retry: outbox.retry,
    discard: outbox.remove,
    arrivedByBroadcast: outbox.remove,
    delivered: receipts.delivered,
    read: receipts.read,
    typing: typing.touch,
    stopTyping: typing.stop,
    react: (messageId, emoji, on) => ask('react', { messageId, emoji, on }),
    presence: async (userIds) => (await ask('presence', { userIds })).users,
    /** Extends the connection's life with a newer token than it was made with. */
    async authenticate(token) {
      if (token === tokenInUse) return;
      await ask('auth:refresh', { token });
      tokenInUse = token;
    },
    isConnected: () => socket.connected,
  };
}
