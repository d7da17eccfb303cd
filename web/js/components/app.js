/** The page as a whole: the entrance, or the two panes, and what lies over them. */

import { html } from 'htm/preact';
import { useEffect } from 'preact/hooks';

import { useStore } from '../store.js';
import { Banner } from './banner.js';
import { Dialogs } from './dialogs.js';
import { Entrance } from './entrance.js';
import { Sidebar } from './sidebar.js';
import { Thread } from './thread.js';
import { Toasts } from './toasts.js';
import { Welcome } from './welcome.js';

function useTitle() {
  const unread = useStore((state) => Object.values(state.conversations).reduce((sum, one) => sum + one.unreadCount, 0));
  useEffect(() => {
    document.title = unread ? `(${unread}) Parley` : 'Parley';
  }, [unread]);
}

function Chat() {
  const [openId, known] = useStore((state) => [state.openId, Boolean(state.conversations[state.openId])]);
  return html`<div class="chat" data-pane=${openId ? 'thread' : 'list'}>
    <${Banner} />
    <${Sidebar} />
    <main class="pane-thread">${known ? html`<${Thread} key=${openId} id=${openId} />` : html`<${Welcome} />`}</main>
  </div>`;
}

export function App() {
  const phase = useStore((state) => state.phase);
  useTitle();
  if (phase === 'starting') return null;
  return html`
    ${phase === 'auth' ? html`<${Entrance} />` : html`<${Chat} />`}
    <${Dialogs} />
    <${Toasts} />
  `;
}
