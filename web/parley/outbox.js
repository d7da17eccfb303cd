/**
 * Messages on their way. A draft is stored before anything else can happen to it, and sent with the same `temp_id`
 * until the server says that it has it, or never will: over lost connections, reloads and tabs. One at a time per
 * conversation, so that none overtakes another.
 */

import { ParleyError } from './errors.js';
import { backoff, uuid } from './util.js';

/** How often `internal`, which may be the draft's fault, is believed to pass. */
const INTERNAL_MOST = 5;

/** Bytes of a draft; the server closes connections on which larger packets come (1 MB), and no message is that long. */
const LARGEST = 900_000;

/**
 * @param {object} given
 * @param {Promise<object>} given.storage see storage.js
 * @param {object} given.tabs which other pages share the storage, see tabs.js
 * @param {(event: string, payload: object) => Promise<object>} given.call
 * @param {() => boolean} given.isReady
 * @param {(name: string, payload: object) => void} given.emit
 * @param {number} given.longestBackoff in ms
 * @param {(error: Error) => void} given.onTrouble
 */
export function createOutbox({ storage, tabs, call, isReady, emit, longestBackoff, onTrouble }) {
  const entries = new Map();
  let lastOrder = 0;
  let disk = storage;
  let closed = false;

  /** Storage operations take place one after another, so that a removal never overtakes what it removes. */
  function store(work) {
    disk = disk.then(async (opened) => {
      await work(opened).catch(onTrouble);
      return opened;
    });
    return disk;
  }

  function tell(entry, state, more = {}) {
    const { temp_id, conversationId } = entry.draft;
    emit('outbox', { temp_id, conversationId, state, draft: entry.draft, ...more });
  }

  function keep(entry) {
    const { draft, order, failure } = entry;
    const record = { temp_id: draft.temp_id, draft, order, owner: tabs.id, failure: failure ?? null };
    store((opened) => opened.put(record));
  }

  function enter(draft, order, failure = null) {
    const entry = { draft, order, failure, state: failure ? 'failed' : 'waiting', attempts: 0, timer: null };
    promise(entry);
    entries.set(draft.temp_id, entry);
    lastOrder = Math.max(lastOrder, order);
    return entry;
  }

  function promise(entry) {
    entry.sent = new Promise((resolve, reject) => Object.assign(entry, { resolve, reject }));
    // Who looks at the events only need not catch this too.
    entry.sent.catch(() => {});
  }

  function drop(entry) {
    clearTimeout(entry.timer);
    entries.delete(entry.draft.temp_id);
    store((opened) => opened.remove(entry.draft.temp_id));
  }

  function succeed(entry, { message, duplicate }) {
    drop(entry);
    entry.resolve({ message, duplicate });
    tell(entry, 'sent', { message, duplicate });
  }

  function fail(entry, error) {
    entry.state = 'failed';
    entry.failure = { error: error.code, message: error.message, ...(error.fields ? { fields: error.fields } : {}) };
    keep(entry);
    entry.reject(error);
    tell(entry, 'failed', { failure: entry.failure });
    emit('failed', { temp_id: entry.draft.temp_id, draft: entry.draft, error });
  }

  function tooLarge(draft) {
    return new TextEncoder().encode(JSON.stringify(draft)).length > LARGEST;
  }

  async function transmit(entry) {
    entry.state = 'sending';
    try {
      if (tooLarge(entry.draft)) throw new ParleyError('too_large', 'This message is too large');
      const answer = await call('send-message', entry.draft);
      if (entries.get(entry.draft.temp_id) === entry) succeed(entry, answer);
    } catch (error) {
      if (entries.get(entry.draft.temp_id) === entry && !closed) refused(entry, error);
    }
    flush();
  }

  function refused(entry, error) {
    if (error.code === 'disconnected') {
      entry.state = 'waiting';
      return;
    }
    entry.attempts += 1;
    const passes = error.passes && !(error.code === 'internal' && entry.attempts >= INTERNAL_MOST);
    if (!passes) return fail(entry, error);
    entry.state = 'paused';
    const pause = Math.max((error.retryAfter ?? 0) * 1000, backoff(entry.attempts - 1, longestBackoff));
    entry.timer = setTimeout(() => {
      entry.state = 'waiting';
      flush();
    }, pause);
    tell(entry, 'paused', { failure: { error: error.code, message: error.message } });
  }

  /** Sends the oldest open draft of each conversation, unless it is on its way already. */
  function flush() {
    if (closed || !isReady()) return;
    const busy = new Set();
    for (const entry of [...entries.values()].sort((one, other) => one.order - other.order)) {
      const { conversationId } = entry.draft;
      if (entry.state === 'failed' || busy.has(conversationId)) continue;
      busy.add(conversationId);
      if (entry.state === 'waiting') transmit(entry);
    }
  }

  /** Takes over the stored drafts of pages that are gone. Another page that does the same only sends them twice. */
  async function adopt() {
    const opened = await disk;
    const living = await tabs.living();
    const records = await opened.drafts().catch((error) => (onTrouble(error), []));
    if (closed) return;
    for (const record of records.sort((one, other) => one.order - other.order)) {
      if (entries.has(record.temp_id)) continue;
      if (living.has(record.owner)) {
        tabs.whenGone(record.owner, adopt);
        continue;
      }
      const entry = enter(record.draft, record.order, record.failure);
      keep(entry);
      tell(entry, entry.state, entry.failure ? { failure: entry.failure } : {});
    }
    flush();
  }

  return {
    flush,
    adopt,
    /** Puts a draft on its way; answers its `temp_id` at once, and a promise of the stored message. */
    send({ temp_id = uuid(), ...rest }) {
      if (closed) throw new ParleyError('closed', 'This client was closed');
      const entry = enter({ temp_id, ...rest }, Math.max(lastOrder + 1, Date.now() * 1000));
      keep(entry);
      tell(entry, 'waiting');
      flush();
      return { temp_id, sent: entry.sent };
    },
    /** Sends a failed draft again. */
    retry(tempId) {
      const entry = entries.get(tempId);
      if (!entry) throw new ParleyError('not_found', 'There is no such draft');
      if (entry.state === 'failed') {
        Object.assign(entry, { state: 'waiting', failure: null, attempts: 0 });
        promise(entry);
        keep(entry);
        tell(entry, 'waiting');
        flush();
      }
      return entry.sent;
    },
    /** Gives a draft up. One that is on its way may arrive all the same. */
    discard(tempId) {
      const entry = entries.get(tempId);
      if (!entry) return false;
      drop(entry);
      entry.reject(new ParleyError('discarded', 'This draft was discarded'));
      tell(entry, 'discarded');
      flush();
      return true;
    },
    list() {
      const ordered = [...entries.values()].sort((one, other) => one.order - other.order);
      return ordered.map(({ draft, state, failure }) => ({ ...draft, state, failure }));
    },
    /** Nothing is sent any more; what is stored stays, unless it is to be forgotten. */
    async close(forget) {
      closed = true;
      tabs.close();
      for (const entry of entries.values()) {
        clearTimeout(entry.timer);
        entry.reject(new ParleyError('closed', 'This client was closed before the message was acknowledged'));
        if (forget) store((opened) => opened.remove(entry.draft.temp_id));
      }
      await disk;
    },
  };
}
