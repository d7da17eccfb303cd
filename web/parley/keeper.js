/** Positions in the storage, where the app wants them kept: read once, and written a moment after they moved. */

const SAVE_MS = 250;

/**
 * @param {object} given
 * @param {Promise<object>} given.storage see storage.js
 * @param {object} given.timeline
 * @param {boolean} given.persist
 * @param {(error: Error) => void} given.onTrouble
 */
export function createKeeper({ storage, timeline, persist, onTrouble }) {
  let timer = null;
  let restored = null;
  let ended = false;

  async function write(positions) {
    clearTimeout(timer);
    timer = null;
    await storage.then((opened) => opened.save(positions)).catch(onTrouble);
  }

  async function read() {
    const positions = await storage.then((opened) => opened.load()).catch(onTrouble);
    if (positions) timeline.restore(positions);
  }

  return {
    /** Settles once the timeline has what was kept. */
    restore: () => (restored ??= persist ? read() : Promise.resolve()),
    moved() {
      if (persist && !ended) timer ??= setTimeout(() => write(timeline.positions()), SAVE_MS);
    },
    async close(forget) {
      ended = true;
      clearTimeout(timer);
      if (forget) await write(null);
      else if (persist && restored) await restored.then(() => write(timeline.positions()));
    },
  };
}
