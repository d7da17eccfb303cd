/** One message: its text or tombstone, attachments, reactions, time and ticks, and what can be done with it. */

import { html } from 'htm/preact';
import { memo } from '../util/memo.js';

import { discard, retry } from '../actions/messages.js';
import { live } from '../app.js';
import { canManage } from '../state/conversations.js';
import { set, useStore } from '../store.js';
import { linkParts, nameOf } from '../util/text.js';
import { fullTime, timeOfDay } from '../util/time.js';
import { Attachments } from './attachments.js';
import { Avatar, IconButton } from './basics.js';
import { Editor } from './editor.js';
import { Picker, Reactions } from './reactions.js';
import { Ticks } from './ticks.js';

function Text({ content }) {
  return html`<p class="text" data-testid="content">
    ${linkParts(content).map(({ text, link }) => (link ? html`<a href=${link} target="_blank" rel="noopener noreferrer">
      ${link}</a>` : text))}</p>`;
}

function Tools({ message, own, deletable }) {
  return html`<div class="tools">
    <${Picker} message=${message} />
    ${own && message.content && html`<${IconButton} icon="edit" label="Edit" data-testid="edit"
      onClick=${() => set({ editing: message })} />`}
    ${deletable && html`<${IconButton} icon="trash" label="Delete" data-testid="delete"
      onClick=${() => set({ dialog: { kind: 'delete-message', message } })} />`}
  </div>`;
}

function Failed({ message }) {
  return html`<p class="failed" role="alert"><span>${message.failure ?? 'Not sent.'}</span>
    <button type="button" class="link" data-testid="retry" onClick=${() => retry(message)}>Try again</button>
    <button type="button" class="link" data-testid="discard" onClick=${() => discard(message)}>Discard</button></p>`;
}

/** Written while there is no connection: it goes out by itself as soon as there is one, unless it is thrown away. */
function Waiting({ message }) {
  const isOnline = useStore((state) => state.connection === 'online');
  if (isOnline) return null;
  return html`<p class="failed waiting" data-testid="waiting"><span>Waiting for the connection.</span>
    <button type="button" class="link" data-testid="retry" onClick=${live.connectNow}>Try now</button>
    <button type="button" class="link" data-testid="discard" onClick=${() => discard(message)}>Discard</button></p>`;
}

function Foot({ message, own }) {
  return html`<p class="foot">
    ${message.editedAt && !message.deletedAt && html`<span title=${fullTime(message.editedAt)}
      data-testid="edited">edited</span>`}
    <time datetime=${message.createdAt} title=${fullTime(message.createdAt)}>${timeOfDay(message.createdAt)}</time>
    ${own && !message.deletedAt && html`<${Ticks} status=${message.status} />`}
  </p>`;
}

function Body({ message, own, editing, meId }) {
  if (message.deletedAt) return html`<p class="tombstone" data-testid="tombstone">This message was deleted.</p>`;
  if (editing) return html`<${Editor} message=${message} />`;
  return html`
    <${Attachments} attachments=${message.attachments ?? []} />
    ${message.content && html`<${Text} content=${message.content} />`}
    <${Reactions} message=${message} meId=${meId} />
    ${own && message.status === 'failed' && html`<${Failed} message=${message} />`}
    ${own && message.status === 'sending' && html`<${Waiting} message=${message} />`}
  `;
}

export const Message = memo(({ message, me, conversation, follows, named, editing }) => {
  if (message.kind === 'system')
    return html`<li class="system" data-testid="message" data-seq=${message.seq} data-message-id=${message.id}>
      ${message.content}</li>`;
  const own = message.senderId === me.id;
  const stored = Boolean(message.seq);
  const introduced = named && !own && !follows;
  const author = introduced && conversation.participants.find((one) => one.userId === message.senderId)?.user;
  const names = [
    'message',
    own && 'own',
    follows && 'follows',
    named && !own && 'named',
    message.deletedAt && 'gone',
    editing && 'is-editing',
  ];
  return html`<li class=${names.filter(Boolean).join(' ')} tabindex="-1" data-testid="message" data-seq=${message.seq}
    data-message-id=${message.id} data-temp-id=${message.temp_id}
    data-status=${message.status} data-own=${own ? 'true' : 'false'} data-foreign=${own ? undefined : 'true'}
      data-deleted=${message.deletedAt ? 'true' : undefined}>
    ${introduced && html`<${Avatar} user=${author || message.sender} size="small" />`}
    <div class="bubble">
      <span class="hidden">${own ? 'You' : nameOf(message.sender)}:</span>
      ${introduced && html`<p class="author" aria-hidden="true">${nameOf(author || message.sender)}</p>`}
      <${Body} message=${message} own=${own} editing=${editing} meId=${me.id} />
      <${Foot} message=${message} own=${own} />
    </div>
    ${stored && !message.deletedAt && !editing && html`<${Tools} message=${message} own=${own}
      deletable=${own || canManage(conversation, me.id)} />`}
  </li>`;
});
