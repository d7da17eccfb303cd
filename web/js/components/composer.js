/** Where messages are written, with the files that will go with them. */

import { html } from 'htm/preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

import { send } from '../actions/messages.js';
import { live } from '../app.js';
import { get, set, useStore } from '../store.js';
import { cancel, takeFinished, upload } from '../uploads.js';
import { fileSize } from '../util/text.js';
import { Icon, IconButton } from './basics.js';

const LIMIT = 8_000;
const WARN_AT = 7_500;

const coarse = window.matchMedia('(pointer: coarse)');

function Upload({ entry }) {
  const { uploadId, name, total, attachment } = entry;
  const done = Math.min(total, Math.max(entry.received, live.isConnected() ? 0 : entry.sent));
  const words = attachment ? fileSize(total) : `${fileSize(done)} of ${fileSize(total)}`;
  return html`<li class="upload" data-testid="upload-item" data-upload-id=${uploadId}
    data-done=${attachment ? 'true' : 'false'}>
    <span class="upload-name">${name}</span>
    <progress data-testid="upload-progress" max=${total || 1} value=${attachment ? total || 1 : done}
      aria-label=${`Upload of ${name}`} />
    <span class="upload-size">${words}</span>
    <${IconButton} icon="close" label=${attachment ? `Leave out ${name}` : `Cancel the upload of ${name}`}
      onClick=${() => cancel(uploadId)} />
  </li>`;
}

function useGrowing(input, text) {
  useLayoutEffect(() => {
    input.current.style.height = 'auto';
    input.current.style.height = `${input.current.scrollHeight + 2}px`;
  }, [text]);
}

function isReady(text, uploads) {
  const uploading = uploads.some((one) => !one.attachment);
  return !uploading && Array.from(text).length <= LIMIT && (text.trim() || uploads.length > 0);
}

function editLast(id) {
  const { me, threads } = get();
  const last = threads[id]?.items.findLast(
    (message) => message.senderId === me.id && message.seq && !message.deletedAt && message.content,
  );
  if (last) set({ editing: last });
}

export function Composer({ id, title }) {
  const [text, editing] = useStore((state) => [state.drafts[id] ?? '', state.editing]);
  const here = (state) => state.uploads.filter((one) => one.conversationId === id);
  const uploads = useStore(here);
  const input = useRef(null);
  const picker = useRef(null);
  useGrowing(input, text);
  useLayoutEffect(() => {
    if (!editing && !coarse.matches) input.current.focus();
  }, [id, editing]);

  const setText = (value) => set((state) => ({ drafts: { ...state.drafts, [id]: value } }));
  const length = Array.from(text).length;

  function submit(event) {
    event?.preventDefault();
    const written = input.current.value; // also what was typed since this was last drawn
    if (!isReady(written, here(get()))) return;
    send(id, written.trim(), takeFinished(id));
    input.current.value = ''; // by itself where it was drawn empty last
    setText('');
    input.current.focus();
  }

  function onInput(event) {
    setText(event.target.value);
    if (event.target.value.trim()) live.typing(id);
    else live.stopTyping();
  }

  function onKeyDown(event) {
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey && !coarse.matches) submit(event);
    if (event.key === 'ArrowUp' && !text) editLast(id);
  }

  function take(files) {
    for (const file of files) upload(id, file);
  }

  function onPaste(event) {
    if (!event.clipboardData.files.length) return;
    event.preventDefault();
    take(event.clipboardData.files);
  }

  return html`<form class="composer" onSubmit=${submit}>
    ${uploads.length > 0 && html`<ul class="uploads" aria-label="Files to send">
      ${uploads.map((entry) => html`<${Upload} key=${entry.uploadId} entry=${entry} />`)}</ul>`}
    <div class="composer-row">
      <input ref=${picker} type="file" multiple class="hidden" tabindex="-1" aria-label="Choose files"
        data-testid="upload" onChange=${(
        event,
      ) => {
        take(event.target.files);
        event.target.value = '';
      }} />
      <${IconButton} icon="attach" label="Attach files" data-testid="attach" onClick=${() => picker.current.click()} />
      <textarea ref=${input} rows="1" placeholder="Write a message" aria-label=${`Message to ${title}`} value=${text}
        data-testid="composer" onInput=${onInput} onKeyDown=${onKeyDown} onPaste=${onPaste} />
      <button type="submit" class="send" data-testid="send" aria-label="Send" title="Send"
        disabled=${!isReady(text, uploads)}>
        <${Icon} name="send" /></button>
    </div>
    ${length > WARN_AT && html`<p class=${length > LIMIT ? 'counter field-error' : 'counter'} role="status">
      ${length} of ${LIMIT} characters</p>`}
  </form>`;
}
