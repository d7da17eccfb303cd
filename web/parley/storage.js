/**
 * Where drafts and positions are kept. A storage is any object with these functions, all of which answer promises:
 *
 * - `drafts()`: every stored record, in any order; `put(record)`; `remove(temp_id)`
 * - `load()`: the positions saved last, or null; `save(positions)`
 *
 * Records and positions are plain JSON values.
 */

/** For as long as the page lives, or as an object that several clients share. */
export function memoryStorage() {
  const records = new Map();
  let positions = null;
  return {
    drafts: async () => [...records.values()].map((record) => structuredClone(record)),
    put: async (record) => void records.set(record.temp_id, structuredClone(record)),
    remove: async (tempId) => void records.delete(tempId),
    load: async () => structuredClone(positions),
    save: async (value) => void (positions = structuredClone(value)),
  };
}

const DRAFTS = 'drafts';
const POSITIONS = 'positions';

function open(name) {
  return new Promise((resolve, reject) => {
    const request = globalThis.indexedDB.open(name, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(DRAFTS, { keyPath: 'temp_id' });
      request.result.createObjectStore(POSITIONS);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error('IndexedDB is blocked by another page'));
  });
}

/**
 * In the browser's IndexedDB, where drafts outlive the page.
 *
 * @param {string} name the database's; one a user, so that nobody sends what another one wrote
 */
export function indexedDbStorage(name) {
  let database = null;

  async function run(store, mode, work) {
    database ??= open(name);
    const opened = await database.catch((error) => {
      database = null;
      throw error;
    });
    opened.onversionchange = () => opened.close();
    opened.onclose = () => (database = null);
    return new Promise((resolve, reject) => {
      const transaction = opened.transaction(store, mode, { durability: 'strict' });
      const request = work(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
      transaction.onerror = () => reject(transaction.error);
    });
  }

  return {
    drafts: () => run(DRAFTS, 'readonly', (store) => store.getAll()),
    put: (record) => run(DRAFTS, 'readwrite', (store) => store.put(record)),
    remove: (tempId) => run(DRAFTS, 'readwrite', (store) => store.delete(tempId)),
    load: async () => (await run(POSITIONS, 'readonly', (store) => store.get('all'))) ?? null,
    save: (value) => run(POSITIONS, 'readwrite', (store) => store.put(value, 'all')),
  };
}

/** IndexedDB where there is one, else memory. */
export function defaultStorage(name) {
  return globalThis.indexedDB ? indexedDbStorage(name) : memoryStorage();
}
