/** Random identifiers, also on pages served without TLS, where `crypto.randomUUID` does not exist. */

export function uuid() {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** A stable number from 0 to `count - 1` for a text: the same person has the same colour everywhere. */
export function bucket(text, count) {
  let hash = 2166136261;
  for (const unit of String(text)) hash = Math.imul(hash ^ unit.codePointAt(0), 16777619);
  return (hash >>> 0) % count;
}
