/** The line across the page that says why nothing arrives at the moment. */

import { html } from 'htm/preact';
import { useEffect, useState } from 'preact/hooks';

import { live } from '../app.js';
import { useStore } from '../store.js';

const GRACE_MS = 900;

const WORDS = {
  connecting: 'Connecting…',
  reconnecting: 'The connection was lost. Reconnecting… What you write is sent as soon as it is back.',
  draining: 'The server is restarting. You will be reconnected in a moment.',
};

export function Banner() {
  const state = useStore(({ connection }) => connection);
  const [shown, setShown] = useState(null);
  useEffect(() => {
    if (!WORDS[state]) {
      setShown(null);
      return undefined;
    }
    const timer = setTimeout(setShown, state === 'draining' ? 0 : GRACE_MS, state);
    return () => clearTimeout(timer);
  }, [state]);
  const words =
    shown && !navigator.onLine ? 'You are offline. What you write is sent as soon as you are back.' : WORDS[shown];
  return html`<div class="banner-place" role="status">
    ${
      words &&
      html`<div class="banner" data-testid="banner" data-state=${shown}>
      <span>${words}</span>
      ${shown === 'reconnecting' && html`<button type="button" class="link" onClick=${live.connectNow}>Try now</button>`}
    </div>`
    }
  </div>`;
}
