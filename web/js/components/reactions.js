/** Reactions below a message, and the small picker that adds one. */

import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { react } from '../actions/messages.js';
import { nameList } from '../util/text.js';
import { IconButton } from './basics.js';

const CHOICES = [
  ['👍', 'Thumbs up'],
  ['❤️', 'Heart'],
  ['😂', 'Laughing'],
  ['🎉', 'Party'],
  ['😮', 'Surprised'],
  ['😢', 'Sad'],
  ['🙏', 'Thanks'],
  ['👀', 'Looking'],
];

export function Reactions({ message, meId }) {
  const entries = Object.entries(message.reactions ?? {}).filter(([, { count }]) => count > 0);
  if (!entries.length) return null;
  return html`<ul class="reactions" aria-label="Reactions">
    ${entries.map(([emoji, { count, users, userNames }]) => {
      const isMine = users.includes(meId);
      const who = nameList(userNames ?? []);
      return html`<li key=${emoji}><button type="button" class="reaction" data-testid="reaction" data-emoji=${emoji}
        data-count=${count} aria-pressed=${isMine}
        aria-label=${`${emoji} ${count}, ${who}. ${isMine ? 'Take yours back' : 'Add yours'}`} title=${who}
          onClick=${() => react(message, emoji)}><span>${emoji}</span><span>${count}</span></button></li>`;
    })}
  </ul>`;
}

export function Picker({ message }) {
  const [isOpen, setOpen] = useState(false);
  const place = useRef(null);

  useEffect(() => {
    if (!isOpen) return undefined;
    const outside = (event) => place.current.contains(event.target) || setOpen(false);
    document.addEventListener('pointerdown', outside);
    place.current.querySelector('.picker button').focus();
    return () => document.removeEventListener('pointerdown', outside);
  }, [isOpen]);

  function onKeyDown(event) {
    if (event.key === 'Escape' && isOpen) {
      setOpen(false);
      place.current.querySelector('button').focus();
    }
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const buttons = [...place.current.querySelectorAll('.picker button')];
    const at = buttons.indexOf(document.activeElement);
    if (step && at >= 0) buttons[(at + step + buttons.length) % buttons.length].focus();
  }

  function choose(emoji) {
    setOpen(false);
    react(message, emoji);
  }

  return html`<div class="picker-place" ref=${place} onKeyDown=${onKeyDown} data-open=${isOpen ? 'true' : undefined}>
    <${IconButton} icon="smile" label="React" data-testid="react" aria-expanded=${isOpen}
      onClick=${() => setOpen(!isOpen)} />
    ${
      isOpen &&
      html`<div class="picker" role="group" aria-label="Choose a reaction">
      ${CHOICES.map(([emoji, name]) => html`<button key=${emoji} type="button" data-testid="react-option"
        data-emoji=${emoji} aria-label=${name} title=${name} onClick=${() => choose(emoji)}>${emoji}</button>`)}
    </div>`
    }
  </div>`;
}
