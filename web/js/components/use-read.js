/** Tells which messages have really been seen: on the screen, in a window that is visible and has the focus. */

import { useEffect, useRef } from 'preact/hooks';

const SEEN_PART = 0.5;

const attentive = () => document.visibilityState === 'visible' && document.hasFocus();

/**
 * @param {{current: Element}} box the scrolling element
 * @param {unknown} version changes whenever the messages do
 * @param {(seq: number) => void} onRead the highest `seq` of somebody else's message that was seen
 */
export function useRead(box, version, onRead) {
  const seen = useRef(new Set());
  const observer = useRef(null);
  const report = useRef();
  report.current = () => {
    if (!attentive() || !seen.current.size) return;
    onRead(Math.max(...[...seen.current].map((node) => Number(node.dataset.seq))));
  };

  useEffect(() => {
    const check = () => report.current();
    observer.current = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) seen.current[isIntersecting ? 'add' : 'delete'](target);
        check();
      },
      { root: box.current, threshold: SEEN_PART },
    );
    window.addEventListener('focus', check);
    document.addEventListener('visibilitychange', check);
    return () => {
      observer.current.disconnect();
      window.removeEventListener('focus', check);
      document.removeEventListener('visibilitychange', check);
    };
  }, []);

  useEffect(() => {
    observer.current.disconnect();
    seen.current.clear();
    for (const node of box.current.querySelectorAll('[data-foreign][data-seq]')) observer.current.observe(node);
  }, [version]);
}
