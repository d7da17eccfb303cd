/** Notices, announced to screen readers as they come. A popover, so that they are seen above an open dialog. */

import { html } from 'htm/preact';
import { useLayoutEffect, useRef } from 'preact/hooks';

import { useStore } from '../store.js';
import { dismiss } from '../toasts.js';
import { IconButton } from './basics.js';

export function Toasts() {
  const toasts = useStore((state) => state.toasts);
  const node = useRef(null);
  useLayoutEffect(() => {
    if (!node.current.hidePopover) return;
    node.current.hidePopover();
    if (toasts.length) node.current.showPopover();
  }, [toasts]);
  return html`<div ref=${node} popover="manual" class="toasts" role="region" aria-label="Notices">
    ${toasts.map(
      (
        toast,
      ) => html`<div key=${toast.id} class=${`toast toast-${toast.kind}`} data-testid="toast" data-kind=${toast.kind}
        role=${toast.kind === 'error' ? 'alert' : 'status'}>
      <span>${toast.text}</span>
      <${IconButton} icon="close" label="Dismiss" onClick=${() => dismiss(toast.id)} />
    </div>`,
    )}
  </div>`;
}
