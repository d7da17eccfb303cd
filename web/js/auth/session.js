/**
 * Who is logged in, in this browser: tokens in localStorage, shared by its tabs.
 *
 * A refresh token can be spent once; spending it twice revokes the whole family. So only one tab refreshes at a
 * time, and a tab that waited first looks whether another one has already done it.
 */

import { request } from '../http.js';
import { createEmitter } from '../util/emitter.js';
import { exclusive } from './lock.js';

const KEY = 'parley.session';
const MARGIN_MS = 90_000;
const RETRY_MS = 15_000;

const events = createEmitter();
let current = stored();
let flight = null;
let timer = null;

function stored() {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? 'null');
  } catch {
    return null;
  }
}

/** How long before its end a token counts as old: 90 s, or a fifth of a short-lived one. */
const margin = (session) => Math.min(MARGIN_MS, session.lifetime / 5);
const isOld = (session) => Date.now() >= session.expiresAt - margin(session);

function keep(session) {
  current = session;
  if (session) localStorage.setItem(KEY, JSON.stringify(session));
  else localStorage.removeItem(KEY);
  schedule();
}

function schedule(delay = current && current.expiresAt - margin(current) - Date.now()) {
  clearTimeout(timer);
  if (!current) return;
  timer = setTimeout(() => refresh().catch(() => current && schedule(RETRY_MS)), Math.max(delay, 0));
}

function adopt({ user, token, expiresIn, refreshToken }) {
  const lifetime = expiresIn * 1000;
  keep({ user, token, refreshToken, lifetime, expiresAt: Date.now() + lifetime });
  events.emit('token', token);
  return token;
}

/** Ends the session in this browser: the server takes it no longer. */
export function end(reason) {
  if (!current) return;
  keep(null);
  events.emit('end', reason);
}

export const onToken = (listener) => events.on('token', listener);
export const onEnd = (listener) => events.on('end', listener);
export const user = () => current?.user ?? null;
export const token = () => current?.token ?? null;

export async function register(details) {
  adopt(await request('POST', '/auth/register', { body: details }));
}

export async function login(credentials) {
  adopt(await request('POST', '/auth/login', { body: credentials }));
}

/** Ends the session here and in the other tabs, also when the server cannot be told. */
export async function logout() {
  const session = current;
  end(null);
  if (!session) return;
  await request('POST', '/auth/logout', { body: { refreshToken: session.refreshToken }, token: session.token }).catch(
    () => {},
  );
}

/** Takes over what is stored now, which another tab may have changed; answers what was held before. */
function follow() {
  const before = current;
  current = stored();
  schedule();
  if (before && !current) events.emit('end', 'You logged out in another tab.');
  else if (before && before.user.id === current.user.id && before.token !== current.token)
    events.emit('token', current.token);
  return before;
}

async function spend(stale) {
  follow();
  if (!current) throw new Error('logged out');
  if (current.token !== stale && !isOld(current)) return current.token;
  try {
    return adopt(await request('POST', '/auth/refresh', { body: { refreshToken: current.refreshToken } }));
  } catch (failure) {
    const isDisabled = failure.code === 'account_disabled';
    if (failure.status === 401) end(isDisabled ? failure.message : 'Your session has ended. Please log in again.');
    throw failure;
  }
}

/**
 * A new token instead of `stale`; the one that another tab fetched meanwhile, where there is one.
 * @throws {ApiError} where the server refused (the session has then ended) or could not be reached
 */
export function refresh(stale = token()) {
  flight ??= exclusive('parley.refresh', () => spend(stale)).finally(() => {
    flight = null;
  });
  return flight;
}

/** A token that will live for a while yet. */
export async function freshToken() {
  if (!current) throw new Error('logged out');
  return isOld(current) ? refresh() : current.token;
}

/** The other tabs' new tokens and logout; somebody else's login starts this page anew. */
window.addEventListener('storage', (event) => {
  if (event.key !== KEY && event.key !== null) return;
  const before = follow();
  if (current && before?.user.id !== current.user.id) window.location.reload();
});

schedule();
