/** "I am typing": repeated every 3 s while it lasts (the server forgets after 6 s), ended after 4 s of silence. */

const REPEAT_MS = 3_000;
const SILENCE_MS = 4_000;

/** @param {(conversationId: string, isTyping: boolean) => void} tell */
export function createTyping(tell) {
  let active = null;
  let toldAt = 0;
  let timer = null;

  function stop() {
    clearTimeout(timer);
    if (active) tell(active, false);
    active = null;
  }

  return {
    stop,
    touch(conversationId) {
      if (active && active !== conversationId) stop();
      if (!active || Date.now() - toldAt > REPEAT_MS) {
        active = conversationId;
        toldAt = Date.now();
        tell(conversationId, true);
      }
      clearTimeout(timer);
      timer = setTimeout(stop, SILENCE_MS);
    },
    /** A message was sent: the server has ended it by itself. */
    forget() {
      clearTimeout(timer);
      active = null;
    },
  };
}
