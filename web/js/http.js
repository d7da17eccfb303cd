/** One HTTP call to the REST API. Knows nothing of sessions. */

const TIMEOUT_MS = 20_000;

/** The API does not say to strangers what the person concerned should know. */
const WORDS = { account_disabled: 'This account has been disabled.' };

/** A refusal as the API words it: `code`, a `message` for people, and `fields` that name what was wrong. */
export class ApiError extends Error {
  constructor({
    status = 0,
    error = 'internal',
    message = 'Something went wrong.',
    fields = null,
    retryAfter = null,
  } = {}) {
    super(WORDS[error] ?? message);
    this.name = 'ApiError';
    Object.assign(this, { status, code: error, fields: namedFields(fields), retryAfter });
  }
}

/** The API may name bad fields as a map or as a list; components want a map of field to text. */
function namedFields(fields) {
  if (!fields) return {};
  if (!Array.isArray(fields)) return fields;
  return Object.fromEntries(
    fields.map((entry) =>
      typeof entry === 'string' ? [entry, 'Not valid'] : [entry.field ?? entry.name, entry.message],
    ),
  );
}

export const unreachable = () =>
  new ApiError({ error: 'network', message: 'The server cannot be reached. Check your connection.' });

async function parsed(response) {
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch {
    return null;
  }
}

/**
 * @param {string} method
 * @param {string} path below `/api`
 * @param {{body?: object, token?: string, signal?: AbortSignal}} options
 * @returns {Promise<object|null>} the answer's JSON; null where there is none
 * @throws {ApiError} code `network` where no answer came
 */
export async function request(method, path, { body, token, signal } = {}) {
  const headers = { Accept: 'application/json' };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  let response;
  try {
    response = await fetch(`/api${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      credentials: 'same-origin',
    });
  } catch (failure) {
    if (signal?.aborted) throw failure;
    throw unreachable();
  }
  const answer = await parsed(response);
  if (response.ok) return answer;
  throw new ApiError({ status: response.status, message: `The server answered ${response.status}.`, ...answer });
}
