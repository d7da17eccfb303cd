/** The messages of a conversation, with days between them, paging upwards. */

import { html } from 'htm/preact';

import { loadOlder, read } from '../actions/messages.js';
import { isGroup } from '../state/conversations.js';
import { emptyThread, keyOf } from '../state/messages.js';
import { useStore } from '../store.js';
import { dayLabel, sameDay } from '../util/time.js';
import { nameOf } from '../util/text.js';
import { Icon, Spinner } from './basics.js';
import { Message } from './message.js';
import { useRead } from './use-read.js';
import { useScroll } from './use-scroll.js';

const TOGETHER_MS = 5 * 60_000;
const nothing = emptyThread();

/** A message follows on where the same person wrote the one before, the same day, within five minutes. */
function followsOn(message, before) {
  if (!before || before.senderId !== message.senderId || before.kind !== message.kind) return false;
  return (
    sameDay(before.createdAt, message.createdAt) &&
    new Date(message.createdAt) - new Date(before.createdAt) < TOGETHER_MS
  );
}

function Start({ thread }) {
  if (thread.loading) return html`<li class="list-start"><${Spinner} label="Loading messages" /></li>`;
  if (!thread.loaded || thread.hasMore) return null;
  return html`<li class="list-start" data-testid="history-start">
    ${thread.items.length ? 'This is where the conversation begins.' : 'No messages yet. Say hello.'}</li>`;
}

export function MessageList({ conversation, me }) {
  const { id } = conversation;
  const [thread, editing] = useStore((state) => [state.threads[id] ?? nothing, state.editing]);
  const { items } = thread;
  const { box, content, onScroll, away, toEnd } = useScroll(items[0] && keyOf(items[0]), () => loadOlder(id));
  useRead(box, items, (seq) => read(id, seq));
  const newest = items.at(-1);
  const spoken = newest?.seq && newest.senderId !== me.id ? `${nameOf(newest.sender)}: ${newest.content}` : '';

  return html`<div class="messages-place">
    <div class="messages" ref=${box} onScroll=${onScroll} tabindex="0" aria-label="Messages" role="region"
      data-testid="messages">
      <ol ref=${content}>
        <${Start} thread=${thread} />
        ${items.map((message, index) => {
          const before = items[index - 1];
          const day =
            !sameDay(before?.createdAt, message.createdAt) &&
            html`<li class="day" key=${`day ${keyOf(message)}`}><span>${dayLabel(message.createdAt)}</span></li>`;
          return [
            day,
            html`<${Message} key=${keyOf(message)} message=${message} me=${me} conversation=${conversation}
              follows=${followsOn(message, before)}
            named=${isGroup(conversation)} editing=${editing?.id === message.id && Boolean(message.id)} />`,
          ];
        })}
      </ol>
    </div>
    <p class="hidden" aria-live="polite">${spoken}</p>
    ${
      away &&
      html`<button type="button" class="to-end" data-testid="to-end" onClick=${toEnd} aria-label="To the newest message"
        title="To the newest message">
      <${Icon} name="down" />${conversation.unreadCount > 0 && html`<span class="badge">${conversation.unreadCount}
        </span>`}
    </button>`
    }
  </div>`;
}
