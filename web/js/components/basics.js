/** The small parts that everything is made of: icons, avatars, buttons, fields. */

import { html } from 'htm/preact';
import { useState } from 'preact/hooks';

import { bucket } from '../util/ids.js';
import { initials, nameOf } from '../util/text.js';
import { useFile } from './use-file.js';

const HUES = 10;

const PATHS = {
  back: 'M15 5l-7 7 7 7',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4.5 4.5',
  group:
    'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c0-3.5 3-5.5 6.5-5.5s6.5 2 6.5 5.5M16 4.4a3.5 3.5 0 0 1 0 6.2M18 14.9c2.200.8 3.500 2.600 3.500 5.100',
  plus: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  send: 'M4.500 12L20 4.500 15 20l-3.500-6.500zM11.500 13.500L20 4.500',
  attach:
    'M19.5 11.500l-7.800 7.800a5 5 0 0 1-7-7l8.300-8.300a3.300 3.300 0 0 1 4.700 4.700l-8.300 8.300a1.700 1.700 0 0 1-2.400-2.400l7.300-7.300',
  smile:
    'M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM8.500 14c.8 1.300 2 2 3.500 2s2.700-.7 3.500-2M9 9.500v.5M15 9.500v.5',
  edit: 'M4 20l1-4.500L16.500 4a1.800 1.800 0 0 1 2.500 0l1 1a1.800 1.800 0 0 1 0 2.500L8.500 19zM14.500 6l3.500 3.500',
  trash: 'M4.500 7h15M9.500 7V4.500h5V7M6.500 7l.8 12.500h9.400L17.500 7M10.200 10.500v5.500M13.800 10.500v5.500',
  file: 'M6 3.500h8l4.500 4.500v12.500H6zM14 3.500V8h4.500',
  download: 'M12 4v11M7.500 11L12 15.500 16.500 11M5 20h14',
  logout: 'M10 4.500H5.500v15H10M14.500 8l4 4-4 4M18.500 12H9.500',
  info: 'M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17zM12 11v5M12 7.800v.4',
  down: 'M12 5v14M6 13l6 6 6-6',
  check: 'M5 12.500l4.500 4.500L19 7.500',
};

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}

export function Avatar({ user, title, online = false, size = '' }) {
  const [broken, setBroken] = useState(null);
  const name = title ?? nameOf(user);
  const address = user?.avatar ?? '';
  const own = useFile(address.startsWith('/api/files/') ? address : null);
  const picture = address.startsWith('https://') && address !== broken ? address : own;
  return html`<span class=${`avatar hue-${bucket(user?.id ?? name, HUES)} ${size}`} aria-hidden="true">
    ${picture ? html`<img src=${picture} alt="" referrerpolicy="no-referrer"
      onError=${() => setBroken(address)} />` : initials(name)}
    ${online && html`<span class="avatar-dot" />`}
  </span>`;
}

export function IconButton({ icon, label, class: extra = '', ...rest }) {
  return html`<button type="button" class=${`icon-button ${extra}`} aria-label=${label} title=${label} ...${rest}>
    <${Icon} name=${icon} /></button>`;
}

/** A labelled input with its hint or, where the server named the field, its error. */
export function Field({ id, label, hint, error, ...rest }) {
  const note = error ?? hint;
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <input id=${id} aria-invalid=${error ? 'true' : undefined} aria-describedby=${note ? `${id}-note` : undefined}
      ...${rest} />
    ${note && html`<p id=${`${id}-note`} class=${error ? 'field-note field-error' : 'field-note'}>${note}</p>`}
  </div>`;
}

export const Spinner = ({ label = 'Loading' }) => html`<span class="spinner" role="status" aria-label=${label} />`;
