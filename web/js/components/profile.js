/** One's own name, as others see it. */

import { html } from 'htm/preact';
import { useState } from 'preact/hooks';

import * as api from '../api.js';
import { set, useStore } from '../store.js';
import { Avatar, Field, IconButton } from './basics.js';

export function Profile({ onClose }) {
  const me = useStore((state) => state.me);
  const [failure, setFailure] = useState(null);

  async function submit(event) {
    event.preventDefault();
    try {
      const user = await api.updateMe({ displayName: new FormData(event.target).get('displayName').trim() });
      set((state) => ({ me: { ...state.me, ...user } }));
      onClose();
    } catch (problem) {
      setFailure(problem);
    }
  }

  return html`<form class="dialog-body" onSubmit=${submit}>
    <header class="dialog-head"><h2>Your profile</h2><${IconButton} icon="close" label="Close" onClick=${onClose} />
      </header>
    <div class="person"><${Avatar} user=${me} /><span class="item-text"><strong>@${me.username}</strong>
      <span class="item-preview">Others find you by this name.</span></span></div>
    <${Field} id="profile-name" name="displayName" label="Shown as" defaultValue=${me.displayName ?? ''}
      autocomplete="name" data-testid="profile-name" error=${failure?.fields.displayName} />
    ${failure && html`<p class="form-error" role="alert">${failure.message}</p>`}
    <p class="dialog-actions"><button type="button" class="button" onClick=${onClose}>Cancel</button>
      <button type="submit" class="button primary" data-testid="profile-save">Save</button></p>
  </form>`;
}
