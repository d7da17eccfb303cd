/** Register and log in. */

import { html } from 'htm/preact';
import { useState } from 'preact/hooks';

import { enter } from '../app.js';
import { login, register } from '../auth/session.js';
import { Field } from './basics.js';

const KNOWN = 'parley.known';

const FORMS = {
  register: {
    tab: 'Register',
    submit: 'Create account',
    act: ({ username, password, displayName }) =>
      register({ username, password, ...(displayName ? { displayName } : {}) }),
  },
  login: { tab: 'Log in', submit: 'Log in', act: ({ username, password }) => login({ username, password }) },
};

function Form({ kind }) {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState(null);
  const isNew = kind === 'register';

  async function submit(event) {
    event.preventDefault();
    const values = Object.fromEntries(
      [...new FormData(event.target)].map(([name, value]) => [name, name === 'password' ? value : value.trim()]),
    );
    setBusy(true);
    setFailure(null);
    try {
      await FORMS[kind].act(values);
      localStorage.setItem(KNOWN, '1');
      enter();
    } catch (problem) {
      setFailure(problem);
      setBusy(false);
    }
  }

  const errors = failure?.fields ?? {};
  return html`<form class="entrance-form" onSubmit=${submit} data-testid=${`${kind}-form`}>
    <${Field} id=${`${kind}-username`} name="username" label=${isNew ? 'Name' : 'Name or e-mail'} required
      autocomplete="username" autocapitalize="none" spellcheck=${false}
      data-testid=${`${kind}-username`} error=${errors.username} hint=${isNew ? 'Others find you by it.' : null} />
    ${isNew && html`<${Field} id="register-display-name" name="displayName" label="Shown as (optional)"
      autocomplete="name" data-testid="register-display-name" error=${errors.displayName} />`}
    <${Field} id=${`${kind}-password`} name="password" type="password" label="Password" required
      autocomplete=${isNew ? 'new-password' : 'current-password'}
      data-testid=${`${kind}-password`} error=${errors.password} />
    ${failure && html`<p class="form-error" role="alert" data-testid="form-error">${failure.message}</p>`}
    <button type="submit" class="button primary wide" disabled=${busy} data-testid=${`${kind}-submit`}>
      ${busy ? 'One moment…' : FORMS[kind].submit}</button>
  </form>`;
}

export function Entrance() {
  const [kind, setKind] = useState(localStorage.getItem(KNOWN) ? 'login' : 'register');
  return html`<main class="entrance">
    <div class="entrance-card">
      <div class="brand"><img src="/favicon.svg" alt="" width="40" height="40" /><h1>Parley</h1></div>
      <div class="tabs" role="group" aria-label="Register or log in">
        ${Object.entries(FORMS).map(([name, { tab }]) => html`<button key=${name} type="button"
          aria-pressed=${name === kind} data-testid=${`tab-${name}`} onClick=${() => setKind(name)}>${tab}</button>`)}
      </div>
      <${Form} key=${kind} kind=${kind} />
    </div>
    <p class="entrance-foot"><a href="/docs">API documentation</a><a href="/console">Socket console</a></p>
  </main>`;
}
