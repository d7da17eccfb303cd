/** Small things that several modules share. */

/** Named listeners. One that throws is reported and disturbs nobody else. */
export function createEmitter() {
  const listeners = new Map();
  return {
    /** Answers the function that removes the listener again. */
    on(name, listener) {
      if (!listeners.has(name)) listeners.set(name, new Set());
      listeners.get(name).add(listener);
      return () => listeners.get(name)?.delete(listener);
    },
    off(name, listener) {
      listeners.get(name)?.delete(listener);
    },
    emit(name, ...values) {
      for (const listener of [...(listeners.get(name) ?? [])]) {
        try {
          listener(...values);
        } catch (error) {
          // Thrown outside of our own work, which must go on: the browser's console shows it, Node ends.
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    },
  };
}

/** A random id, also on pages without TLS, where `crypto.randomUUID` does not exist. */
export function uuid() {
  const { crypto } = globalThis;
  if (typeof crypto?.randomUUID === 'function') return crypto.randomUUID();
  const bytes = new Uint8Array(16);
  if (crypto?.getRandomValues) crypto.getRandomValues(bytes);
  else bytes.forEach((_, index) => (bytes[index] = Math.random() * 256));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

const FIRST_MS = 300;
const FACTOR = 1.8;

/**
 * How long to wait before the next attempt: exponential, of which the second half is random, so that clients which
 * lost their server together do not come back together.
 *
 * @param {number} attempts how many have failed before
 * @param {number} longest in ms
 */
export function backoff(attempts, longest) {
  const full = Math.min(longest, FIRST_MS * FACTOR ** Math.min(attempts, 20));
  return full * (0.5 + Math.random() / 2);
}

/** The `userId` of a token, unverified: to name this browser's storage and to know one's own messages. */
export function userOf(token) {
  try {
    const body = token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
    const bytes = Uint8Array.from(atob(body), (character) => character.codePointAt(0));
    const { userId } = JSON.parse(new TextDecoder().decode(bytes));
    return userId === undefined || userId === null ? null : String(userId);
  } catch {
    return null;
  }
}

/** What the browser knows of the network and the page; in Node, always online. */
export function browserEnvironment() {
  const target = typeof globalThis.addEventListener === 'function' ? globalThis : null;
  const { document } = globalThis;
  return {
    isOnline: () => globalThis.navigator?.onLine !== false,
    /** Calls `back` when the network or the page came back; answers how to stop that. */
    watch(back) {
      const seen = () => document.visibilityState === 'visible' && back();
      target?.addEventListener('online', back);
      target?.addEventListener('offline', back);
      document?.addEventListener('visibilitychange', seen);
      return () => {
        target?.removeEventListener('online', back);
        target?.removeEventListener('offline', back);
        document?.removeEventListener('visibilitychange', seen);
      };
    },
  };
}
