/** From the server's events and answers to what the app is told. */

/** The durable events, by which a conversation's `rev` moves on, and the app's names for them. */
const DURABLE = {
  'message:new': 'message',
  'message:updated': 'updated',
  'message:deleted': 'deleted',
  'message:pinned': 'pinned',
  'message:status': 'status',
  'reaction:update': 'reaction',
  'receipt:update': 'receipt',
  'conversation:new': 'conversation',
  'conversation:updated': 'conversation',
  'conversation:deleted': 'gone',
  'conversation:participant-added': 'participant',
  'conversation:participant-updated': 'participant',
  'conversation:participant-removed': 'participant',
};

/** The app's names for the passing events that have one of their own. */
const PASSING = { 'typing:update': 'typing', 'user:status': 'presence', 'user:updated': 'user' };

/** What `join-room`, `leave-room` and `echo` answer as events too, and what this library deals with itself. */
const UNTOLD = new Set(['room-joined', 'room-left', 'echo-response', 'server:draining']);

export const isDurable = (name) => Object.hasOwn(DURABLE, name);

/** Tells the app of a passing event. */
export function deliverPassing(emit, name, payload) {
  if (!UNTOLD.has(name)) emit(PASSING[name] ?? name, payload);
}

/**
 * Tells the app of one durable event.
 *
 * @param {{emit: Function, user: () => string|null, forget: (id: string) => void}} out
 */
export function deliverEvent({ emit, user, forget }, name, data) {
  const { conversationId } = data;
  if (name === 'conversation:deleted') {
    forget(conversationId);
    emit('gone', { conversationId, reason: 'deleted' });
  } else if (name === 'conversation:participant-removed' && data.userId === user()) {
    forget(conversationId);
    emit('gone', { conversationId, reason: 'removed' });
  } else if (name.startsWith('conversation:participant-')) {
    emit('participant', participantOf(name.slice('conversation:participant-'.length), data));
  } else {
    emit(DURABLE[name], data);
  }
}

function participantOf(change, { conversationId, userId, participant, role, removedAt, rev }) {
  const told = { change, conversationId, userId: userId ?? participant.id, rev };
  return change === 'removed' ? { ...told, removedAt } : { ...told, role, user: participant };
}

/** Whether new messages are missing from an answer. */
export function hasHole(changes, seq) {
  if (changes.outcome !== 'delta' || changes.seq <= seq) return false;
  const fresh = new Set(changes.messages.map((message) => message.seq).filter((one) => one > seq));
  return fresh.size < changes.seq - seq;
}

/** Tells the app of what a `sync` answered for one conversation; `seq` is the newest message that it was told of. */
export function deliverAnswer({ emit }, conversationId, changes, seq) {
  if (changes.outcome === 'reset') return emit('reset', { conversationId, ...changes });
  if (changes.conversation) emit('conversation', changes.conversation);
  for (const one of changes.participants) {
    const { userId, rev, role, user, removedAt } = one;
    if (removedAt) emit('participant', { change: 'removed', conversationId, userId, rev, removedAt });
    else emit('participant', { change: 'added', conversationId, userId, rev, role, user });
  }
  for (const message of [...changes.messages].sort((one, other) => one.seq - other.seq)) {
    if (message.seq > seq) emit('message', message);
    else if (message.deletedAt) emit('deleted', tombstoneOf(message));
    else emit('updated', message);
  }
  for (const receipt of changes.receipts) emit('receipt', { conversationId, ...receipt });
}

function tombstoneOf({ id, conversationId, seq, rev, deletedAt }) {
  return { id, messageId: id, conversationId, seq, rev, deletedAt };
}
