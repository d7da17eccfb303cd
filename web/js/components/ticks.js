/** How far a message of one's own has come: a sign, and the same in words. */

import { html } from 'htm/preact';

const WORDS = { sending: 'Sending', sent: 'Sent', delivered: 'Delivered', read: 'Read', failed: 'Not sent' };

const SIGNS = {
  sending: 'M8 2.200a5.800 5.800 0 1 0 0 11.600A5.800 5.800 0 0 0 8 2.200zM8 5v3.200l2 1.300',
  failed: 'M8 2.200a5.800 5.800 0 1 0 0 11.600A5.800 5.800 0 0 0 8 2.200zM8 4.800v4M8 10.800v.4',
  sent: 'M3 8.500l3.200 3.200L13 5',
  delivered: 'M1 8.500l3.200 3.200L11 5M8.500 11l.7.7L16 5',
  read: 'M1 8.500l3.200 3.200L11 5M8.500 11l.7.7L16 5',
};

export function Ticks({ status = 'sent' }) {
  const words = WORDS[status] ?? WORDS.sent;
  return html`<svg class=${`ticks ticks-${status}`} viewBox="0 0 17 16" role="img" aria-label=${words}
    data-testid="ticks"><title>${words}</title><path d=${SIGNS[status] ?? SIGNS.sent} /></svg>`;
}
