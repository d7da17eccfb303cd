/** What people do with messages: send, edit, delete, react, read, page back. */

import * as api from '../api.js';
import { live } from '../app.js';
import { unreadAfter } from '../state/conversations.js';
import { keyOf, merge, mergeOlder } from '../state/messages.js';
import { editConversation, editThread, get, set } from '../store.js';
import { toastError } from '../toasts.js';

let order = 0;

export function send(conversationId, content, attachments) {
  const { temp_id } = live.send({ conversationId, content, attachmentIds: attachments.map((one) => one.id) });
  show({ temp_id, conversationId, content }, attachments);
}

/** Shows a message that is on its way, until its stored self takes its place. */
export function show({ temp_id, conversationId, content }, attachments = []) {
  const { me } = get();
  order += 1;
  const message = {
    temp_id,
    conversationId,
    content,
    attachments,
    order,
    senderId: me.id,
    sender: me,
    reactions: {},
    status: 'sending',
    createdAt: new Date().toISOString(),
  };
  editThread(conversationId, (thread) => ({ items: merge(thread.items, [message]) }));
}

export const retry = (message) => live.retry(message.temp_id);

export function discard(message) {
  live.discard(message.temp_id);
  editThread(message.conversationId, (thread) => ({
    items: thread.items.filter((one) => keyOf(one) !== keyOf(message)),
  }));
}

export async function edit(message, content) {
  set({ editing: null });
  if (content === message.content) return;
  const changed = await api.editMessage(message.id, content);
  editThread(message.conversationId, (thread) => ({ items: merge(thread.items, [changed]) }));
}

export async function remove(message) {
  await api.deleteMessage(message.id);
}

/** Sets or takes back one's own reaction; the broadcast brings the new counts. */
export function react(message, emoji) {
  const on = !message.reactions?.[emoji]?.users.includes(get().me.id);
  live.react(message.id, emoji, on).catch(toastError);
}

/** Everything up to `seq` has been on the screen of a window that has the focus. */
export function read(conversationId, seq) {
  live.read(conversationId, seq);
  const { me, threads } = get();
  const held = get().conversations[conversationId];
  if (!held?.unreadCount) return;
  editConversation(conversationId, (one) => ({
    ...one,
    unreadCount: unreadAfter(one, threads[conversationId]?.items ?? [], seq, me.id),
  }));
}

export async function loadOlder(conversationId) {
  const thread = get().threads[conversationId];
  const oldest = thread?.items.find((message) => message.seq);
  if (!oldest || !thread.hasMore || thread.loading) return;
  editThread(conversationId, () => ({ loading: true }));
  try {
    const page = await api.messages(conversationId, { before: oldest.seq });
    editThread(conversationId, (held) => mergeOlder(held, page));
  } catch (failure) {
    editThread(conversationId, () => ({ loading: false }));
    toastError(failure);
  }
}
