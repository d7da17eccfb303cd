/**
 * Parley's client library: nothing lost, nothing twice, always in order, over the stock socket.io-client.
 *
 *     import { Parley } from '/parley.js';
 *     const parley = new Parley({ getToken });
 *     parley.on('message', (message) => show(message));
 *     parley.connect();
 *     const { temp_id, sent } = parley.send({ conversationId, content: 'Hello' });
 *
 * docs/client.md explains it; parley.d.ts has the types.
 */

export { Parley } from './parley/client.js';
export { ParleyError } from './parley/errors.js';
export { indexedDbStorage, memoryStorage } from './parley/storage.js';
