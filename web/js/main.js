/** The chat page's start. */

import { html } from 'htm/preact';
import { render } from 'preact';

import { followAddress } from './actions/conversations.js';
import { enter, live } from './app.js';
import { user } from './auth/session.js';
import { App } from './components/app.js';
import { set } from './store.js';
import { wire } from './wire.js';

wire();
window.addEventListener('popstate', followAddress);
window.addEventListener('online', live.connectNow);
const root = document.getElementById('app');
root.replaceChildren();
render(html`<${App} />`, root);
if (user()) enter();
else set({ phase: 'auth' });
