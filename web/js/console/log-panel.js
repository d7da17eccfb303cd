/** The log with its filters. What came over the wire is shown as text, never as markup. */

import { html } from 'htm/preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

import * as log from './log.js';
import { useSource } from './use-source.js';

const DIRECTIONS = { '': 'All', in: 'Received', out: 'Sent', ack: 'Acknowledgements', info: 'Connection' };
const SIGNS = { in: '←', out: '→', ack: '✓', info: '·' };
const SHOWN = 400;
const NEAR_PX = 40;

const textOf = (data) => (data === undefined ? '' : JSON.stringify(data, null, 2));

function Entry({ entry }) {
  const text = textOf(entry.data);
  const isBad = entry.data?.answer?.ok === false || ['error', 'connect_error'].includes(entry.event);
  return html`<li class=${`entry entry-${entry.direction} ${isBad ? 'entry-bad' : ''}`}
    data-testid="console-log-entry" data-direction=${entry.direction} data-event=${entry.event}>
    <p><span class="entry-sign" aria-hidden="true">${SIGNS[entry.direction]}</span><span class="hidden">
      ${DIRECTIONS[entry.direction]}:</span>
      <strong>${entry.event}</strong><span class="muted">#${entry.number}</span><time datetime=${entry.at}>
        ${entry.at.slice(11, 23)}</time></p>
    ${text && html`<pre>${text}</pre>`}
  </li>`;
}

export function LogPanel() {
  useSource(log.subscribe);
  const [filter, setFilter] = useState('');
  const [direction, setDirection] = useState('');
  const box = useRef(null);
  const atEnd = useRef(true);
  const matches = log.matcher(filter);
  const shown = log.all().filter((entry) => (!direction || entry.direction === direction) && matches(entry));
  const paused = log.isPaused();

  useLayoutEffect(() => {
    if (atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  });
  const onScroll = () => {
    atEnd.current = box.current.scrollHeight - box.current.scrollTop - box.current.clientHeight < NEAR_PX;
  };

  return html`<section class="panel log-panel" aria-labelledby="log-title">
    <header class="panel-head"><h2 id="log-title">Log</h2><p class="muted" data-testid="console-count">
      ${shown.length} of ${log.all().length}${paused ? `, ${log.waiting()} waiting` : ''}</p></header>
    <div class="row filters">
      <div class="field"><label for="console-filter">Events</label>
        <input id="console-filter" type="search" placeholder="message:*, -typing" value=${filter} autocomplete="off"
          spellcheck="false" data-testid="console-filter" onInput=${(event) => setFilter(event.target.value)} /></div>
      <div class="field"><label for="console-direction">Direction</label>
        <select id="console-direction" value=${direction} data-testid="console-direction"
          onChange=${(event) => setDirection(event.target.value)}>
        ${Object.entries(DIRECTIONS).map(([value, text]) => html`<option key=${value} value=${value}>${text}</option>`)}
          </select></div>
      <p class="actions">
        <button type="button" class="button" aria-pressed=${paused} data-testid="console-pause"
          onClick=${() => log.setPaused(!paused)}>${paused ? 'Resume' : 'Pause'}</button>
        <button type="button" class="button" data-testid="console-clear" onClick=${log.clear}>Clear</button>
        <button type="button" class="button" data-testid="console-export"
          onClick=${() => log.exportJson(shown)}>Export</button>
      </p>
    </div>
    <ol class="log" ref=${box} onScroll=${onScroll} tabindex="0" aria-label="Log" data-testid="console-log">
      ${shown.length > SHOWN && html`<li
        class="entry muted">The newest ${SHOWN} are shown; the export has all ${shown.length}.</li>`}
      ${shown.slice(-SHOWN).map((entry) => html`<${Entry} key=${entry.number} entry=${entry} />`)}
    </ol>
    ${!shown.length && html`<p class="log-empty muted">
      ${log.all().length ? 'No entry matches the filters.' : 'Connect, and everything sent and received appears here.'}
        </p>`}
  </section>`;
}
