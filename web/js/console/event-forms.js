/** A form for every client event, and a free one. */

import { html } from 'htm/preact';
import { useState } from 'preact/hooks';

import { uuid } from '../util/ids.js';
import { getKnown, send, subscribe } from './connection.js';
import { EVENTS, payloadOf } from './events.js';
import { useSource } from './use-source.js';

function Input({ field, id, testid, text, onText }) {
  const shared = {
    id,
    value: text,
    'data-testid': testid,
    spellcheck: false,
    autocomplete: 'off',
    onInput: (event) => onText(event.target.value),
  };
  if (field.kind === 'area' || field.kind === 'json') return html`<textarea rows="2" ...${shared} />`;
  if (field.kind === 'switch')
    return html`<select ...${shared}><option value="">unset</option><option value="true">true</option>
      <option value="false">false</option></select>`;
  const input = html`<input type="text" inputmode=${field.kind === 'number' ? 'numeric' : undefined}
    list=${field.list && `known-${field.list}`} ...${shared} />`;
  if (field.kind !== 'temp_id') return input;
  return html`<span class="with-button">${input}
    <button type="button" class="button small" onClick=${() => onText(uuid())}>New</button></span>`;
}

function useForm(initial, read) {
  const [texts, setTexts] = useState(initial);
  const [withAck, setWithAck] = useState(true);
  const [problem, setProblem] = useState(null);

  function submit(event) {
    event.preventDefault();
    try {
      const { name, payload } = read(texts);
      send(name, payload, withAck);
      setProblem(null);
    } catch (failure) {
      setProblem(failure.message);
    }
  }

  return {
    texts,
    setText: (name) => (value) => setTexts({ ...texts, [name]: value }),
    withAck,
    setWithAck,
    problem,
    submit,
  };
}

function Foot({ form, name }) {
  return html`
    ${form.problem && html`<p class="form-error" role="alert" data-testid=${`console-problem-${name}`}>${form.problem}
      </p>`}
    <p class="actions"><button type="submit" class="button small primary"
      data-testid=${`console-send-${name}`}>Send</button>
      <label class="check"><input type="checkbox" checked=${form.withAck} data-testid=${`console-ack-${name}`}
        onChange=${(event) => form.setWithAck(event.target.checked)} /> with acknowledgement</label></p>
  `;
}

function EventForm({ spec }) {
  const { event, about, fields } = spec;
  const initial = Object.fromEntries(
    fields.map((field) => [field.name, field.kind === 'temp_id' ? uuid() : (field.value ?? '')]),
  );
  const form = useForm(initial, (texts) => ({ name: event, payload: payloadOf(fields, texts) }));
  return html`<details class="event" open=${event === 'join-room' || event === 'send-message'}
    data-testid=${`console-details-${event}`}>
    <summary><code>${event}</code></summary>
    <form class="stack" data-testid=${`console-form-${event}`} onSubmit=${form.submit}>
      <p class="muted">${about}</p>
      ${fields.map((field) => {
        const id = `field-${event}-${field.name}`.replaceAll(':', '-');
        return html`<div class="field" key=${field.name}><label for=${id}><code>${field.name}</code>
          ${field.note && html` <span class="muted">${field.note}</span>`}</label>
          <${Input} field=${field} id=${id} testid=${`console-field-${event}-${field.name}`}
            text=${form.texts[field.name]} onText=${form.setText(field.name)} /></div>`;
      })}
      <${Foot} form=${form} name=${event} />
    </form>
  </details>`;
}

function readFree({ event, json }) {
  if (!event.trim()) throw new Error('event: is empty');
  try {
    return { name: event.trim(), payload: json.trim() === '' ? undefined : JSON.parse(json) };
  } catch (failure) {
    throw new Error(`JSON: ${failure.message}`);
  }
}

function FreeForm() {
  const form = useForm({ event: '', json: '{}' }, readFree);
  return html`<details class="event" data-testid="console-details-free">
    <summary>Any event</summary>
    <form class="stack" data-testid="console-form-free" onSubmit=${form.submit}>
      <div class="field"><label for="free-event">Event</label>
        <${Input} field=${{ kind: 'text' }} id="free-event" testid="console-field-free-event" text=${form.texts.event}
          onText=${form.setText('event')} /></div>
      <div class="field"><label for="free-json">Payload (JSON; empty sends none)</label>
        <${Input} field=${{ kind: 'json' }} id="free-json" testid="console-field-free-json" text=${form.texts.json}
          onText=${form.setText('json')} /></div>
      <${Foot} form=${form} name="free" />
    </form>
  </details>`;
}

export function EventForms() {
  useSource(subscribe);
  const known = getKnown();
  return html`<section class="panel" aria-labelledby="events-title">
    <header class="panel-head"><h2 id="events-title">Send</h2></header>
    ${EVENTS.map((spec) => html`<${EventForm} key=${spec.event} spec=${spec} />`)}
    <${FreeForm} />
    ${Object.entries(known).map(
      ([kind, ids]) =>
        html`<datalist key=${kind} id=${`known-${kind}`}>${[...ids]
          .slice(-100)
          .reverse()
          .map((id) => html`<option key=${id} value=${id} />`)}</datalist>`,
    )}
  </section>`;
}
