/** The REST calls of the page, one line each, with the session's token. */

import { end, refresh, token } from './auth/session.js';
import { request } from './http.js';

/** A call for the logged-in user; an expired token is renewed and the call made once more. */
async function call(method, path, body, signal) {
  const used = token();
  try {
    return await request(method, path, { body, token: used, signal });
  } catch (failure) {
    if (failure.code === 'account_disabled') end(failure.message);
    if (failure.code !== 'token_expired' && failure.code !== 'token_invalid') throw failure;
    return request(method, path, { body, token: await refresh(used), signal });
  }
}

const id = encodeURIComponent;
const query = (values) =>
  new URLSearchParams(Object.entries(values).filter(([, value]) => value !== undefined && value !== null));

/** Every page of a list. */
async function all(path, limit = 100) {
  const items = [];
  let cursor;
  do {
    const page = await call('GET', `${path}?${query({ limit, cursor })}`);
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor);
  return items;
}

export const me = () => call('GET', '/users/me');
export const updateMe = (changes) => call('PATCH', '/users/me', changes);
export const findUsers = async (text, signal) =>
  (await call('GET', `/users?${query({ query: text, limit: 20 })}`, undefined, signal)).items;

export const conversations = () => all('/conversations');
export const conversation = (conversationId) => call('GET', `/conversations/${id(conversationId)}`);
export const createConversation = (details) => call('POST', '/conversations', details);
export const updateConversation = (conversationId, changes) =>
  call('PATCH', `/conversations/${id(conversationId)}`, changes);
export const deleteConversation = (conversationId) => call('DELETE', `/conversations/${id(conversationId)}`);
export const addParticipant = (conversationId, userId) =>
  call('POST', `/conversations/${id(conversationId)}/participants`, { userId });
export const removeParticipant = (conversationId, userId) =>
  call('DELETE', `/conversations/${id(conversationId)}/participants/${id(userId)}`);

/** Newest first, `{items, hasMore}`; with `before`, only messages below that `seq`. */
export const messages = (conversationId, { before, limit = 50 } = {}) =>
  call('GET', `/conversations/${id(conversationId)}/messages?${query({ before, limit })}`);
export const editMessage = (messageId, content) => call('PUT', `/messages/${id(messageId)}`, { content });
export const deleteMessage = (messageId) => call('DELETE', `/messages/${id(messageId)}`);
