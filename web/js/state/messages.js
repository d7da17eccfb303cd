/** A conversation's loaded messages, as pure functions. Order is `seq`; what has none yet comes last. */

const RANK = { sending: 0, failed: 0, sent: 1, delivered: 2, read: 3 };

export const emptyThread = () => ({ items: [], hasMore: false, loading: false, loaded: false, stale: false });

/** The same message keeps one key from the optimistic bubble to the stored one, so that its element stays. */
export const keyOf = (message) => (message.temp_id ? `${message.senderId}:${message.temp_id}` : message.id);

const higher = (one, other) => ((RANK[other] ?? 0) > (RANK[one] ?? 0) ? other : one);

function newer(held, incoming) {
  if (!held.seq) return { ...incoming, status: incoming.status ?? 'sent' };
  const winner = (incoming.rev ?? 0) >= (held.rev ?? 0) ? { ...held, ...incoming } : held;
  return { ...winner, status: higher(held.status, incoming.status) };
}

function inOrder(one, other) {
  if (one.seq && other.seq) return one.seq - other.seq;
  if (one.seq || other.seq) return one.seq ? -1 : 1;
  return one.order - other.order;
}

/** Adds messages, or brings held ones up to date; an optimistic one is replaced by its stored self. */
export function merge(items, incoming) {
  const byKey = new Map(items.map((message) => [keyOf(message), message]));
  const keyById = new Map(items.filter((message) => message.id).map((message) => [message.id, keyOf(message)]));
  for (const message of incoming) {
    const key = keyById.get(message.id) ?? keyOf(message);
    const held = byKey.get(key);
    byKey.set(key, held ? newer(held, message) : message);
    if (message.id) keyById.set(message.id, key);
  }
  return [...byKey.values()].sort(inOrder);
}

/** The newest page after an absence: joined to what is held where they touch, else instead of it. */
export function mergePage(thread, page) {
  const newest = [...page.items].reverse();
  const pending = thread.items.filter((message) => !message.seq);
  const held = thread.items.filter((message) => message.seq);
  if (!thread.loaded)
    return { ...thread, items: merge(thread.items, newest), hasMore: page.hasMore, loaded: true, stale: false };
  const touches = held.length && newest.length && newest[0].seq <= held.at(-1).seq + 1;
  if (touches) return { ...thread, items: merge(thread.items, newest), stale: false };
  return { ...thread, items: merge(pending, newest), hasMore: page.hasMore, stale: false };
}

export function mergeOlder(thread, page) {
  return { ...thread, items: merge(thread.items, page.items), hasMore: page.hasMore, loading: false };
}

export const change = (items, test, changes) =>
  items.map((message) => (test(message) ? { ...message, ...changes } : message));

export function tombstone(items, { messageId, rev, deletedAt }) {
  return change(items, (message) => message.id === messageId, {
    content: '',
    attachments: [],
    reactions: {},
    rev,
    deletedAt,
  });
}

export function raiseStatus(items, messageId, status) {
  return items.map((message) =>
    message.id === messageId ? { ...message, status: higher(message.status, status) } : message,
  );
}

/** Raises the sender's own messages to what everybody else has received and read, by their watermarks. */
export function raiseToWatermarks(items, meId, others) {
  if (!others.length || others.some((one) => one.deliveredSeq === undefined)) return items;
  const delivered = Math.min(...others.map((one) => Math.max(one.deliveredSeq ?? 0, one.readSeq ?? 0)));
  const read = Math.min(...others.map((one) => one.readSeq ?? 0));
  return items.map((message) => {
    if (message.senderId !== meId || !message.seq) return message;
    const reached = message.seq <= read ? 'read' : message.seq <= delivered ? 'delivered' : message.status;
    const status = higher(message.status, reached);
    return status === message.status ? message : { ...message, status };
  });
}
