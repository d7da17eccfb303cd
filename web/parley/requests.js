/** Questions that may be asked twice: they wait for a connection, and survive its loss. */

import { ParleyError } from './errors.js';
import { backoff } from './util.js';

/**
 * @param {object} given
 * @param {(event: string, payload: any) => Promise<object>} given.call one attempt
 * @param {() => string} given.state
 * @param {() => boolean} given.isReady
 * @param {number} given.callTimeout in ms
 * @param {number} given.longestBackoff in ms
 */
export function createRequests({ call, state, isReady, callTimeout, longestBackoff }) {
  const waiting = new Set();

  /** Until there is a connection, or `deadline` (ms) has passed, or none will come. */
  function ready(deadline = Date.now() + callTimeout) {
    return new Promise((resolve, reject) => {
      const end = (error) => {
        clearTimeout(timer);
        waiting.delete(look);
        if (error) reject(error);
        else resolve();
      };
      const look = () => {
        if (isReady()) end();
        else if (state() === 'closed' || state() === 'refused') end(new ParleyError('closed', 'No connection will come'));
      };
      const timer = setTimeout(() => end(new ParleyError('timeout', 'No connection')), deadline - Date.now());
      waiting.add(look);
      look();
    });
  }

  /** Asks until there is an answer that will not pass. Rejects with a ParleyError. */
  async function request(event, payload) {
    const deadline = Date.now() + callTimeout;
    for (let attempts = 0; ; attempts += 1) {
      await ready(deadline);
      try {
        return await call(event, payload);
      } catch (error) {
        const pause = Math.max((error.retryAfter ?? 0) * 1000, backoff(attempts, longestBackoff));
        if (!error.passes || Date.now() + pause > deadline) throw error;
        if (error.code !== 'disconnected') await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }

  return {
    ready,
    request,
    /** The state has changed. */
    look: () => [...waiting].forEach((one) => one()),
  };
}

/**
 * Does `work` again and again while `isWanted()`, until it succeeds; answers whether it did and is still wanted. Its
 * failures are told, but for that of a lost line, after which the next connection begins anew.
 */
export function createInsistence(longestBackoff, onTrouble) {
  return async function insist(isWanted, work) {
    for (let attempts = 0; isWanted(); attempts += 1) {
      try {
        await work();
        return isWanted();
      } catch (error) {
        if (!isWanted() || error.code === 'disconnected') return false;
        onTrouble(error);
        const pause = Math.max((error.retryAfter ?? 0) * 1000, backoff(attempts, longestBackoff));
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
    return false;
  };
}
