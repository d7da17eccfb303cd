/** The right pane while no conversation is open; for a newcomer, how to see the thing at work. */

import { html } from 'htm/preact';

import { useStore } from '../store.js';
import { nameOf } from '../util/text.js';
import { Spinner } from './basics.js';

export function Welcome() {
  const [loaded, isEmpty, me] = useStore((state) => [
    state.listLoaded,
    !Object.keys(state.conversations).length,
    state.me,
  ]);
  if (!loaded) return html`<div class="welcome"><${Spinner} /></div>`;
  if (!isEmpty)
    return html`<div class="welcome"><p class="muted">Choose a conversation, or search for somebody to start one.</p>
      </div>`;
  return html`<div class="welcome" data-testid="first-run">
    <div class="hint-card">
      <h2>Welcome, ${nameOf(me)}</h2>
      <p>Nobody to talk to yet? Try it with two windows:</p>
      <ol>
        <li>Open a second window in private mode and register a second person there.</li>
        <li>Back here, search for that person's name and choose it.</li>
        <li>Write. Watch the ticks: one is sent, two delivered, two coloured ones read.</li>
      </ol>
    </div>
  </div>`;
}
