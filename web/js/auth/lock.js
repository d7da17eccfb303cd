/** One holder at a time across all tabs of this browser. */

const LEASE_MS = 25_000;
const SETTLE_MS = 60;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Without TLS there is no `navigator.locks`: a lease in localStorage, written and read again after a moment. */
async function leased(name, work) {
  const key = `${name}.lease`;
  const owner = `${Date.now()}.${Math.random()}`;
  for (;;) {
    const held = JSON.parse(localStorage.getItem(key) ?? 'null');
    if (!held || held.until < Date.now()) {
      localStorage.setItem(key, JSON.stringify({ owner, until: Date.now() + LEASE_MS }));
      await pause(SETTLE_MS * (1 + Math.random()));
      if (JSON.parse(localStorage.getItem(key) ?? 'null')?.owner === owner) break;
    }
    await pause(SETTLE_MS);
  }
  try {
    return await work();
  } finally {
    localStorage.removeItem(key);
  }
}

export function exclusive(name, work) {
  return navigator.locks ? navigator.locks.request(name, work) : leased(name, work);
}
