/** Finding people in the directory: used by the sidebar, by new groups and by a group's settings. */

import { useEffect, useState } from 'preact/hooks';

import * as api from '../api.js';
import { toastError } from '../toasts.js';

const PAUSE_MS = 180;

/** People whose name matches `text`, without those of `except`; null while nothing is asked or known. */
export function usePeople(text, except) {
  const [found, setFound] = useState({ text: '', people: null });
  const wanted = text.trim();
  useEffect(() => {
    if (!wanted) return undefined;
    const stop = new AbortController();
    const ask = () =>
      api.findUsers(wanted, stop.signal).then((people) => setFound({ text: wanted, people }), toastError);
    const timer = setTimeout(ask, PAUSE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [wanted]);
  if (!wanted || found.text !== wanted) return null;
  return found.people.filter((person) => !except.includes(person.id));
}
