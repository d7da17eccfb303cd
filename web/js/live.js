/**
 * The live side of the chat, as the page sees it: the client library, one for each login, with its news under the
 * names that the page's handlers go by.
 *
 * Events: those of the server under their own names; `state` with the connection's state; `online` once everything
 * that was missed has been told; `reset` where a conversation starts anew; `outbox` with the state of a message that
 * was written here; `refused` where no connection will be tried again.
 */

import { Parley } from '../parley.js';
import { createEmitter } from './util/emitter.js';

/** The page's names of the connection's states; a page does not tell a lost network from a lost server. */
const STATES = { offline: 'reconnecting', closed: 'stopped', refused: 'stopped' };

/** The library's events that are the server's under another name. */
const RENAMED = {
  message: 'message:new',
  updated: 'message:updated',
  deleted: 'message:deleted',
  status: 'message:status',
  receipt: 'receipt:update',
  reaction: 'reaction:update',
  typing: 'typing:update',
  presence: 'user:status',
  user: 'user:updated',
};

const AS_THEY_ARE = ['reset', 'upload:progress', 'upload:complete', 'error'];

/** @param {{freshToken: () => Promise<string>, renewToken: () => Promise<string>}} tokens */
export function createLive({ freshToken, renewToken }) {
  const events = createEmitter();
  let parley = null;
  let typingIn = null;

  function listen() {
    for (const [name, ours] of Object.entries(RENAMED)) parley.on(name, (payload) => events.emit(ours, payload));
    for (const name of AS_THEY_ARE) parley.on(name, (payload) => events.emit(name, payload));
    let synced = false;
    parley.on('synced', ({ first }) => {
      synced = true;
      events.emit('online', { first });
    });
    parley.on('state', (state) => events.emit('state', STATES[state] ?? state));
    parley.on('refused', (error) => events.emit('refused', { error: error.code, message: error.message }));
    parley.on('outbox', ({ state, ...rest }) => {
      const known = { sent: 'sent', failed: 'failed' };
      if (state !== 'discarded') events.emit('outbox', { ...rest, state: known[state] ?? 'sending' });
    });
    parley.on('conversation', (conversation) => {
      // The first answer names them all, and the page then asks for its list anyhow.
      if (synced) events.emit(conversation.participants ? 'conversation:new' : 'conversation:updated', conversation);
    });
    parley.on('participant', ({ change, user, ...rest }) =>
      events.emit(`conversation:participant-${change}`, { ...rest, participant: user }),
    );
    parley.on('gone', ({ conversationId, reason }) => {
      if (reason === 'deleted') events.emit('conversation:deleted', { conversationId });
      else events.emit('conversation:participant-removed', { conversationId, userId: parley.user });
    });
  }

  function stopTyping() {
    if (typingIn) parley?.typing(typingIn, false);
    typingIn = null;
  }

  return {
    on: events.on,
    start() {
      // While the line is up, a token that ends soon is renewed by the session itself, which then calls `authenticate`.
      const another = () => (parley?.state === 'online' ? freshToken() : renewToken());
      parley = new Parley({ getToken: ({ fresh }) => (fresh ? another() : freshToken()) });
      listen();
      events.emit('state', 'connecting');
      parley.connect();
    },
    /** Ends the connection; what was not sent is forgotten with the login. */
    stop() {
      typingIn = null;
      parley?.close({ forget: true });
      parley = null;
    },
    connectNow: () => parley?.connectNow(),
    /** Puts a message on its way and answers the `temp_id` that names it for ever. */
    send({ conversationId, content, attachmentIds }) {
      typingIn = null;
      const { temp_id } = parley.send({ conversationId, content, ...(attachmentIds?.length ? { attachmentIds } : {}) });
      return { temp_id };
    },
    retry: (tempId) => parley?.retry(tempId),
    discard: (tempId) => parley?.discard(tempId),
    delivered: (conversationId, seq) => parley?.delivered(conversationId, seq),
    read: (conversationId, seq) => parley?.read(conversationId, seq),
    typing(conversationId) {
      typingIn = conversationId;
      parley?.typing(conversationId);
    },
    stopTyping,
    react: (messageId, emoji, on) => parley.react(messageId, emoji, on),
    presence: (userIds) => parley.presence(userIds),
    /** Extends the connection's life with a newer token than it was made with. */
    authenticate: (token) => parley?.authenticate(token),
    isConnected: () => parley?.state === 'online',
  };
}
