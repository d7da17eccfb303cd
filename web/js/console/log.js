/** Everything that was sent and received, newest last, with a limit. */

const LIMIT = 2_000;

let entries = [];
let count = 0;
let paused = false;
let held = [];
const listeners = new Set();

function tell() {
  for (const listener of listeners) listener();
}

export const all = () => entries;
export const isPaused = () => paused;
export const waiting = () => held.length;

export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @param {"in"|"out"|"ack"|"info"} direction */
export function add(direction, event, data) {
  count += 1;
  const entry = { number: count, at: new Date().toISOString(), direction, event, data };
  if (paused) held = [...held, entry].slice(-LIMIT);
  else entries = [...entries, entry].slice(-LIMIT);
  tell();
  return entry;
}

/** While paused nothing is lost: it waits, and is shown on resuming. */
export function setPaused(value) {
  paused = value;
  if (!paused) {
    entries = [...entries, ...held].slice(-LIMIT);
    held = [];
  }
  tell();
}

export function clear() {
  entries = [];
  held = [];
  tell();
}

/** Event names in a filter are words with commas; `*` stands for anything, and a leading `-` leaves out. */
export function matcher(text) {
  const words = text
    .split(',')
    .map((word) => word.trim().toLowerCase())
    .filter(Boolean);
  const pattern = (word) =>
    new RegExp(
      `${word
        .split('*')
        .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
        .join('.*')}`,
    );
  const without = words.filter((word) => word.startsWith('-') && word.length > 1).map((word) => pattern(word.slice(1)));
  const only = words.filter((word) => !word.startsWith('-')).map(pattern);
  return ({ event }) => {
    const name = event.toLowerCase();
    return !without.some((one) => one.test(name)) && (!only.length || only.some((one) => one.test(name)));
  };
}

export function exportJson(shown) {
  const address = URL.createObjectURL(new Blob([JSON.stringify(shown, null, 2)], { type: 'application/json' }));
  const name = `parley-console-${new Date().toISOString().replaceAll(':', '-')}.json`;
  Object.assign(document.createElement('a'), { href: address, download: name }).click();
  setTimeout(URL.revokeObjectURL, 10_000, address);
}
