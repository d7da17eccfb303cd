/** A message being edited, in its place. */

import { html } from 'htm/preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

import { edit } from '../actions/messages.js';
import { set } from '../store.js';
import { toastError } from '../toasts.js';

export function Editor({ message }) {
  const input = useRef(null);
  useLayoutEffect(() => {
    input.current.focus();
    input.current.setSelectionRange(message.content.length, message.content.length);
  }, []);
  const stop = () => set({ editing: null });

  function save() {
    const content = input.current.value.trim();
    if (content) edit(message, content).catch(toastError);
  }

  function onKeyDown(event) {
    if (event.isComposing) return;
    if (event.key === 'Escape') stop();
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      save();
    }
  }

  return html`<div class="editor">
    <textarea ref=${input} rows="2" aria-label="Edit message" data-testid="edit-input" onKeyDown=${onKeyDown}>
      ${message.content}</textarea>
    <p><button type="button" class="button small" data-testid="edit-cancel" onClick=${stop}>Cancel</button>
      <button type="button" class="button small primary" data-testid="edit-save" onClick=${save}>Save</button></p>
  </div>`;
}
