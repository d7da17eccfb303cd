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
  const held = useRef({ atEnd: true, height: 0, firstKey });
  const [away, setAway] = useState(false);

  const toEnd = () => {
    held.current.atEnd = true;
    box.current.scrollTop = box.current.scrollHeight;
  };

  useLayoutEffect(() => {
    const { atEnd, height, firstKey: before } = held.current;
    const node = box.current;
    if (atEnd) node.scrollTop = node.scrollHeight;
    else if (before !== firstKey) node.scrollTop += node.scrollHeight - height;
    Object.assign(held.current, { height: node.scrollHeight, firstKey });
    if (firstKey && node.scrollHeight <= node.clientHeight) onTop();
  });

  useEffect(() => {
    const node = box.current;
    const observer = new ResizeObserver(() => {
      if (held.current.atEnd) node.scrollTop = node.scrollHeight;
      held.current.height = node.scrollHeight;
    });
    observer.observe(content.current);
    observer.observe(node);
    return () => observer.disconnect();
  }, []);

  function onScroll() {
    const node = box.current;
    held.current.atEnd = node.scrollHeight - node.scrollTop - node.clientHeight < NEAR_PX;
    setAway(!held.current.atEnd);
    if (node.scrollTop < PAGE_AT_PX) onTop();
  }

  return { box, content, onScroll, away, toEnd };
}
