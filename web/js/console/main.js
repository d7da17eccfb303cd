/** The console's start: the guide's test client, with a form for every event. */

import { html } from 'htm/preact';
import { render } from 'preact';

import { ConnectPanel } from './connect-panel.js';
import { EventForms } from './event-forms.js';
import { LogPanel } from './log-panel.js';

const Console = () => html`<div class="console">
  <header class="console-head"><img src="/favicon.svg" alt="" width="28" height="28" /><h1>Parley console</h1>
    <nav aria-label="Pages"><a href="/">Chat</a><a href="/docs">API</a></nav></header>
  <div class="console-side"><${ConnectPanel} /><${EventForms} /></div>
  <${LogPanel} />
</div>`;

const root = document.getElementById('console');
root.replaceChildren();
render(html`<${Console} />`, root);
