/** Everything that opens over the page: one native dialog, with what the store names inside. */

import { html } from 'htm/preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

import { remove } from '../actions/messages.js';
import { download } from '../files.js';
import { get, set, useStore } from '../store.js';
import { toastError } from '../toasts.js';
import { IconButton, Spinner } from './basics.js';
import { ConversationDialog } from './conversation-dialog.js';
import { NewGroup } from './new-group.js';
import { Profile } from './profile.js';
import { useFile } from './use-file.js';

export const closeDialog = () => set({ dialog: null });

export function Confirm({ title, children, action, onConfirm }) {
  const act = () => Promise.resolve(onConfirm()).then(closeDialog, toastError);
  return html`<div class="dialog-body"><h2>${title}</h2>${children}
    <p class="dialog-actions"><button type="button" class="button" data-testid="confirm-cancel"
      onClick=${closeDialog}>Cancel</button>
      <button type="button" class="button danger" data-testid="confirm" onClick=${act}>${action}</button></p></div>`;
}

function Picture({ dialog: { file } }) {
  const address = useFile(file.url);
  return html`<div class="viewer"><header><span>${file.filename}</span>
    <${IconButton} icon="download" label="Download"
      onClick=${() => download(file.url, file.filename).catch(toastError)} />
    <${IconButton} icon="close" label="Close" onClick=${closeDialog} /></header>
    ${address ? html`<img src=${address} alt=${file.filename} />` : html`<${Spinner} />`}</div>`;
}

const DeleteMessage = ({ dialog: { message } }) =>
  html`<${Confirm} title="Delete this message?" action="Delete" onConfirm=${() => remove(message)}>
    <p>It will be gone for everybody in this conversation.</p><//>`;
const Ask = ({ dialog }) =>
  html`<${Confirm} title=${dialog.title} action=${dialog.action} onConfirm=${dialog.onConfirm}><p>${dialog.text}</p><//>`;

const KINDS = {
  'new-group': NewGroup,
  conversation: ConversationDialog,
  profile: Profile,
  picture: Picture,
  'delete-message': DeleteMessage,
  ask: Ask,
};

export function Dialogs() {
  const dialog = useStore((state) => state.dialog);
  const node = useRef(null);
  useLayoutEffect(() => {
    if (dialog && !node.current.open) node.current.showModal();
    if (!dialog && node.current.open) node.current.close();
  }, [dialog]);
  const Content = KINDS[dialog?.kind];
  return html`<dialog ref=${node} class=${`dialog dialog-${dialog?.kind ?? 'none'}`} data-testid="dialog"
    aria-label=${dialog?.kind?.replace('-', ' ')}
    onClose=${() => get().dialog && closeDialog()} onClick=${(event) => event.target === node.current && closeDialog()}>
    ${Content && html`<${Content} key=${dialog.kind} dialog=${dialog} onClose=${closeDialog} />`}
  </dialog>`;
}
