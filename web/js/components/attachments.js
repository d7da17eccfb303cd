/** Files of a message: pictures as thumbnails, everything else as a line to download. */

import { html } from 'htm/preact';
import { useEffect, useRef, useState } from 'preact/hooks';

import { download } from '../files.js';
import { set } from '../store.js';
import { toastError } from '../toasts.js';
import { fileSize } from '../util/text.js';
import { Icon } from './basics.js';
import { useFile } from './use-file.js';

const MAX_WIDTH = 320;
const MAX_HEIGHT = 280;

/** The place of a picture is known before its bytes are, so that nothing jumps when they come. */
function Picture({ file }) {
  const address = useFile(file.thumbnailUrl);
  const frame = useRef(null);
  const scale = Math.min(1, MAX_WIDTH / (file.width ?? MAX_WIDTH), MAX_HEIGHT / (file.height ?? MAX_HEIGHT));
  const [width, height] = [
    Math.max(48, (file.width ?? MAX_WIDTH) * scale),
    Math.max(48, (file.height ?? MAX_HEIGHT) * scale),
  ];
  useEffect(() => {
    frame.current.style.width = `${width}px`;
    frame.current.style.aspectRatio = `${width} / ${height}`;
  }, [width, height]);
  return html`<button type="button" class="picture" ref=${frame} data-testid="attachment" data-attachment-id=${file.id}
    title=${file.filename} aria-label=${`Picture ${file.filename}, enlarge`}
    onClick=${() => set({ dialog: { kind: 'picture', file } })}>
      ${address && html`<img src=${address} alt=${file.filename} />`}</button>`;
}

function Document({ file }) {
  const [busy, setBusy] = useState(false);
  const fetchIt = () => {
    setBusy(true);
    download(file.url, file.filename)
      .catch(toastError)
      .finally(() => setBusy(false));
  };
  return html`<button type="button" class="document" data-testid="attachment" data-attachment-id=${file.id}
    disabled=${busy} aria-label=${`Download ${file.filename}, ${fileSize(file.size)}`} onClick=${fetchIt}>
    <${Icon} name="file" /><span class="document-text"><strong>${file.filename}</strong><span>${fileSize(file.size)}
      </span></span><${Icon} name="download" />
  </button>`;
}

export function Attachments({ attachments }) {
  if (!attachments.length) return null;
  return html`<div class="attachments">
    ${attachments.map((file) => (file.thumbnailUrl ? html`<${Picture} key=${file.id} file=${file} />` : html`<${Document}
      key=${file.id} file=${file} />`))}</div>`;
}
