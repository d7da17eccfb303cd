/** Uploads with progress. XMLHttpRequest, as `fetch` does not tell how much has gone out. */

import { freshToken, refresh } from './auth/session.js';
import { ApiError, unreachable } from './http.js';
import { get, set } from './store.js';
import { toastError } from './toasts.js';
import { uuid } from './util/ids.js';

const requests = new Map();

const edit = (uploadId, changes) =>
  set((state) => ({ uploads: state.uploads.map((one) => (one.uploadId === uploadId ? { ...one, ...changes } : one)) }));

export function drop(uploadId) {
  set((state) => ({ uploads: state.uploads.filter((one) => one.uploadId !== uploadId) }));
}

export function cancel(uploadId) {
  requests.get(uploadId)?.abort();
  drop(uploadId);
}

function post(uploadId, { file, conversationId }, token) {
  return new Promise((done, fail) => {
    const form = new FormData();
    form.append('conversationId', conversationId);
    form.append('file', file, file.name);
    const request = new XMLHttpRequest();
    requests.set(uploadId, request);
    request.open('POST', '/api/upload');
    request.responseType = 'json';
    request.setRequestHeader('Authorization', `Bearer ${token}`);
    request.setRequestHeader('X-Upload-Id', uploadId);
    request.upload.addEventListener('progress', (event) => edit(uploadId, { sent: event.loaded }));
    request.addEventListener('load', () => {
      if (request.status === 201) done(request.response);
      else
        fail(
          new ApiError({
            status: request.status,
            message: `The server answered ${request.status}.`,
            ...request.response,
          }),
        );
    });
    request.addEventListener('error', () => fail(unreachable()));
    request.addEventListener('abort', () => fail(new DOMException('Cancelled', 'AbortError')));
    request.send(form);
  });
}

/** Starts one upload for a conversation's composer; `received` is what the server says that it has. */
export async function upload(conversationId, file) {
  const uploadId = uuid();
  const entry = { uploadId, conversationId, name: file.name, total: file.size, sent: 0, received: 0, attachment: null };
  set((state) => ({ uploads: [...state.uploads, entry] }));
  try {
    const token = await freshToken();
    const details = { file, conversationId };
    const attachment = await post(uploadId, details, token).catch(async (failure) => {
      if (failure.code !== 'token_expired') throw failure;
      return post(uploadId, details, await refresh(token));
    });
    edit(uploadId, { attachment, received: file.size });
  } catch (failure) {
    drop(uploadId);
    toastError(failure);
  } finally {
    requests.delete(uploadId);
  }
}

/** The finished uploads of a conversation leave the composer with the message that takes them. */
export function takeFinished(conversationId) {
  const finished = get().uploads.filter((one) => one.conversationId === conversationId && one.attachment);
  finished.forEach((one) => drop(one.uploadId));
  return finished.map((one) => one.attachment);
}
