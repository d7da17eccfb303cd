/**
 * The socket and its life: connecting, being refused, losing the line, a planned restart, a new token.
 *
 * socket.io-client's own reconnection is off: after a refusal or a farewell of the server it would not come back, and
 * it knows neither tokens nor draining.
 */

import { isAboutToken, ParleyError } from './errors.js';
import { backoff, userOf } from './util.js';

const TOKEN_ATTEMPTS = 2;
const PROBE_MS = 3_000;
const RENEW_AGAIN_MS = 5_000;
const OFFLINE_LOOK_MS = 5_000;

/**
 * @param {object} given
 * @param {object} given.settings the client's options, with their defaults
 * @param {(state: string) => void} given.onState
 * @param {() => void} given.onUp connected
 * @param {() => void} given.onDown no longer connected; what was asked and not answered has failed
 * @param {(name: string, payload: any) => void} given.onEvent
 * @param {(error: ParleyError) => void} given.onRefused no further attempt will be made
 * @param {(user: string) => void} given.onUser a token named its user
 * @param {(error: Error) => void} given.onTrouble an attempt failed, and another will follow
 */
export function createConnection(given) {
  const { settings, onState, onUp, onDown, onEvent, onRefused, onUser, onTrouble } = given;
  let socket = null;
  let token = settings.token ?? null;
  let user = settings.user ?? null;
  let wanted = false;
  let state = 'idle';
  let seenOnline = false;
  let generation = 0;
  let attempts = 0;
  let refusals = 0;
  let drainsUntil = 0;
  let heardAt = 0;
  let timer = null;
  let watchdog = null;
  let renewal = null;
  let unwatch = null;

  function become(next) {
    if (state === next) return;
    state = next;
    onState(next);
  }

  async function freshToken(another) {
    if (settings.getToken) token = await settings.getToken({ fresh: another });
    else if (another) throw refusal('token_invalid', 'There is no other token');
    if (typeof token !== 'string' || !token) throw refusal('token_required', 'Authentication token required');
    const named = userOf(token);
    if (user !== null && named !== null && named !== user) throw refusal('token_invalid', 'A token of another user');
    user ??= named;
    if (user !== null) onUser(user);
    return token;
  }

  function refusal(code, message) {
    return Object.assign(new ParleyError(code, message), { final: true });
  }

  async function attempt() {
    clearTimeout(timer);
    if (!wanted || socket.connected) return;
    drainsUntil = 0;
    if (!settings.environment.isOnline()) return wait();
    become(seenOnline ? 'reconnecting' : 'connecting');
    const mine = ++generation;
    clearTimeout(watchdog);
    watchdog = setTimeout(() => failed(new ParleyError('timeout', 'No answer')), settings.connectTimeout);
    try {
      await freshToken(refusals > 0);
    } catch (error) {
      if (mine !== generation) return;
      if (error.final || error.status === 401) refuse(error);
      else failed(error);
      return;
    }
    if (mine === generation && wanted) socket.connect();
  }

  /** Without a network nothing is tried; the browser tells of its return, but not every one does so reliably. */
  function wait() {
    timer = setTimeout(attempt, OFFLINE_LOOK_MS);
    become('offline');
  }

  /** Ends the present attempt; the next one follows after `least` ms or longer. */
  function failed(error, least = 0) {
    generation += 1;
    clearTimeout(watchdog);
    socket.disconnect();
    if (!wanted) return;
    onTrouble(error);
    later(Math.max(least, backoff(attempts++, settings.longestBackoff)));
  }

  function later(delay) {
    clearTimeout(timer);
    timer = setTimeout(attempt, delay);
    become(settings.environment.isOnline() ? (seenOnline ? 'reconnecting' : 'connecting') : 'offline');
  }

  function refuse(error) {
    stop('refused');
    onRefused(error instanceof ParleyError ? error : new ParleyError('token_invalid', String(error.message)));
  }

  function up() {
    clearTimeout(watchdog);
    refusals = 0;
    seenOnline = true;
    heardAt = Date.now();
    become('online');
    onUp();
  }

  function down() {
    clearTimeout(renewal);
    generation += 1;
    onDown();
    if (!wanted) return;
    if (drainsUntil) return;
    later(backoff(attempts++, settings.longestBackoff));
  }

  function turnedAway(error) {
    const code = error.data?.error;
    const told = new ParleyError(code ?? 'disconnected', error.message, error.data ?? {});
    if (code === 'account_disabled') return refuse(told);
    if (!isAboutToken(code)) return failed(told, (told.retryAfter ?? 0) * 1000);
    refusals += 1;
    if (refusals > TOKEN_ATTEMPTS || !settings.getToken) return refuse(told);
    generation += 1;
    clearTimeout(watchdog);
    attempt();
  }

  /** A planned restart: nothing new is sent, and we come back when we were told to. */
  function drain(payload) {
    const wait = Math.max(0, Number(payload?.reconnectAfterMs) || 0);
    drainsUntil = Date.now() + wait;
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (socket.connected) socket.disconnect();
      attempt();
    }, wait);
    become('draining');
  }

  /** The socket ends with its token: a newer one extends it. */
  async function renew(expiresAt) {
    if (!settings.getToken) return;
    const mine = generation;
    const before = token;
    try {
      await freshToken(true);
      // An app that renews by itself may have no other yet; it hands it over by `authenticate`.
      if (mine === generation && socket.connected && token !== before) await call('auth:refresh', { token });
    } catch (error) {
      onTrouble(error);
      const left = Date.parse(expiresAt) - Date.now();
      if (mine !== generation || !(left > RENEW_AGAIN_MS)) return;
      renewal = setTimeout(renew, RENEW_AGAIN_MS, expiresAt);
    }
  }

  function heard(name, payload) {
    if (name === 'server:draining') drain(payload);
    if (name === 'auth:expiring') renew(payload?.expiresAt);
    onEvent(name, payload);
  }

  function make() {
    const { token: _token, ...auth } = settings.auth ?? {};
    socket = settings.io(settings.url, {
      transports: ['websocket', 'polling'],
      tryAllTransports: true,
      ...settings.socketOptions,
      autoConnect: false,
      reconnection: false,
      forceNew: true,
      timeout: settings.connectTimeout,
      auth: (answer) => answer({ ...auth, autoJoin: settings.autoJoin, token }),
    });
    socket.on('connect', up);
    socket.on('disconnect', down);
    socket.on('connect_error', turnedAway);
    socket.onAny(heard);
    const note = () => (heardAt = Date.now());
    socket.io.on('packet', note);
    socket.io.on('ping', note);
  }

  /** One round trip. Rejects with a ParleyError; a line on which nothing came at all meanwhile is given up. */
  async function call(event, payload, timeout = settings.ackTimeout) {
    if (!socket?.connected) throw new ParleyError('disconnected', 'Not connected');
    const asked = Date.now();
    const mine = generation;
    let answer;
    try {
      answer = await socket.timeout(timeout).emitWithAck(event, payload);
    } catch {
      if (mine !== generation || !socket.connected) throw new ParleyError('disconnected', 'The connection broke');
      if (heardAt < asked) socket.disconnect();
      throw new ParleyError('timeout', 'The server did not answer');
    }
    if (answer?.ok === true) return answer;
    throw ParleyError.fromAnswer(answer);
  }

  /** The network or the page came back: is there still a line? */
  function lookAgain() {
    if (!wanted || state === 'draining') return;
    if (socket.connected) return void call('echo', null, PROBE_MS).catch(() => {});
    if (state === 'offline') attempts = 0;
    if (state === 'offline' || state === 'reconnecting' || state === 'connecting') connectNow();
  }

  function connectNow() {
    if (!wanted || socket.connected) return;
    generation += 1;
    clearTimeout(watchdog);
    socket.disconnect();
    attempt();
  }

  function stop(final) {
    wanted = false;
    drainsUntil = 0;
    generation += 1;
    for (const one of [timer, watchdog, renewal]) clearTimeout(one);
    unwatch?.();
    unwatch = null;
    socket?.disconnect();
    become(final);
  }

  return {
    call,
    connectNow,
    stop,
    start() {
      if (wanted) return;
      if (!socket) make();
      wanted = true;
      attempts = refusals = 0;
      unwatch = settings.environment.watch(lookAgain);
      attempt();
    },
    /** The connection has proved good: the next loss is a new one. */
    settled: () => (attempts = 0),
    /** A newer token, for this connection and the next ones. */
    async authenticate(newer) {
      token = newer;
      return socket?.connected ? call('auth:refresh', { token }) : null;
    },
    isUp: () => Boolean(socket?.connected),
    isReady: () => Boolean(socket?.connected) && state === 'online',
    get state() {
      return state;
    },
    get recovered() {
      return Boolean(socket?.recovered);
    },
  };
}
