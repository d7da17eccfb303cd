/** The token, and how to connect with it. */

import { html } from 'htm/preact';
import { useState } from 'preact/hooks';

import { freshToken, user } from '../auth/session.js';
import { Field } from '../components/basics.js';
import { request } from '../http.js';
import { connect, disconnect, getStatus, subscribe } from './connection.js';
import * as log from './log.js';
import { useSource } from './use-source.js';

const TRANSPORTS = {
  'polling,websocket': 'Polling, then WebSocket (default)',
  websocket: 'WebSocket only',
  polling: 'Polling only',
  'websocket,polling': 'WebSocket, else polling',
};

function Login({ onToken }) {
  const [problem, setProblem] = useState(null);

  async function submit(event) {
    event.preventDefault();
    const { username, password } = Object.fromEntries(new FormData(event.target));
    try {
      const answer = await request('POST', '/auth/login', { body: { username, password } });
      log.add('info', 'login', { user: answer.user, expiresIn: answer.expiresIn });
      setProblem(null);
      onToken(answer.token);
    } catch (failure) {
      setProblem(failure);
    }
  }

  return html`<form class="row" onSubmit=${submit}>
    <${Field} id="console-username" label="Name" name="username" autocomplete="username" autocapitalize="none" required
      data-testid="console-username" />
    <${Field} id="console-password" label="Password" name="password" type="password" autocomplete="current-password"
      required data-testid="console-password" />
    <button type="submit" class="button" data-testid="console-login">Get a token</button>
    ${problem && html`<p class="form-error" role="alert" data-testid="console-login-error">${problem.message}</p>`}
  </form>`;
}

export function ConnectPanel() {
  useSource(subscribe);
  const status = getStatus();
  const [token, setToken] = useState('');
  const [options, setOptions] = useState({ transports: 'polling,websocket', autoJoin: false, recovery: true });
  const change = (name) => (event) =>
    setOptions({ ...options, [name]: event.target.type === 'checkbox' ? event.target.checked : event.target.value });
  const own = user();
  const takeOwn = () =>
    freshToken().then(setToken, (failure) => log.add('info', 'token', { message: failure.message }));

  function submit(event) {
    event.preventDefault();
    connect({
      token: token.trim(),
      transports: options.transports.split(','),
      autoJoin: options.autoJoin,
      recovery: options.recovery,
    });
  }

  return html`<section class="panel" aria-labelledby="connect-title">
    <header class="panel-head"><h2 id="connect-title">Connection</h2>
      <p class=${`status status-${status.state}`} role="status" data-testid="console-status" data-state=${status.state}>
        ${status.text}</p></header>
    <${Login} onToken=${setToken} />
    <form class="stack" onSubmit=${submit}>
      <div class="field"><label for="console-token">Token (JWT)</label>
        <textarea id="console-token" rows="3" spellcheck="false" autocomplete="off" value=${token}
          placeholder="Paste a token, or get one above" data-testid="console-token"
            onInput=${(event) => setToken(event.target.value)} /></div>
      ${own && html`<p><button type="button" class="link" data-testid="console-own-token"
        onClick=${takeOwn}>Use the chat page’s token (${own.username})</button></p>`}
      <div class="row">
        <div class="field"><label for="console-transports">Transports</label>
          <select id="console-transports" value=${options.transports} data-testid="console-transports"
            onChange=${change('transports')}>
          ${Object.entries(TRANSPORTS).map(([value, text]) => html`<option key=${value} value=${value}>${text}
            </option>`)}</select></div>
        <div class="checks">
          <label><input type="checkbox" checked=${options.autoJoin} data-testid="console-autojoin"
            onChange=${change('autoJoin')} /> autoJoin</label>
          <label><input type="checkbox" checked=${options.recovery} data-testid="console-recovery"
            onChange=${change('recovery')} /> recovery</label>
        </div>
      </div>
      <p class="actions"><button type="submit" class="button primary" data-testid="console-connect">Connect</button>
        <button type="button" class="button" data-testid="console-disconnect" onClick=${disconnect}>Disconnect</button>
          </p>
    </form>
  </section>`;
}
