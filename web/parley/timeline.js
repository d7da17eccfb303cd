/**
 * How far the client is in each conversation, and that the app is told of each durable change once, in order.
 *
 * A position is `{rev, seq}`. `floor` is the rev of the newest snapshot that the server answered: what is not newer is
 * in it. Durable events are held while an answer is awaited that they may belong behind: `backlog` after a (re)connect,
 * an entry's `waiting` while a gap is filled or a room joined.
 */

import { deliverAnswer, deliverEvent, hasHole } from './delivery.js';
import { createInsistence } from './requests.js';

/** Conversations that one `sync` may name. */
const A_SYNC = 1_000;

/** Events held at most; beyond, another `sync` is cheaper than keeping them. */
const HELD_MOST = 5_000;

/**
 * @param {object} given
 * @param {(event: string, payload: object) => Promise<object>} given.call one round trip
 * @param {(name: string, payload: any) => void} given.emit
 * @param {() => string|null} given.user
 * @param {boolean} given.autoJoin
 * @param {number} given.longestBackoff in ms
 * @param {() => void} given.onMoved a position changed
 * @param {(error: Error) => void} given.onTrouble
 */
export function createTimeline({ call, emit, user, autoJoin, longestBackoff, onMoved, onTrouble }) {
  const known = new Map();
  const left = new Set();
  // Their going came as an event; the next `sync` names them once more.
  const toldGone = new Set();
  let epoch = null;
  let me = autoJoin ? 0 : null;
  let line = 0;
  let synced = false;
  let backlog = [];
  let overflown = false;
  let running = null;

  const insist = createInsistence(longestBackoff, onTrouble);
  const entryOf = (rev, seq) => ({ rev, seq, floor: -1, waiting: null });
  const out = {
    emit,
    user,
    forget(id) {
      known.delete(id);
      toldGone.add(id);
    },
  };

  /** A durable event of the server. */
  function take(name, data) {
    if (left.has(data.conversationId)) return;
    if (!synced) return hold(name, data);
    const entry = known.get(data.conversationId);
    if (!entry) return takeUnknown(name, data);
    if (entry.waiting || entry.rev === null) return void (entry.waiting ??= []).push([name, data]);
    if (data.rev <= entry.floor) return;
    const isNew = name === 'message:new';
    if (data.prevRev > entry.rev || (isNew && data.seq > entry.seq + 1)) {
      entry.waiting = [[name, data]];
      return void fill(data.conversationId, entry);
    }
    const before = entry.seq;
    entry.rev = Math.max(entry.rev, data.rev);
    if (isNew || name === 'conversation:new') entry.seq = Math.max(entry.seq, data.seq);
    onMoved();
    if (!isNew || data.seq > before) deliverEvent(out, name, data);
  }

  function hold(name, data) {
    backlog.push([name, data]);
    if (backlog.length < HELD_MOST) return;
    backlog = [];
    overflown = true;
  }

  /** A conversation that we do not follow: from here on we do, where we follow all, else only its own news are told. */
  function takeUnknown(name, data) {
    if (autoJoin && (name === 'conversation:new' || name === 'message:new')) {
      known.set(data.conversationId, entryOf(data.rev, data.seq));
      onMoved();
    }
    if (autoJoin || name.startsWith('conversation:')) deliverEvent(out, name, data);
  }

  function release(entry) {
    const waiting = entry.waiting ?? [];
    entry.waiting = null;
    for (const [name, data] of waiting) take(name, data);
  }

  /** Takes what the server answered for one conversation that we asked about from `since` on. */
  function takeAnswer(id, changes, since) {
    const entry = known.get(id);
    if (!entry) return;
    if (changes.outcome === 'gone') {
      return lose(id);
    }
    // Two questions may be under way; the answer that comes last may be the older one.
    if (changes.rev < entry.floor && since <= changes.rev) return;
    const before = entry.seq;
    const restart = changes.outcome === 'reset';
    entry.floor = changes.rev;
    entry.rev = restart ? changes.rev : Math.max(entry.rev, changes.rev);
    entry.seq = restart ? changes.seq : Math.max(entry.seq, changes.seq);
    onMoved();
    deliverAnswer(out, id, changes, before);
  }

  function lose(id) {
    known.delete(id);
    onMoved();
    emit('gone', { conversationId: id, reason: 'unseen' });
  }

  /** Asks for one conversation's changes until they come or the line breaks. */
  async function fill(id, entry) {
    const mine = line;
    const filled = await insist(() => mine === line, async () => {
      if (known.get(id) !== entry) return;
      const since = entry.rev;
      const answer = await call('sync', { conversations: { [id]: since }, ...(epoch ? { epoch } : {}) });
      if (mine !== line || known.get(id) !== entry) return;
      if (answer.epoch !== epoch) return void syncAll();
      takeAnswer(id, await whole(id, answer.conversations[id], since), since);
    });
    if (filled && known.get(id) === entry) release(entry);
  }

  /**
   * The answer, or, where new messages are missing from it, one that has all. Such a hole is left where the line broke
   * in the middle of events that a node read from the database, which come in the order of `seq`, not of `rev`.
   */
  async function whole(id, changes, since) {
    const entry = known.get(id);
    if (!entry || since === 0 || !hasHole(changes, entry.seq)) return changes;
    const answer = await call('sync', { conversations: { [id]: 0 }, ...(epoch ? { epoch } : {}) });
    return answer.conversations[id];
  }

  /** Everything since the positions that we have, in one round trip; then what came meanwhile. */
  function syncAll() {
    if (running?.line !== line) {
      const one = { line, promise: syncNow().finally(() => running === one && (running = null)) };
      running = one;
    }
    return running.promise;
  }

  async function syncNow() {
    const mine = line;
    const lost = new Set();
    synced = false;
    const done = await insist(() => mine === line, async () => {
      do {
        overflown = false;
        await syncOnce(mine, lost);
      } while (overflown && mine === line);
    });
    if (!done) return false;
    synced = true;
    const held = backlog;
    backlog = [];
    for (const [name, data] of held) {
      if (name === 'conversation:new') lost.delete(data.conversationId);
      if (!lost.has(data.conversationId)) take(name, data);
    }
    return true;
  }

  async function syncOnce(mine, lost) {
    const positions = [...known].filter(([, entry]) => entry.rev !== null).map(([id, entry]) => [id, entry.rev]);
    const asked = [];
    for (let at = 0; at === 0 || at < positions.length; at += A_SYNC) {
      const payload = { conversations: Object.fromEntries(positions.slice(at, at + A_SYNC)) };
      if (epoch) payload.epoch = epoch;
      if (me !== null && at === 0) payload.me = me;
      asked.push(call('sync', payload));
    }
    const answers = await Promise.all(asked);
    const since = Object.fromEntries(positions);
    const all = Object.assign({}, ...answers.map((answer) => answer.conversations));
    for (const [id, changes] of Object.entries(all)) {
      if (changes.outcome === 'delta') all[id] = await whole(id, changes, since[id]);
    }
    if (mine !== line) return;
    const [first] = answers;
    if (epoch !== null && first.epoch !== epoch) startAnew(first.epoch);
    epoch = first.epoch;
    for (const [id, changes] of Object.entries(all)) {
      if (changes.outcome === 'gone') lost.add(id);
      takeAnswer(id, changes, since[id]);
    }
    takeMine(first.me, all, lost);
  }

  /** The database has another life: every position is of the old one. */
  function startAnew(next) {
    for (const entry of known.values()) entry.floor = -1;
    emit('epoch', { epoch: next, before: epoch });
  }

  function takeMine(mine, asked, lost) {
    me = mine.rev;
    onMoved();
    for (const conversation of mine.added) {
      if (known.has(conversation.id)) continue;
      if (autoJoin) known.set(conversation.id, { ...entryOf(conversation.rev, conversation.seq), floor: conversation.rev });
      emit('conversation', conversation);
    }
    for (const id of mine.removed) {
      if (Object.hasOwn(asked, id) || toldGone.has(id)) continue;
      lost.add(id);
      lose(id);
    }
    toldGone.clear();
  }

  /** Join a room: what changed since our position, or the room's position where we have none. */
  async function enter(id, ask) {
    left.delete(id);
    if (!known.has(id)) known.set(id, { ...entryOf(null, null), waiting: [] });
    const entry = known.get(id);
    const since = entry.rev;
    entry.waiting ??= [];
    try {
      const answer = await ask('join-room', { conversationId: id, ...(since === null ? {} : { since }) });
      if (known.get(id) !== entry) return answer;
      if (answer.changes) takeAnswer(id, await whole(id, answer.changes, since), since);
      else if (entry.rev === null) Object.assign(entry, { rev: answer.rev, seq: answer.seq, floor: answer.rev });
      onMoved();
      return answer;
    } catch (error) {
      if (entry.rev === null) known.delete(id);
      throw error;
    } finally {
      if (known.get(id) === entry && entry.rev !== null) release(entry);
    }
  }

  /** The rooms of this client, to be joined anew: the server forgets them with the connection. */
  function rooms() {
    return autoJoin ? [] : [...known].filter(([, entry]) => entry.rev !== null).map(([id]) => id);
  }

  return {
    take,
    enter,
    rooms,
    left,
    syncAll,
    /** The line broke: what was held belongs to it, and the next `sync` answers all of it. */
    down() {
      line += 1;
      synced = false;
      backlog = [];
      for (const entry of known.values()) entry.waiting = null;
    },
    leave(id) {
      known.delete(id);
      if (autoJoin) left.add(id);
      onMoved();
    },
    /** The app knows this conversation up to a position, by its own means. */
    follow(id, { rev, seq }) {
      if (!known.has(id)) known.set(id, entryOf(rev, seq));
      onMoved();
    },
    positions() {
      const settled = [...known].filter(([, entry]) => entry.rev !== null);
      const conversations = Object.fromEntries(settled.map(([id, { rev, seq }]) => [id, { rev, seq }]));
      return { epoch, me, conversations };
    },
    restore(positions) {
      epoch ??= positions.epoch;
      me = positions.me ?? me;
      for (const [id, { rev, seq }] of Object.entries(positions.conversations)) {
        if (!known.has(id)) known.set(id, entryOf(rev, seq));
      }
    },
    get epoch() {
      return epoch;
    },
  };
}
