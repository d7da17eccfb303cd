/** What people do with conversations: open, create, change, leave. The address's hash names the open one. */

import * as api from '../api.js';
import { live } from '../app.js';
import { get, set } from '../store.js';
import { loadNewest, showConversation } from './sync.js';
import { toastError } from '../toasts.js';
import { addressOf, openInAddress } from '../util/address.js';

function show(id) {
  live.stopTyping();
  set({ openId: id, editing: null });
  const { conversations, threads } = get();
  const thread = threads[id];
  if (id && conversations[id] && (!thread?.loaded || thread.stale) && !thread?.loading)
    loadNewest(id).catch(toastError);
}

export function open(id) {
  if (openInAddress() !== id) window.history.pushState(null, '', addressOf(id));
  show(id);
}

export function close() {
  if (openInAddress()) window.history.pushState(null, '', window.location.pathname);
  show(null);
}

/** The browser's back and forward buttons move between conversations. */
export function followAddress() {
  if (get().phase === 'chat') show(openInAddress());
}

export async function create(details) {
  const conversation = await api.createConversation(details);
  await showConversation(conversation.id, conversation);
  open(conversation.id);
}

export const openDirect = (userId) => create({ type: 'direct', participantIds: [userId] });

export async function rename(id, title) {
  await api.updateConversation(id, { title });
}

export const add = (id, userId) => api.addParticipant(id, userId);
export const remove = (id, userId) => api.removeParticipant(id, userId);
export const leave = (id) => api.removeParticipant(id, get().me.id);
export const destroy = (id) => api.deleteConversation(id);
