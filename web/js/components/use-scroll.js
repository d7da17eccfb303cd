/** A message list's scrolling: it stays at its end while one is there, and in place while older pages come in. */

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

const NEAR_PX = 80;
const PAGE_AT_PX = 400;

/**
 * @param {string|undefined} firstKey the topmost message: where it changes, something was put above
 * @param {() => void} onTop the reader nears the beginning of what is loaded
 */
export function useScroll(firstKey, onTop) {
  const box = useRef(null);
  const content = useRef(null);
  const held = useRef({ atEnd: true, top: 0, height: 0, firstKey });
  const [away, setAway] = useState(false);

  /** The reader may have scrolled already though the event for it comes only later: the place itself tells. */
  function look() {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    if (scrollTop !== held.current.top) held.current.atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    held.current.top = scrollTop;
  }

  function place(top) {
    box.current.scrollTop = top;
    Object.assign(held.current, { top: box.current.scrollTop, height: box.current.scrollHeight });
  }

  function toEnd() {
    held.current.atEnd = true;
    place(box.current.scrollHeight);
  }

  useLayoutEffect(() => {
    const { height, firstKey: before } = held.current;
    const node = box.current;
    look();
    if (held.current.atEnd) toEnd();
    else place(before === firstKey ? node.scrollTop : node.scrollTop + node.scrollHeight - height);
    held.current.firstKey = firstKey;
    if (firstKey && node.scrollHeight <= node.clientHeight) onTop();
  });

  useEffect(() => {
    const observer = new ResizeObserver(() => {
      if (!box.current) return;
      look();
      if (held.current.atEnd) toEnd();
      held.current.height = box.current.scrollHeight;
    });
    observer.observe(content.current);
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);

  function onScroll() {
    if (!box.current) return;
    look();
    setAway(!held.current.atEnd);
    if (box.current.scrollTop < PAGE_AT_PX) onTop();
  }

  return { box, content, onScroll, away, toEnd };
}
