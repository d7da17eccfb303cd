/** The socket and its life: connecting, being refused, losing the line, a planned restart, a new token. */

import { io } from 'socket.io-client';

const REFUSED_FOR_TOKEN = new Set(['token_expired', 'token_invalid', 'token_required']);
const RETRY_MS = 1_500;
const ACK_TIMEOUT_MS = 8_000;
const TOKEN_ATTEMPTS = 2;

/**
 * @param {object} options
 * @param {() => Promise<string>} options.freshToken a token that will live for a while
 * @param {() => Promise<string>} options.renewToken another token than the one that was refused
 * @param {(state: "connecting"|"online"|"reconnecting"|"draining"|"stopped") => void} options.onState
 * @param {(failure: {error: string, message: string}) => void} options.onRefused no further attempt will be made
 */
export function createConnection({ freshToken, renewToken, onState, onRefused }) {
  const socket = io({
    autoConnect: false,
    transports: ['websocket', 'polling'],
    tryAllTransports: true,
    reconnectionDelay: 500,
    reconnectionDelayMax: 8_000,
    randomizationFactor: 0.6,
    auth: (answer) =>
      freshToken().then(
        (token) => answer({ token, autoJoin: true }),
        () => socket.io.engine?.close(),
      ),
  });
  let wanted = false;
  let draining = false;
  let timer = null;
  let tokenRefusals = 0;

  const report = (state) => onState(draining ? 'draining' : state);

  function connectLater(delay) {
    clearTimeout(timer);
    timer = setTimeout(() => wanted && socket.connect(), delay * (1 + Math.random() / 2));
  }

  function connectNow() {
    if (!wanted || socket.connected) return;
    clearTimeout(timer);
    socket.disconnect();
    socket.connect();
  }

  async function renewAndConnect(failure) {
    tokenRefusals += 1;
    if (tokenRefusals > TOKEN_ATTEMPTS) return onRefused(failure);
    try {
      await renewToken();
      if (wanted) socket.connect();
    } catch (problem) {
      if (problem.status !== 401) connectLater(RETRY_MS);
    }
  }

  socket.on('connect', () => {
    draining = false;
    tokenRefusals = 0;
    onState('online');
  });

  socket.on('disconnect', (reason) => {
    if (!wanted) return;
    report('reconnecting');
    if (reason === 'io server disconnect' && !draining) connectLater(RETRY_MS);
  });

  socket.on('connect_error', (error) => {
    if (!wanted) return;
    report('reconnecting');
    if (socket.active) return;
    const failure = { error: error.data?.error ?? 'token_invalid', message: error.message };
    if (REFUSED_FOR_TOKEN.has(failure.error)) renewAndConnect(failure);
    else if (failure.error === 'account_disabled') onRefused(failure);
    else connectLater((error.data?.retryAfter ?? 2) * 1000);
  });

  socket.on('server:draining', ({ reconnectAfterMs = 1000 } = {}) => {
    draining = true;
    onState('draining');
    socket.io.reconnection(false);
    clearTimeout(timer);
    timer = setTimeout(() => {
      socket.io.reconnection(true);
      if (!wanted) return;
      socket.disconnect();
      socket.connect();
    }, reconnectAfterMs);
  });

  return {
    socket,
    connectNow,
    isReady: () => socket.connected && !draining,
    start() {
      wanted = true;
      onState('connecting');
      socket.connect();
    },
    stop() {
      wanted = false;
      draining = false;
      clearTimeout(timer);
      socket.io.reconnection(true);
      socket.disconnect();
      onState('stopped');
    },
    /** Sends with acknowledgement; rejects where the line broke or no answer came within 8 s. */
    call(event, payload) {
      if (!socket.connected) return Promise.reject(new Error('not connected'));
      return socket.timeout(ACK_TIMEOUT_MS).emitWithAck(event, payload);
    },
  };
}
