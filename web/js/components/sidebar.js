/** The left pane: oneself, the search for people, the conversations. */

import { html } from 'htm/preact';
import { useState } from 'preact/hooks';

import { open, openDirect } from '../actions/conversations.js';
import { logout } from '../auth/session.js';
import { isGroup, ordered, others, titleOf } from '../state/conversations.js';
import { set, useStore } from '../store.js';
import { toastError } from '../toasts.js';
import { nameOf } from '../util/text.js';
import { fullTime, shortTime } from '../util/time.js';
import { Avatar, Icon, IconButton, Spinner } from './basics.js';
import { usePeople } from './people-search.js';
import { Ticks } from './ticks.js';

function preview({ lastMessage: message, type }, meId) {
  if (!message) return 'No messages yet';
  if (message.deletedAt) return 'Message deleted';
  const text =
    message.content || (message.attachments?.length ? message.attachments.map((one) => one.filename).join(', ') : '');
  if (message.senderId === meId) return `You: ${text}`;
  return type === 'group' ? `${nameOf(message.sender)}: ${text}` : text;
}

function Item({ conversation, me }) {
  const [isOpen, typing, presence] = useStore((state) => [
    state.openId === conversation.id,
    Object.values(state.typing[conversation.id] ?? {}).join(', '),
    state.presence[others(conversation, me.id)[0]?.userId],
  ]);
  const { lastMessage, unreadCount } = conversation;
  const title = titleOf(conversation, me.id);
  const online = !isGroup(conversation) && presence?.status === 'online';
  const other = isGroup(conversation) ? { id: conversation.id } : others(conversation, me.id)[0]?.user;
  return html`<li>
    <button type="button" class="item" data-testid="conversation-item" data-conversation-id=${conversation.id}
      data-unread=${unreadCount}
      aria-current=${isOpen ? 'true' : undefined} onClick=${() => open(conversation.id)}>
      <${Avatar} user=${other} title=${title} online=${online} />
      <span class="item-text">
        <span class="item-line">
          <span class="item-title">${title}</span>
          <time class="item-time" datetime=${lastMessage?.createdAt} title=${fullTime(lastMessage?.createdAt)}>
            ${shortTime(lastMessage?.createdAt)}</time>
        </span>
        <span class="item-line">
          ${lastMessage?.senderId === me.id && !lastMessage.deletedAt && !typing && html`<${Ticks}
            status=${lastMessage.status} />`}
          <span class=${typing ? 'item-preview accent' : 'item-preview'}>
            ${typing ? 'typing…' : preview(conversation, me.id)}</span>
          ${unreadCount > 0 && html`<span class="badge" data-testid="unread" aria-label=${`${unreadCount} unread`}>
            ${unreadCount > 99 ? '99+' : unreadCount}</span>`}
        </span>
      </span>
    </button>
  </li>`;
}

function Result({ person, onChoose }) {
  return html`<li><button type="button" class="item" data-testid="user-result" data-user-id=${person.id}
    onClick=${() => onChoose(person)}>
    <${Avatar} user=${person} />
    <span class="item-text"><span class="item-title">${nameOf(person)}</span>
      <span class="item-preview">@${person.username}</span></span>
  </button></li>`;
}

function Results({ text, people, matches, me, onChoose }) {
  return html`<div class="list" role="region" aria-label="Search results">
    ${
      matches.length > 0 &&
      html`<h3 class="list-head">Conversations</h3>
      <ul>${matches.map((one) => html`<${Item} key=${one.id} conversation=${one} me=${me} />`)}</ul>`
    }
    <h3 class="list-head">People</h3>
    ${people === null && html`<p class="list-note"><${Spinner} label="Searching" /></p>`}
    ${people?.length === 0 && html`<p class="list-note">Nobody is called “${text.trim()}”.</p>`}
    ${people?.length > 0 && html`<ul>
      ${people.map((one) => html`<${Result} key=${one.id} person=${one} onChoose=${onChoose} />`)}</ul>`}
  </div>`;
}

function Own({ me }) {
  return html`<header class="whoami">
    <${Avatar} user=${me} size="small" />
    <button type="button" class="whoami-name" data-testid="me" data-user-id=${me.id} title="Your profile"
      onClick=${() => set({ dialog: { kind: 'profile' } })}>
      <strong>${nameOf(me)}</strong><span>@${me.username}</span>
    </button>
    <${IconButton} icon="logout" label="Log out" data-testid="logout" onClick=${() => logout()} />
  </header>`;
}

export function Sidebar() {
  const [me, held, loaded] = useStore((state) => [state.me, state.conversations, state.listLoaded]);
  const [text, setText] = useState('');
  const people = usePeople(text, [me.id]);
  const wanted = text.trim().toLocaleLowerCase();
  const list = ordered(held);
  const matches = wanted
    ? list.filter((one) => isGroup(one) && titleOf(one, me.id).toLocaleLowerCase().includes(wanted))
    : [];

  function choose(person) {
    setText('');
    openDirect(person.id).catch(toastError);
  }

  return html`<nav class="pane-list" aria-label="Conversations">
    <${Own} me=${me} />
    <div class="finder">
      <label class="search"><${Icon} name="search" /><span class="hidden">Search people and groups</span>
        <input type="search" placeholder="Search people and groups" value=${text} autocomplete="off"
          data-testid="user-search"
          onInput=${(event) => setText(event.target.value)}
            onKeyDown=${(event) => event.key === 'Escape' && setText('')} />
      </label>
      <${IconButton} icon="group" label="New group" data-testid="new-group"
        onClick=${() => set({ dialog: { kind: 'new-group' } })} />
    </div>
    ${
      wanted
        ? html`<${Results} text=${text} people=${people} matches=${matches} me=${me} onChoose=${choose} />`
        : html`<ul class="list" data-testid="conversation-list">
      ${list.map((one) => html`<${Item} key=${one.id} conversation=${one} me=${me} />`)}
      ${loaded && !list.length && html`<li
        class="list-note">No conversations yet. Search for somebody above, or make a group.</li>`}
    </ul>`
    }
  </nav>`;
}
