/** Making a group: a title and the people in it. */

import { html } from 'htm/preact';
import { useState } from 'preact/hooks';

import { create } from '../actions/conversations.js';
import { useStore } from '../store.js';
import { nameOf } from '../util/text.js';
import { Avatar, Field, Icon, IconButton } from './basics.js';
import { usePeople } from './people-search.js';

/** A search field with its results as buttons; `chosen` are left out. */
export function PeoplePicker({ label, chosen, onChoose, testid }) {
  const [text, setText] = useState('');
  const people = usePeople(text, chosen);
  return html`<div class="field">
    <label for=${testid}>${label}</label>
    <input id=${testid} type="search" placeholder="Search by name" autocomplete="off" value=${text} data-testid=${testid}
      onInput=${(event) => setText(event.target.value)}
      onKeyDown=${(event) => event.key === 'Enter' && event.preventDefault()} />
    ${people?.length === 0 && html`<p class="field-note">Nobody else is called “${text.trim()}”.</p>`}
    ${
      people?.length > 0 &&
      html`<ul class="choices">${people.slice(0, 6).map(
        (
          person,
        ) => html`<li key=${person.id}>
          <button type="button" class="item" data-testid="group-person" data-user-id=${person.id}
      onClick=${() => {
        setText('');
        onChoose(person);
      }}><${Avatar} user=${person} size="small" /><span class="item-text"><span class="item-title">${nameOf(person)}
        </span><span class="item-preview">@${person.username}</span></span><${Icon} name="plus" /></button></li>`,
      )}</ul>`
    }
  </div>`;
}

export function NewGroup({ onClose }) {
  const me = useStore((state) => state.me);
  const [people, setPeople] = useState([]);
  const [failure, setFailure] = useState(null);

  async function submit(event) {
    event.preventDefault();
    const title = new FormData(event.target).get('title').trim();
    try {
      await create({ type: 'group', participantIds: people.map((one) => one.id), ...(title ? { title } : {}) });
      onClose();
    } catch (problem) {
      setFailure(problem);
    }
  }

  return html`<form class="dialog-body" onSubmit=${submit}>
    <header class="dialog-head"><h2>New group</h2><${IconButton} icon="close" label="Close" onClick=${onClose} /></header>
    <${Field} id="group-title" name="title" label="Title" maxlength="200" autocomplete="off" data-testid="group-title"
      error=${failure?.fields.title} />
    <${PeoplePicker} label="People" chosen=${[me.id, ...people.map((one) => one.id)]} testid="group-search"
      onChoose=${(person) => setPeople([...people, person])} />
    ${
      people.length > 0 &&
      html`<ul class="chips">${people.map(
        (person) => html`<li key=${person.id} class="chip"><span>${nameOf(person)}</span>
      <${IconButton} icon="close" label=${`Leave out ${nameOf(person)}`}
        onClick=${() => setPeople(people.filter((one) => one !== person))} /></li>`,
      )}</ul>`
    }
    ${failure && html`<p class="form-error" role="alert">${failure.message}</p>`}
    <p class="dialog-actions"><button type="button" class="button" onClick=${onClose}>Cancel</button>
      <button type="submit" class="button primary" data-testid="group-create"
        disabled=${!people.length}>Create group</button></p>
  </form>`;
}
