/**
 * What this client has received and read, as watermarks: one number per conversation, told to the server at most
 * every 150 ms and again after a reconnect where it had not been acknowledged.
 */

const GATHER_MS = 150;

/** @param {{call: (event: string, payload: object) => Promise<object>, isReady: () => boolean}} options */
export function createReceipts({ call, isReady }) {
  const kinds = { 'delivered-ack': new Map(), read: new Map() };
  let timer = null;

  async function tell(event, conversationId, mark) {
    const seq = mark.wanted;
    mark.busy = true;
    try {
      await call(event, { conversationId, seq });
      mark.told = Math.max(mark.told, seq);
    } catch {
      // The next flush, after the reconnect, tells it again.
    }
    mark.busy = false;
    if (mark.told === seq && mark.wanted > seq) schedule();
  }

  function flush() {
    timer = null;
    if (!isReady()) return;
    for (const [event, marks] of Object.entries(kinds)) {
      for (const [conversationId, mark] of marks)
        if (mark.wanted > mark.told && !mark.busy) tell(event, conversationId, mark);
    }
  }

  function schedule() {
    timer ??= setTimeout(flush, GATHER_MS);
  }

  function note(event, conversationId, seq) {
    const marks = kinds[event];
    if (!marks.has(conversationId)) marks.set(conversationId, { wanted: 0, told: 0, busy: false });
    const mark = marks.get(conversationId);
    if (!(seq > mark.wanted)) return;
    mark.wanted = seq;
    schedule();
  }

  return {
    delivered: (conversationId, seq) => note('delivered-ack', conversationId, seq),
    read: (conversationId, seq) => note('read', conversationId, seq),
    resume: flush,
    clear() {
      clearTimeout(timer);
      timer = null;
      for (const marks of Object.values(kinds)) marks.clear();
    },
  };
}
