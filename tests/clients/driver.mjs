/**
 * Clients of the library, driven by a test: a line of JSON in is a call, a line out an answer or something heard.
 *
 * in: `{id, client, method, args}`, with `make` (options), `state`, `fake` and `drop` besides the library's own methods
 * out: `{"answer": id, value | error}` and `{"client", "event", "n", "at", "data"}`, `n` counting that event's from 1
 */

import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { io } from 'socket.io-client';

import { memoryStorage, Parley } from '../../web/parley.js';

const TOLD = [
  'message', 'updated', 'deleted', 'pinned', 'status', 'reaction', 'receipt', 'conversation', 'participant', 'reset',
  'gone', 'epoch', 'typing', 'presence', 'outbox', 'failed', 'state', 'synced', 'refused', 'trouble', 'error',
];

const clients = new Map();
const shared = memoryStorage();

function write(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** A file, for drafts that outlive a process. */
function fileStorage(path) {
  const read = () => {
    try {
      return JSON.parse(readFileSync(path, 'utf8'));
    } catch {
      return { drafts: {}, positions: null };
    }
  };
  const change = (work) => {
    const all = read();
    work(all);
    writeFileSync(`${path}.new`, JSON.stringify(all));
    renameSync(`${path}.new`, path);
  };
  return {
    drafts: async () => Object.values(read().drafts),
    put: async (record) => change((all) => (all.drafts[record.temp_id] = record)),
    remove: async (tempId) => change((all) => delete all.drafts[tempId]),
    load: async () => read().positions,
    save: async (positions) => change((all) => (all.positions = positions)),
  };
}

/** What the Web Locks API does, for the clients of this process. */
function createLocks() {
  const queues = new Map();
  function next(name) {
    const [first] = queues.get(name) ?? [];
    if (!first || first.running) return;
    first.running = true;
    Promise.resolve(first.callback()).then((value) => {
      queues.get(name).shift();
      first.resolve(value);
      next(name);
    });
  }
  return {
    request(name, ...rest) {
      const callback = rest.at(-1);
      const { signal } = rest.length > 1 ? rest[0] : {};
      return new Promise((resolve, reject) => {
        const one = { callback, resolve, running: false };
        if (!queues.has(name)) queues.set(name, []);
        queues.get(name).push(one);
        signal?.addEventListener('abort', () => {
          if (one.running) return;
          queues.set(name, queues.get(name).filter((other) => other !== one));
          reject(signal.reason);
        });
        queueMicrotask(() => next(name));
      });
    },
    async query() {
      const held = [...queues].filter(([, queue]) => queue[0]?.running).map(([name]) => ({ name }));
      return { held, pending: [] };
    },
  };
}

const locks = createLocks();

class Driven {
  constructor(name, options) {
    this.name = name;
    this.counts = new Map();
    this.drops = [];
    this.fakes = [];
    this.online = true;
    this.watchers = new Set();
    const { tokens, storage, withLocks, ...rest } = options;
    if (storage === 'shared') rest.storage = shared;
    else if (storage) rest.storage = fileStorage(storage);
    else rest.storage = memoryStorage();
    if (tokens) rest.getToken = ({ fresh }) => this.nextToken(tokens, fresh);
    this.parley = new Parley({
      ...rest,
      locks: withLocks ? locks : null,
      environment: { isOnline: () => this.online, watch: (back) => this.watch(back) },
      io: (url, given) => this.wrap(io(url, given)),
    });
    for (const event of TOLD) this.parley.on(event, (data) => this.tell(event, data));
  }

  tell(event, data) {
    const n = (this.counts.get(event) ?? 0) + 1;
    this.counts.set(event, n);
    const told = data instanceof Error ? { code: data.code, message: data.message } : data;
    write({ client: this.name, event, n, at: performance.now(), data: told });
  }

  nextToken(tokens, fresh) {
    this.tell('asked', { fresh });
    if (fresh && tokens.length > 1) tokens.shift();
    return tokens[0];
  }

  watch(back) {
    this.watchers.add(back);
    return () => this.watchers.delete(back);
  }

  setOnline(online) {
    this.online = online;
    for (const back of this.watchers) back();
  }

  /** The stock socket, but that some packets are lost on their way in, and some answers are others. */
  wrap(socket) {
    const { onevent, onack } = socket;
    socket.onAnyOutgoing((event, payload) => this.tell(`wire:${event}`, payload ?? null));
    socket.onevent = (packet) => {
      if (packet.data[0] === 'server:draining') this.tell('draining', packet.data[1]);
      const [name, data] = packet.data;
      const at = this.drops.findIndex((drop) => drop === name || (drop.event === name && drop.seq === data.seq));
      if (at < 0) return onevent.call(socket, packet);
      this.drops.splice(at, 1);
      this.tell('dropped', packet.data[1]);
    };
    socket.onack = (packet) => {
      const [answer] = packet.data;
      const at = this.fakes.findIndex((fake) => fake.where in (answer ?? {}));
      if (at < 0) return onack.call(socket, packet);
      const [fake] = this.fakes.splice(at, 1);
      this.tell('faked', answer);
      if (fake.answer) onack.call(socket, { ...packet, data: [fake.answer] });
    };
    this.socket = socket;
    return socket;
  }

  async call(method, args) {
    if (method === 'setOnline') return this.setOnline(...args);
    if (method === 'drop') return void this.drops.push(...args);
    if (method === 'fake') return void this.fakes.push(...args);
    if (method === 'state') return this.parley.state;
    if (method === 'send' || method === 'retry') return this.send(method, args);
    return this.parley[method](...args);
  }

  send(method, args) {
    const answer = this.parley[method](...args);
    const sent = method === 'send' ? answer.sent : answer;
    const temp_id = method === 'send' ? answer.temp_id : args[0];
    sent.then(
      (value) => this.tell('sent', { temp_id, ...value }),
      (error) => this.tell('unsent', { temp_id, code: error.code }),
    );
    return { temp_id };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, client, method, args } = JSON.parse(line);
  const work = async () => {
    if (method !== 'make') return clients.get(client).call(method, args);
    clients.set(client, new Driven(client, args[0]));
  };
  work().then(
    (value) => write({ answer: id, value: value ?? null }),
    (error) => write({ answer: id, error: { code: error.code ?? null, message: String(error.stack) } }),
  );
}
await Promise.all([...clients.values()].map((one) => one.parley.close()));
