/** Draws a component again whenever a source (with `subscribe`) changes, at most once a frame. */

import { useEffect, useReducer } from 'preact/hooks';

export function useSource(subscribe) {
  const [, redraw] = useReducer((count) => count + 1, 0);
  useEffect(() => {
    let frame = 0;
    const off = subscribe(() => {
      frame ||= setTimeout(() => {
        frame = 0;
        redraw();
      }, 16);
    });
    redraw();
    return () => {
      off();
      clearTimeout(frame);
    };
  }, []);
}
