/**
 * Messages on their way. Each is sent with the same `temp_id` until it is acknowledged or refused for good, one
 * at a time per conversation, so that none overtakes another.
 */

const PASSING = new Set(['rate_limited', 'unavailable', 'internal', 'token_expired']);
const MAX_INTERNAL = 3;
const PAUSE_MS = 1_200;

/**
 * @param {object} options
 * @param {(draft: object) => Promise<object>} options.transmit sends one and answers the acknowledgement
 * @param {() => boolean} options.isReady
 * @param {(change: {temp_id: string, conversationId: string, state: "sending"|"sent"|"failed",
 *   message?: object, failure?: object}) => void} options.onChange
 */
export function createOutbox({ transmit, isReady, onChange }) {
  const entries = new Map();

  function tell(entry, state, more = {}) {
    onChange({ temp_id: entry.draft.temp_id, conversationId: entry.draft.conversationId, state, ...more });
  }

  function settle(entry, answer) {
    if (!entries.has(entry.draft.temp_id)) return;
    if (answer?.ok) {
      entries.delete(entry.draft.temp_id);
      tell(entry, 'sent', { message: answer.message });
      return;
    }
    entry.refusals += 1;
    const passes = PASSING.has(answer?.error) && !(answer.error === 'internal' && entry.refusals >= MAX_INTERNAL);
    if (passes) return retryLater(entry, (answer.retryAfter ?? 0) * 1000);
    entry.state = 'failed';
    tell(entry, 'failed', { failure: answer ?? { message: 'The server did not accept this message.' } });
  }

  function retryLater(entry, delay) {
    entry.state = 'paused';
    setTimeout(
      () => {
        if (entry.state === 'paused') entry.state = 'waiting';
        flush();
      },
      Math.max(delay, PAUSE_MS),
    );
  }

  async function send(entry) {
    entry.state = 'sending';
    try {
      settle(entry, await transmit(entry.draft));
    } catch {
      if (entries.has(entry.draft.temp_id)) retryLater(entry, 0);
    }
    flush();
  }

  /** Starts the oldest open message of each conversation, unless it is on its way already. */
  function flush() {
    if (!isReady()) return;
    const seen = new Set();
    for (const entry of entries.values()) {
      const { conversationId } = entry.draft;
      if (entry.state === 'failed' || seen.has(conversationId)) continue;
      seen.add(conversationId);
      if (entry.state === 'waiting') send(entry);
    }
  }

  return {
    add(draft) {
      const entry = { draft, state: 'waiting', refusals: 0 };
      entries.set(draft.temp_id, entry);
      tell(entry, 'sending');
      flush();
    },
    /** After a new connection nothing is on its way any more: what was is sent again. */
    resume() {
      for (const entry of entries.values()) if (entry.state === 'paused') entry.state = 'waiting';
      flush();
    },
    retry(tempId) {
      const entry = entries.get(tempId);
      if (entry?.state !== 'failed') return;
      Object.assign(entry, { state: 'waiting', refusals: 0 });
      tell(entry, 'sending');
      flush();
    },
    /** The broadcast told us before the acknowledgement did, or the user gave up. */
    remove(tempId) {
      if (entries.delete(tempId)) flush();
    },
    clear: () => entries.clear(),
  };
}
