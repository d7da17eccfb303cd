/** About a conversation: its people and, in groups, its title, who is added or removed, leaving and deleting. */

import { html } from 'htm/preact';
import { useEffect } from 'preact/hooks';

import * as actions from '../actions/conversations.js';
import { canManage, isGroup, mine, titleOf } from '../state/conversations.js';
import { set, useStore } from '../store.js';
import { toast, toastError } from '../toasts.js';
import { nameOf } from '../util/text.js';
import { lastSeen } from '../util/time.js';
import { Avatar, Field, IconButton } from './basics.js';
import { PeoplePicker } from './new-group.js';

function Person({ conversation, entry, me, presence, removable }) {
  const { user, userId, role } = entry;
  const online = presence?.status === 'online';
  const name = nameOf(user);
  const seen = presence && userId !== me.id ? (online ? 'online' : lastSeen(presence.lastSeen)) : '';
  const ask = () =>
    set({
      dialog: {
        kind: 'ask',
        title: `Remove ${name}?`,
        text: 'They will no longer see what is written here.',
        action: 'Remove',
        onConfirm: () => actions.remove(conversation.id, userId),
      },
    });
  return html`<li class="person" data-testid="participant" data-user-id=${userId}>
    <${Avatar} user=${user} size="small" online=${online} />
    <span class="item-text"><span class="item-title">${name}${userId === me.id ? ' (you)' : ''}</span>
      <span class="item-preview">@${user.username}${seen && ` · ${seen}`}</span></span>
    ${role !== 'member' && html`<span class="role">${role}</span>`}
    ${removable && html`<${IconButton} icon="close" label=${`Remove ${name}`} data-testid="participant-remove"
      onClick=${ask} />`}
  </li>`;
}

function Rename({ conversation }) {
  function submit(event) {
    event.preventDefault();
    const title = new FormData(event.target).get('title').trim();
    if (title && title !== conversation.title)
      actions.rename(conversation.id, title).then(() => toast('The group has a new title.'), toastError);
  }
  return html`<form class="inline-form" onSubmit=${submit}>
    <${Field} id="rename" name="title" label="Title" maxlength="200" defaultValue=${conversation.title ?? ''}
      autocomplete="off" data-testid="rename-input" />
    <button type="submit" class="button" data-testid="rename-save">Rename</button>
  </form>`;
}

function Leaving({ conversation, me }) {
  const leave = () =>
    set({
      dialog: {
        kind: 'ask',
        title: 'Leave this group?',
        text: 'You will need to be added again to come back.',
        action: 'Leave',
        onConfirm: () => actions.leave(conversation.id),
      },
    });
  const destroy = () =>
    set({
      dialog: {
        kind: 'ask',
        title: 'Delete this group?',
        text: 'It will be gone, with its messages, for everybody.',
        action: 'Delete',
        onConfirm: () => actions.destroy(conversation.id),
      },
    });
  return html`<p class="dialog-actions spread">
    <button type="button" class="button" data-testid="group-leave" onClick=${leave}>Leave group</button>
    ${mine(conversation, me.id)?.role === 'owner' && html`<button type="button" class="button danger"
      data-testid="group-delete" onClick=${destroy}>Delete group</button>`}</p>`;
}

export function ConversationDialog({ dialog, onClose }) {
  const [conversation, me, presence] = useStore((state) => [state.conversations[dialog.id], state.me, state.presence]);
  useEffect(() => {
    if (!conversation) onClose();
  }, [conversation]);
  if (!conversation) return null;
  const group = isGroup(conversation);
  const manager = canManage(conversation, me.id);
  const ids = conversation.participants.map((one) => one.userId);
  return html`<div class="dialog-body">
    <header class="dialog-head"><h2>${titleOf(conversation, me.id)}</h2>
      <${IconButton} icon="close" label="Close" onClick=${onClose} /></header>
    ${group && manager && html`<${Rename} key=${conversation.title} conversation=${conversation} />`}
    ${group && manager && html`<${PeoplePicker} label="Add people" chosen=${ids} testid="add-person"
      onChoose=${(person) => actions.add(conversation.id, person.id).catch(toastError)} />`}
    <ul class="people" aria-label="Participants">${conversation.participants.map(
      (entry) => html`<${Person} key=${entry.userId} conversation=${conversation} entry=${entry} me=${me}
      presence=${presence[entry.userId]}
        removable=${group && manager && entry.userId !== me.id && entry.role !== 'owner'} />`,
    )}</ul>
    ${group && html`<${Leaving} conversation=${conversation} me=${me} />`}
  </div>`;
}
