/** Conversations, as pure functions: their shape, names, order and counts. */

import { nameList, nameOf } from '../util/text.js';

/** A participant is the membership with its `user` inside. */
function participantOf(entry) {
  const user = entry.user ?? {
    id: entry.userId ?? entry.id,
    username: entry.username,
    displayName: entry.displayName,
    avatar: entry.avatar,
  };
  return { ...entry, userId: entry.userId ?? user.id, role: entry.role ?? 'member', user };
}

export function normal(conversation) {
  return {
    unreadCount: 0,
    seq: 0,
    ...conversation,
    participants: (conversation.participants ?? []).map(participantOf),
  };
}

export const others = (conversation, meId) => conversation.participants.filter((one) => one.userId !== meId);
export const mine = (conversation, meId) => conversation.participants.find((one) => one.userId === meId);
export const isGroup = (conversation) => conversation.type === 'group';

export function canManage(conversation, meId) {
  return isGroup(conversation) && ['owner', 'admin'].includes(mine(conversation, meId)?.role);
}

export function titleOf(conversation, meId) {
  if (conversation.title) return conversation.title;
  const names = others(conversation, meId).map((one) => nameOf(one.user));
  if (!names.length) return isGroup(conversation) ? 'Only you' : 'Notes to yourself';
  return names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} others` : nameList(names);
}

const activity = (conversation) => conversation.lastMessage?.createdAt ?? conversation.createdAt ?? '';

export const ordered = (conversations) =>
  Object.values(conversations).sort((one, other) => (activity(one) < activity(other) ? 1 : -1));

/** A message arrived: it is the newest, and unread where it is somebody else's and not counted yet. */
export function touched(conversation, message, meId) {
  const isNew = message.seq > (conversation.seq ?? 0);
  if (!isNew)
    return conversation.lastMessage?.id === message.id ? { ...conversation, lastMessage: message } : conversation;
  const counts = message.senderId !== meId && message.senderId !== null;
  return {
    ...conversation,
    seq: message.seq,
    lastMessage: message,
    unreadCount: conversation.unreadCount + (counts ? 1 : 0),
  };
}

/** Unread after reading up to `seq`: exact where the rest is loaded, else what is known so far. */
export function unreadAfter(conversation, items, seq, meId) {
  if (seq >= conversation.seq) return 0;
  const rest = items.filter((message) => message.seq > seq);
  if (rest.length < conversation.seq - seq) return conversation.unreadCount;
  return rest.filter((message) => message.senderId !== meId && !message.deletedAt).length;
}

export function withParticipant(conversation, entry) {
  const added = participantOf(entry);
  const rest = conversation.participants.filter((one) => one.userId !== added.userId);
  const held = conversation.participants.find((one) => one.userId === added.userId);
  return { ...conversation, participants: [...rest, { ...held, ...added }] };
}

export function withoutParticipant(conversation, userId) {
  return { ...conversation, participants: conversation.participants.filter((one) => one.userId !== userId) };
}

/** Watermarks only rise. */
export function withReceipt(conversation, { userId, deliveredSeq, readSeq }) {
  const participants = conversation.participants.map((one) => {
    if (one.userId !== userId) return one;
    return {
      ...one,
      deliveredSeq: Math.max(one.deliveredSeq ?? 0, deliveredSeq ?? 0),
      readSeq: Math.max(one.readSeq ?? 0, readSeq ?? 0),
    };
  });
  return { ...conversation, participants };
}

const OWN_PROPERTIES = ['title', 'avatar', 'type', 'rev', 'updatedAt'];

/** A broadcast about a conversation's properties holds nothing personal: counts and pins stay as they are. */
export function withProperties(conversation, update) {
  const changes = Object.fromEntries(
    OWN_PROPERTIES.filter((name) => name in update).map((name) => [name, update[name]]),
  );
  return { ...conversation, ...changes };
}
