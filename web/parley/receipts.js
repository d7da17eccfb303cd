/**
 * What this client has received and read: one number per conversation and kind, told at most once in a while, the
 * highest alone, and again after a reconnect where it was not acknowledged.
 */

import { backoff } from './util.js';

const GATHER_MS = 250;

/**
 * @param {object} given
 * @param {(event: string, payload: object) => Promise<object>} given.call
 * @param {() => boolean} given.isReady
 * @param {number} given.longestBackoff in ms
 */
export function createReceipts({ call, isReady, longestBackoff }) {
  const marks = { 'delivered-ack': new Map(), read: new Map() };

  function note(event, conversationId, seq) {
    if (!(seq > 0)) return;
    const held = marks[event];
    const blank = { wanted: 0, told: 0, sentAt: 0, attempts: 0, busy: false, timer: null };
    if (!held.has(conversationId)) held.set(conversationId, blank);
    const mark = held.get(conversationId);
    if (seq <= mark.wanted) return;
    mark.wanted = seq;
    schedule(event, conversationId, mark, mark.sentAt + GATHER_MS - Date.now());
  }

  function schedule(event, conversationId, mark, delay) {
    mark.timer ??= setTimeout(() => {
      mark.timer = null;
      tell(event, conversationId, mark);
    }, Math.max(0, delay));
  }

  async function tell(event, conversationId, mark) {
    if (mark.busy || mark.wanted <= mark.told || !isReady()) return;
    // Reading tells of the arrival too.
    if (event === 'delivered-ack' && marks.read.get(conversationId)?.wanted >= mark.wanted) return;
    const seq = mark.wanted;
    Object.assign(mark, { busy: true, sentAt: Date.now() });
    let pause = GATHER_MS;
    try {
      await call(event, { conversationId, seq });
      Object.assign(mark, { told: seq, attempts: 0 });
    } catch (error) {
      if (error.passes) pause = Math.max((error.retryAfter ?? 0) * 1000, backoff(mark.attempts++, longestBackoff));
      else mark.told = seq;
    }
    mark.busy = false;
    if (mark.wanted > mark.told && isReady()) schedule(event, conversationId, mark, pause);
  }

  function each(work) {
    for (const [event, held] of Object.entries(marks)) {
      for (const [conversationId, mark] of held) work(event, conversationId, mark);
    }
  }

  return {
    delivered: (conversationId, seq) => note('delivered-ack', conversationId, seq),
    read: (conversationId, seq) => note('read', conversationId, seq),
    resume: () => each(tell),
    /** The conversations' numbers count anew, or are nobody's any more. */
    forget() {
      each((_event, _conversationId, mark) => clearTimeout(mark.timer));
      for (const held of Object.values(marks)) held.clear();
    },
  };
}
