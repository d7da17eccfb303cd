/** Small texts: links inside messages, sizes, lists of names. Nothing here makes markup. */

const LINK = /https?:\/\/[^\s<>"'`]+[^\s<>"'`.,;:!?)\]}]/gi;

/** Splits a message into `{text}` and `{link}` parts; only http and https addresses become links. */
export function linkParts(content) {
  const parts = [];
  let from = 0;
  for (const found of content.matchAll(LINK)) {
    if (found.index > from) parts.push({ text: content.slice(from, found.index) });
    parts.push({ link: found[0] });
    from = found.index + found[0].length;
  }
  if (from < content.length) parts.push({ text: content.slice(from) });
  return parts;
}

export function fileSize(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const kib = bytes / 1024;
  return kib < 1024 ? `${kib < 10 ? kib.toFixed(1) : Math.round(kib)} KB` : `${(kib / 1024).toFixed(1)} MB`;
}

export function nameList(names) {
  if (names.length < 2) return names.join('');
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

export const nameOf = (user) => user?.displayName || user?.username || 'Unknown person';

export function initials(name) {
  const words = name.trim().split(/\s+/u).filter(Boolean);
  const letters =
    words.length > 1
      ? [words[0], words.at(-1)].map((word) => Array.from(word)[0])
      : Array.from(words[0] ?? '?').slice(0, 2);
  return letters.join('').toLocaleUpperCase();
}
