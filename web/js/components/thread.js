/** The open conversation: who is there, what was said, the composer. */

import { html } from 'htm/preact';
import { useState } from 'preact/hooks';

import { close } from '../actions/conversations.js';
import { isGroup, others, titleOf } from '../state/conversations.js';
import { set, useStore } from '../store.js';
import { upload } from '../uploads.js';
import { nameList, nameOf } from '../util/text.js';
import { lastSeen } from '../util/time.js';
import { Avatar, IconButton } from './basics.js';
import { Composer } from './composer.js';
import { MessageList } from './message-list.js';

function presenceWords(conversation, meId, presence) {
  const people = others(conversation, meId);
  const online = people.filter((one) => presence[one.userId]?.status === 'online').length;
  if (isGroup(conversation)) return `${conversation.participants.length} people${online ? `, ${online} online` : ''}`;
  const known = presence[people[0]?.userId];
  if (!known) return '';
  return known.status === 'online' ? 'online' : lastSeen(known.lastSeen);
}

function Header({ conversation, me }) {
  const presence = useStore((state) => state.presence);
  const title = titleOf(conversation, me.id);
  const other = others(conversation, me.id)[0];
  const group = isGroup(conversation);
  const words = presenceWords(conversation, me.id, presence);
  const online = group ? undefined : presence[other?.userId]?.status;
  return html`<header class="thread-head">
    <${IconButton} icon="back" label="All conversations" class="only-narrow" data-testid="back" onClick=${close} />
    <${Avatar} user=${group ? { id: conversation.id } : other?.user} title=${title} online=${online === 'online'} />
    <div class="thread-title"><h2 data-testid="thread-title">${title}</h2>
      <p data-testid="presence" data-status=${online}>${words}</p></div>
    <${IconButton} icon="info" label=${group ? 'Group settings' : 'About this conversation'}
      data-testid="conversation-settings"
        onClick=${() => set({ dialog: { kind: 'conversation', id: conversation.id } })} />
  </header>`;
}

function Typing({ conversation }) {
  const typing = useStore((state) => state.typing[conversation.id]);
  const names = Object.entries(typing ?? {}).map(([userId, userName]) =>
    nameOf(conversation.participants.find((one) => one.userId === userId)?.user ?? { username: userName }),
  );
  const words = names.length ? `${nameList(names)} ${names.length > 1 ? 'are' : 'is'} typing…` : '';
  return html`<div class="typing-place" role="status">
    <p class="typing" data-testid="typing" hidden=${!words}>
      <span class="typing-dots" aria-hidden="true"><i /><i /><i /></span>${words}
    </p>
  </div>`;
}

export function Thread({ id }) {
  const [conversation, me] = useStore((state) => [state.conversations[id], state.me]);
  const [over, setOver] = useState(false);
  if (!conversation) return null;

  function drop(event) {
    event.preventDefault();
    setOver(false);
    for (const file of event.dataTransfer.files) upload(id, file);
  }

  function dragOver(event) {
    if (!event.dataTransfer.types.includes('Files')) return;
    event.preventDefault();
    setOver(true);
  }

  return html`<section class=${over ? 'thread thread-drop' : 'thread'} aria-label=${titleOf(conversation, me.id)}
    onDragOver=${dragOver} onDragLeave=${(event) => event.target === event.currentTarget && setOver(false)}
      onDrop=${drop}>
    <${Header} conversation=${conversation} me=${me} />
    <${MessageList} conversation=${conversation} me=${me} />
    <${Typing} conversation=${conversation} />
    <${Composer} id=${id} title=${titleOf(conversation, me.id)} />
  </section>`;
}
