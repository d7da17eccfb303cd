/** The page's whole state in one object that is replaced, never changed, and the hook that reads a part of it. */

import { useEffect, useReducer, useRef } from 'preact/hooks';

export const empty = () => ({
  phase: 'starting',
  me: null,
  connection: 'stopped',
  conversations: {},
  listLoaded: false,
  threads: {},
  typing: {},
  presence: {},
  openId: null,
  uploads: [],
  drafts: {},
  editing: null,
  dialog: null,
  toasts: [],
});

let state = empty();
const listeners = new Set();

export const get = () => state;

/** @param {object|((state: object) => object)} change the keys to replace, or what computes them */
export function set(change) {
  const changes = typeof change === 'function' ? change(state) : change;
  if (!changes || changes === state) return;
  state = { ...state, ...changes };
  for (const listener of [...listeners]) listener();
}

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function same(one, other) {
  if (Object.is(one, other)) return true;
  if (!Array.isArray(one) || !Array.isArray(other) || one.length !== other.length) return false;
  return one.every((value, index) => Object.is(value, other[index]));
}

/** What `select` takes of the state; the component is drawn again only where that differs (arrays: by their items). */
export function useStore(select) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  const latest = useRef();
  const chosen = useRef();
  latest.current = select;
  chosen.current = select(state);
  useEffect(() => {
    const check = () => {
      if (!same(chosen.current, latest.current(state))) redraw();
    };
    check();
    return subscribe(check);
  }, []);
  return chosen.current;
}

/** Replaces one conversation, where it is held, by what `edit` makes of it. */
export function editConversation(id, edit) {
  const held = state.conversations[id];
  if (held) set({ conversations: { ...state.conversations, [id]: edit(held) } });
}

/** Adds to one conversation's thread, where it is held, what `edit` makes of it. */
export function editThread(id, edit) {
  const held = state.threads[id];
  if (held) set({ threads: { ...state.threads, [id]: { ...held, ...edit(held) } } });
}
