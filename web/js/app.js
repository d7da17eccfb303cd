/** The page's session and its live connection, and how the one follows the other. */

import * as session from './auth/session.js';
import { createLive } from './live.js';
import { forgetFiles } from './files.js';
import { ApiError } from './http.js';
import { empty, get, set } from './store.js';
import { toast, toastError } from './toasts.js';
import { openInAddress } from './util/address.js';

export const live = createLive({ freshToken: session.freshToken, renewToken: () => session.refresh() });

/** After a login, and at the page's start where somebody is logged in. */
export function enter() {
  set({ ...empty(), toasts: get().toasts, phase: 'chat', me: session.user(), openId: openInAddress() });
  live.start();
}

function leave(reason) {
  live.stop();
  forgetFiles();
  set({ ...empty(), toasts: get().toasts, phase: 'auth' });
  if (window.location.hash) window.history.replaceState(null, '', window.location.pathname);
  if (reason) toast(reason);
}

/** A token that the server does not take now is tried again at its next warning, or at the next connection. */
function authenticate(token) {
  if (get().phase === 'chat' && live.isConnected()) live.authenticate(token).catch(() => {});
}

session.onEnd(leave);
session.onToken(authenticate);

live.on('state', (connection) => set({ connection }));
live.on('refused', (failure) => {
  toastError(new ApiError(failure));
  session.logout();
});
