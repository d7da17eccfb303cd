/** The open conversation in the page's address: `#/c/ID`. */

const PREFIX = '#/c/';

export const addressOf = (id) => `${PREFIX}${encodeURIComponent(id)}`;

export function openInAddress() {
  const { hash } = window.location;
  return hash.startsWith(PREFIX) ? decodeURIComponent(hash.slice(PREFIX.length)) : null;
}
