/** What can go wrong, with the server's own codes and a few of the line's. */

/** Errors that pass by themselves: the same again, a little later, is right. */
const PASSING = new Set(['timeout', 'disconnected', 'unavailable', 'rate_limited', 'internal']);

/** Refusals of the token, not of what was asked: another token mends them. */
const ABOUT_TOKEN = new Set(['token_required', 'token_invalid', 'token_expired']);

export class ParleyError extends Error {
  /**
   * @param {string} code one of the server's error codes, or `timeout`, `disconnected`, `closed`, `discarded`
   * @param {string} message a sentence for people
   * @param {{fields?: Record<string, string>, retryAfter?: number}} more `retryAfter` is in seconds
   */
  constructor(code, message, more = {}) {
    super(message);
    this.name = 'ParleyError';
    this.code = code;
    if (more.fields) this.fields = more.fields;
    if (more.retryAfter !== undefined) this.retryAfter = more.retryAfter;
  }

  /** Whether trying again is right. */
  get passes() {
    return PASSING.has(this.code) || ABOUT_TOKEN.has(this.code);
  }

  /** The error that an acknowledgement `{ok: false}` says. */
  static fromAnswer(answer) {
    if (typeof answer?.error !== 'string') return new ParleyError('internal', 'The server gave no answer.');
    return new ParleyError(answer.error, answer.message, answer);
  }
}

/** Whether a refused connection is to be tried again with another token. */
export const isAboutToken = (code) => ABOUT_TOKEN.has(code);
