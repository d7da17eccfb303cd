/** Every live event, and what it changes in the store. */

import { live } from './app.js';
import { loadPresence, reload, showConversation, takeMessage } from './actions/sync.js';
import { close } from './actions/conversations.js';
import { show } from './actions/messages.js';
import * as conversations from './state/conversations.js';
import { change, keyOf, merge, raiseStatus, raiseToWatermarks, tombstone } from './state/messages.js';
import { editConversation, editThread, get, set } from './store.js';
import { toast, toastError } from './toasts.js';

const TYPING_MS = 7_000;
const HANDLED_ELSEWHERE = new Set(['token_expired']);

function onMessage(message) {
  takeMessage(message);
  if (message.senderId === get().me.id) return;
  setTyping({ conversationId: message.conversationId, userId: message.senderId, isTyping: false });
}

function onUpdated(message) {
  editThread(message.conversationId, (thread) => ({
    items: merge(
      thread.items,
      thread.items.filter((one) => one.id === message.id).map(() => message),
    ),
  }));
  editConversation(message.conversationId, (held) =>
    held.lastMessage?.id === message.id ? { ...held, lastMessage: message } : held,
  );
}

function onDeleted(event) {
  const gone = { ...event, messageId: event.messageId ?? event.id };
  editThread(event.conversationId, (thread) => ({ items: tombstone(thread.items, gone) }));
  editConversation(event.conversationId, (held) => {
    if (held.lastMessage?.id !== gone.messageId) return held;
    return { ...held, lastMessage: { ...held.lastMessage, content: '', attachments: [], deletedAt: event.deletedAt } };
  });
  if (get().editing?.id === gone.messageId) set({ editing: null });
}

function onStatus({ conversationId, messageId, status }) {
  editThread(conversationId, (thread) => ({ items: raiseStatus(thread.items, messageId, status) }));
  editConversation(conversationId, (held) =>
    held.lastMessage ? { ...held, lastMessage: raiseStatus([held.lastMessage], messageId, status)[0] } : held,
  );
}

function onReceipt(event) {
  const { me } = get();
  editConversation(event.conversationId, (held) => {
    const next = conversations.withReceipt(held, event);
    if (event.userId !== me.id) return next;
    const items = get().threads[event.conversationId]?.items ?? [];
    return { ...next, unreadCount: conversations.unreadAfter(held, items, event.readSeq, me.id) };
  });
  const conversation = get().conversations[event.conversationId];
  if (!conversation) return;
  const rest = conversations.others(conversation, me.id);
  editThread(event.conversationId, (thread) => ({ items: raiseToWatermarks(thread.items, me.id, rest) }));
}

function onReactions({ conversationId, messageId, reactions, rev }) {
  editThread(conversationId, (thread) => ({
    items: change(thread.items, (message) => message.id === messageId, { reactions, rev }),
  }));
}

const typingTimers = new Map();

function setTyping({ conversationId, userId, userName, isTyping }) {
  const key = `${conversationId} ${userId}`;
  clearTimeout(typingTimers.get(key));
  if (isTyping) typingTimers.set(key, setTimeout(setTyping, TYPING_MS, { conversationId, userId, isTyping: false }));
  const { [userId]: before, ...rest } = get().typing[conversationId] ?? {};
  if (!before && !isTyping) return;
  const now = isTyping ? { ...rest, [userId]: userName } : rest;
  set((state) => ({ typing: { ...state.typing, [conversationId]: now } }));
}

function onParticipantAdded({ conversationId, participant, role }) {
  const { conversations: held, me } = get();
  if (!held[conversationId] || participant.id === me.id) return showConversation(conversationId).catch(toastError);
  editConversation(conversationId, (one) =>
    conversations.withParticipant(one, { userId: participant.id, role, user: participant }),
  );
  loadPresence([participant.id]);
}

function onParticipantUpdated({ conversationId, userId, participant, role }) {
  const id = userId ?? participant?.userId ?? participant?.id;
  editConversation(conversationId, (one) => {
    const member = one.participants.find((entry) => entry.userId === id);
    return member
      ? conversations.withParticipant(one, { ...member, role: role ?? participant?.role ?? member.role })
      : one;
  });
}

function onParticipantRemoved({ conversationId, userId, participant }) {
  const id = userId ?? participant?.userId ?? participant?.id;
  if (id === get().me.id) return onGone(conversationId, 'You are no longer in');
  editConversation(conversationId, (one) => conversations.withoutParticipant(one, id));
}

function onGone(conversationId, words) {
  const { [conversationId]: gone, ...rest } = get().conversations;
  if (!gone) return;
  if (get().openId === conversationId) close();
  const { [conversationId]: thread, ...threads } = get().threads;
  set({ conversations: rest, threads });
  toast(`${words} “${conversations.titleOf(gone, get().me.id)}”.`);
}

function onUserUpdated(event) {
  const user = event.user ?? event;
  if (user.id === get().me.id) set((state) => ({ me: { ...state.me, ...user } }));
  for (const { id, participants } of Object.values(get().conversations)) {
    if (!participants.some((one) => one.userId === user.id)) continue;
    editConversation(id, (one) => ({
      ...one,
      participants: one.participants.map((entry) =>
        entry.userId === user.id ? { ...entry, user: { ...entry.user, ...user } } : entry,
      ),
    }));
  }
}

function onOutbox({ temp_id, conversationId, state, message, failure, draft }) {
  if (state === 'sent') {
    if (message) takeMessage(message);
    return;
  }
  const key = keyOf({ senderId: get().me.id, temp_id });
  // One that was written before a reload is on its way again.
  if (draft && !get().threads[conversationId]?.items.some((one) => keyOf(one) === key)) show(draft);
  editThread(conversationId, (thread) => ({
    items: change(thread.items, (one) => keyOf(one) === key && !one.seq, {
      status: state,
      failure: failure?.message ?? null,
    }),
  }));
  if (failure) toastError(failure);
}

function onUploadProgress({ uploadId, received, total }) {
  set((state) => ({
    uploads: state.uploads.map((one) =>
      one.uploadId === uploadId
        ? { ...one, received: Math.max(one.received, received), total: total || one.total }
        : one,
    ),
  }));
}

const HANDLERS = {
  online: () => reload(),
  reset: () => reload(),
  outbox: onOutbox,
  'message:new': onMessage,
  'message:updated': onUpdated,
  'message:deleted': onDeleted,
  'message:status': onStatus,
  'receipt:update': onReceipt,
  'reaction:update': onReactions,
  'typing:update': setTyping,
  'user:status': ({ userId, status, lastSeen }) =>
    set((state) => ({ presence: { ...state.presence, [userId]: { status, lastSeen } } })),
  'user:updated': onUserUpdated,
  'conversation:new': (conversation) => showConversation(conversation.id, conversation).catch(toastError),
  'conversation:updated': (event) =>
    editConversation(event.conversationId ?? event.id, (held) =>
      conversations.withProperties(held, event.conversation ?? event),
    ),
  'conversation:deleted': (event) => onGone(event.conversationId ?? event.id, 'The owner deleted'),
  'conversation:participant-added': onParticipantAdded,
  'conversation:participant-updated': onParticipantUpdated,
  'conversation:participant-removed': onParticipantRemoved,
  'upload:progress': onUploadProgress,
  error: (failure) => {
    if (!HANDLED_ELSEWHERE.has(failure?.error)) toastError(failure);
  },
};

export function wire() {
  for (const [event, handler] of Object.entries(HANDLERS)) {
    live.on(event, (payload) => {
      if (get().phase === 'chat') handler(payload);
    });
  }
}
