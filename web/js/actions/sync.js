/** Bringing the store up to date with the server: the list, one conversation, the newest page, presence. */

import * as api from '../api.js';
import { live } from '../app.js';
import { normal, others, touched } from '../state/conversations.js';
import { emptyThread, merge, mergePage } from '../state/messages.js';
import { editConversation, editThread, get, set } from '../store.js';
import { toastError } from '../toasts.js';

const IDS_PER_CALL = 100;

export async function loadPresence(userIds) {
  for (let from = 0; from < userIds.length; from += IDS_PER_CALL) {
    const users = await live.presence(userIds.slice(from, from + IDS_PER_CALL)).catch(() => null);
    if (users) set((state) => ({ presence: { ...state.presence, ...users } }));
  }
}

/** What was listed has reached this client. */
function acknowledge(conversation) {
  const last = conversation.lastMessage;
  if (last && conversation.unreadCount > 0) live.delivered(conversation.id, last.seq);
}

function present(conversations) {
  const { me } = get();
  const people = new Set(conversations.flatMap((one) => others(one, me.id).map((other) => other.userId)));
  conversations.forEach(acknowledge);
  return loadPresence([...people]);
}

async function loadList() {
  const list = (await api.conversations()).map(normal);
  set({ conversations: Object.fromEntries(list.map((one) => [one.id, one])), listLoaded: true });
  await present(list);
}

/** Shows a conversation that was not in the list, or shows it anew. */
export async function showConversation(id, given) {
  const loaded = normal(given?.participants ? given : await api.conversation(id));
  set((state) => ({ conversations: { ...state.conversations, [id]: { ...state.conversations[id], ...loaded } } }));
  await present([loaded]);
}

/** A stored message, whichever way it came. */
export function takeMessage(message) {
  const { conversations, me } = get();
  editThread(message.conversationId, (thread) => ({ items: merge(thread.items, [message]) }));
  if (!conversations[message.conversationId]) showConversation(message.conversationId).catch(toastError);
  else editConversation(message.conversationId, (held) => touched(held, message, me.id));
}

export async function loadNewest(id) {
  set((state) => ({ threads: { ...state.threads, [id]: { ...(state.threads[id] ?? emptyThread()), loading: true } } }));
  try {
    const page = await api.messages(id);
    editThread(id, (thread) => ({ ...mergePage(thread, page), loading: false }));
  } catch (failure) {
    editThread(id, () => ({ loading: false }));
    throw failure;
  }
}

/** After every connect: the list, and the open conversation's newest page; other threads wait until they are opened. */
export async function reload() {
  const { me, openId, threads } = get();
  set({ threads: Object.fromEntries(Object.entries(threads).map(([id, thread]) => [id, { ...thread, stale: true }])) });
  try {
    await loadList();
    if (get().me?.id !== me.id) return;
    if (openId && get().conversations[openId]) await loadNewest(openId);
    else if (openId) set({ openId: null });
    const own = await api.me();
    if (get().me?.id === me.id) set({ me: own });
  } catch (failure) {
    if (get().phase === 'chat') toastError(failure);
  }
}
