/** "I am typing": repeated while it lasts (the server forgets after 6 s), ended after a silence. */

const REPEAT_MS = 3_000;
const SILENCE_MS = 5_000;

/** @param {(conversationId: string, isTyping: boolean) => void} tell */
export function createTyping(tell) {
  const active = new Map();

  function stop(conversationId) {
    const mark = active.get(conversationId);
    if (!mark) return;
    clearTimeout(mark.timer);
    active.delete(conversationId);
    tell(conversationId, false);
  }

  return {
    stop,
    /** To be called at every keystroke. */
    touch(conversationId) {
      const mark = active.get(conversationId) ?? { toldAt: 0, timer: null };
      active.set(conversationId, mark);
      if (Date.now() - mark.toldAt >= REPEAT_MS) {
        mark.toldAt = Date.now();
        tell(conversationId, true);
      }
      clearTimeout(mark.timer);
      mark.timer = setTimeout(stop, SILENCE_MS, conversationId);
    },
    /** The server has ended it by itself: a message was sent, or the line broke. */
    forget(conversationId) {
      for (const [id, mark] of active) {
        if (conversationId !== undefined && id !== conversationId) continue;
        clearTimeout(mark.timer);
        active.delete(id);
      }
    },
  };
}
