/** Files behind the bearer token: fetched, and held as object addresses that `<img>` can show. */

import { freshToken, refresh } from './auth/session.js';
import { ApiError, unreachable } from './http.js';

const MAX_HELD = 120;
const held = new Map();

const load = (url, token) =>
  fetch(url, { headers: { Authorization: `Bearer ${token}` } }).catch(() => {
    throw unreachable();
  });

async function fetchBlob(url) {
  const token = await freshToken();
  let response = await load(url, token);
  if (response.status === 401) response = await load(url, await refresh(token));
  if (response.ok) return response.blob();
  throw new ApiError({
    status: response.status,
    ...(await response.json().catch(() => ({ message: 'This file could not be loaded.' }))),
  });
}

/** Addresses that have not been asked for longest are given back to the browser. */
function trim() {
  for (const [url, entry] of held) {
    if (held.size <= MAX_HELD) return;
    held.delete(url);
    entry.then(URL.revokeObjectURL, () => {});
  }
}

/** An object address for a file's path on this server; the same one while it is held. */
export function objectUrl(url) {
  const found = held.get(url);
  held.delete(url);
  const entry = found ?? fetchBlob(url).then((blob) => URL.createObjectURL(blob));
  held.set(url, entry);
  entry.catch(() => held.delete(url));
  trim();
  return entry;
}

export async function download(url, filename) {
  const address = URL.createObjectURL(await fetchBlob(url));
  const link = Object.assign(document.createElement('a'), { href: address, download: filename });
  link.click();
  setTimeout(URL.revokeObjectURL, 60_000, address);
}

/** After a logout nothing of the last user stays. */
export function forgetFiles() {
  for (const entry of held.values()) entry.then(URL.revokeObjectURL, () => {});
  held.clear();
}
