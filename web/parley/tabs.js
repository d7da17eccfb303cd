/**
 * Which pages of this browser share a storage, by the Web Locks API: each holds a lock for as long as it lives, and the
 * browser takes it back however the page ends. Where there is no such API, no other page counts as living.
 */

import { uuid } from './util.js';

/**
 * @param {LockManager | undefined} locks
 * @param {Promise<string>} scope the storage's name
 */
export function createTabs(locks, scope) {
  const id = uuid();
  const end = new AbortController();
  const watched = new Set();
  let release = () => {};
  const prefix = scope.then((name) => `${name}:tab:`);
  const held = locks ? prefix.then(hold) : Promise.resolve();

  /** Settles once the lock is ours; it stays so until `close()`. */
  function hold(name) {
    return new Promise((settled) => {
      const kept = new Promise((resolve) => (release = resolve));
      locks.request(name + id, () => (settled(), kept)).catch(settled);
    });
  }

  return {
    id,
    /** The ids of the pages that live. */
    async living() {
      if (!locks) return new Set();
      await held;
      const name = await prefix;
      const state = await locks.query();
      const names = state.held.map((lock) => lock.name).filter((one) => one.startsWith(name));
      return new Set(names.map((one) => one.slice(name.length)));
    },
    /** Calls `back` once the page with this id is gone. */
    async whenGone(other, back) {
      if (!locks || other === id || watched.has(other)) return;
      watched.add(other);
      const name = await prefix;
      // The lock is free again before `back` looks: what it asks is who lives.
      const granted = locks.request(name + other, { signal: end.signal }, () => {});
      await granted.then(back, () => {});
    },
    close() {
      release();
      end.abort();
    },
  };
}
