/** Short notices at the page's edge. An error's words come from the server. */

import { get, set } from './store.js';

const LIFE_MS = 6_000;
let count = 0;

export function dismiss(id) {
  set((state) => ({ toasts: state.toasts.filter((toast) => toast.id !== id) }));
}

export function toast(text, kind = 'info') {
  if (get().toasts.some((shown) => shown.text === text)) return;
  count += 1;
  const id = count;
  set((state) => ({ toasts: [...state.toasts.slice(-3), { id, text, kind }] }));
  setTimeout(() => dismiss(id), LIFE_MS);
}

export function toastError(failure) {
  if (failure?.name === 'AbortError') return;
  const wait = failure?.retryAfter ? ` Try again in ${Math.ceil(failure.retryAfter)} s.` : '';
  toast(`${failure?.message ?? 'Something went wrong.'}${wait}`, 'error');
}
