/** The client: how connection, timeline, outbox and receipts work together, and all that an app calls. */

import { createConnection } from './connection.js';
import { deliverPassing, isDurable } from './delivery.js';
import { ParleyError } from './errors.js';
import { createKeeper } from './keeper.js';
import { createOutbox } from './outbox.js';
import { createReceipts } from './receipts.js';
import { createRequests } from './requests.js';
import { defaultStorage } from './storage.js';
import { createTabs } from './tabs.js';
import { createTimeline } from './timeline.js';
import { createTyping } from './typing.js';
import { browserEnvironment, createEmitter, userOf } from './util.js';

const DEFAULTS = {
  url: undefined,
  autoJoin: true,
  autoDeliver: true,
  persist: false,
  ackTimeout: 10_000,
  callTimeout: 30_000,
  connectTimeout: 15_000,
  longestBackoff: 5_000,
};

export class Parley {
  #settings;
  #events = createEmitter();
  #connection = null;
  #timeline;
  #outbox;
  #receipts;
  #typing;
  #user;
  #identified;
  #storage;
  #keeper;
  #requests;
  #closed = false;
  #connectedBefore = false;

  /** See `ParleyOptions` in client.d.ts. */
  constructor(options = {}) {
    const environment = options.environment ?? browserEnvironment();
    this.#settings = { ...DEFAULTS, ...options, environment };
    const locks = 'locks' in options ? options.locks : globalThis.navigator?.locks;
    this.#user = options.user ?? (options.token ? userOf(options.token) : null);
    const user = new Promise((resolve) => (this.#identified = resolve));
    if (this.#user !== null) this.#identified(this.#user);
    const scope = user.then((id) => `parley:${this.#settings.url ?? ''}:${id}`);
    this.#storage = options.storage ? Promise.resolve(options.storage) : scope.then(defaultStorage);
    this.#assemble(createTabs(locks ?? undefined, options.storage ? Promise.resolve('parley') : scope));
  }

  #assemble(tabs) {
    const { autoJoin, persist, callTimeout, longestBackoff } = this.#settings;
    const storage = this.#storage;
    const shared = {
      call: (event, payload) => this.#call(event, payload),
      emit: (name, payload) => this.#tell(name, payload),
      isReady: () => this.#connection?.isReady() ?? false,
      onTrouble: (error) => this.#events.emit('trouble', error),
      longestBackoff,
    };
    const user = () => this.#user;
    this.#timeline = createTimeline({ ...shared, user, autoJoin, onMoved: () => this.#keeper.moved() });
    this.#keeper = createKeeper({ ...shared, storage, timeline: this.#timeline, persist });
    this.#requests = createRequests({ ...shared, state: () => this.state, callTimeout });
    this.#outbox = createOutbox({ ...shared, storage, tabs });
    this.#receipts = createReceipts(shared);
    this.#typing = createTyping((conversationId, isTyping) => {
      if (shared.isReady()) this.#call('typing', { conversationId, isTyping }).catch(() => {});
    });
  }

  /** Starts connecting, and keeps at it until `close()`. */
  async connect() {
    if (this.#closed) throw new ParleyError('closed', 'This client was closed');
    this.#outbox.adopt().catch((error) => this.#events.emit('trouble', error));
    if (!this.#connection) {
      const io = this.#settings.io ?? (await import('socket.io-client')).io;
      if (this.#user !== null) await this.#keeper.restore();
      if (this.#closed) return;
      this.#connection ??= createConnection({ ...this.#handlers(), settings: { ...this.#settings, io } });
    }
    this.#connection.start();
  }

  #handlers() {
    return {
      onState: (state) => this.#stateChanged(state),
      onUp: () => this.#up(),
      onDown: () => this.#down(),
      onEvent: (name, payload) => {
        if (isDurable(name)) this.#timeline.take(name, payload);
        else deliverPassing(this.#events.emit, name, payload);
      },
      onRefused: (error) => this.#events.emit('refused', error),
      onUser: (user) => {
        this.#user = user;
        this.#identified(user);
      },
      onTrouble: (error) => this.#events.emit('trouble', error),
    };
  }

  #stateChanged(state) {
    this.#events.emit('state', state);
    this.#requests.look();
  }

  /** Rooms first, then `sync`, in one flight: whatever happens after the answer's moment comes as an event. */
  async #up() {
    await this.#keeper.restore();
    this.#outbox.flush();
    this.#receipts.resume();
    for (const id of this.#timeline.left) this.#call('leave-room', { conversationId: id }).catch(() => {});
    for (const id of this.#timeline.rooms()) {
      this.#call('join-room', { conversationId: id }).catch((error) => {
        if (error.passes && error.code !== 'disconnected') this.join(id).catch(() => {});
      });
    }
    const first = !this.#connectedBefore;
    const { recovered } = this.#connection;
    if (!(await this.#timeline.syncAll())) return;
    this.#connectedBefore = true;
    this.#connection.settled();
    this.#events.emit('synced', { first, recovered });
    this.#outbox.adopt().catch((error) => this.#events.emit('trouble', error));
  }

  #down() {
    this.#timeline.down();
    this.#typing.forget();
  }

  #tell(name, payload) {
    this.#events.emit(name, payload);
    if (name === 'epoch') this.#receipts.forget();
    if (!this.#settings.autoDeliver) return;
    const messages = name === 'message' ? [payload] : name === 'reset' ? payload.messages : [];
    const foreign = messages.filter((message) => message.senderId !== this.#user).at(-1);
    if (foreign) this.delivered(foreign.conversationId, foreign.seq);
  }

  async #call(event, payload) {
    if (!this.#connection) throw new ParleyError('disconnected', 'Not connected');
    return this.#connection.call(event, payload);
  }

  /** Any event of the server's that does no harm twice: asked until there is an answer. */
  request(event, payload) {
    return this.#requests.request(event, payload);
  }

  on(name, listener) {
    return this.#events.on(name, listener);
  }

  off(name, listener) {
    this.#events.off(name, listener);
  }

  get state() {
    if (this.#closed) return 'closed';
    return this.#connection?.state ?? 'idle';
  }

  get user() {
    return this.#user;
  }

  get epoch() {
    return this.#timeline.epoch;
  }

  connectNow() {
    this.#connection?.connectNow();
  }

  send(draft) {
    this.#typing.forget(draft.conversationId);
    return this.#outbox.send(draft);
  }

  retry(tempId) {
    return this.#outbox.retry(tempId);
  }

  discard(tempId) {
    return this.#outbox.discard(tempId);
  }

  drafts() {
    return this.#outbox.list();
  }

  async join(conversationId) {
    const { rev, seq } = await this.#timeline.enter(conversationId, (event, payload) => this.request(event, payload));
    return { conversationId, rev, seq };
  }

  async leave(conversationId) {
    this.#timeline.leave(conversationId);
    this.#typing.stop(conversationId);
    if (this.#connection?.isUp()) await this.#call('leave-room', { conversationId }).catch(() => {});
  }

  follow(conversationId, position) {
    this.#timeline.follow(conversationId, position);
  }

  /** Asks for everything since our positions, as after a reconnect; `false` where the line broke. */
  async sync() {
    await this.#requests.ready();
    return this.#timeline.syncAll();
  }

  positions() {
    return this.#timeline.positions();
  }

  typing(conversationId, isTyping = true) {
    if (isTyping) this.#typing.touch(conversationId);
    else this.#typing.stop(conversationId);
  }

  async react(messageId, emoji, on = true) {
    const { conversationId, reactions } = await this.request('react', { messageId, emoji, on });
    return { messageId, conversationId, reactions };
  }

  delivered(conversationId, seq) {
    this.#receipts.delivered(conversationId, seq);
  }

  read(conversationId, seq) {
    this.#receipts.read(conversationId, seq);
  }

  async presence(userIds) {
    return (await this.request('presence', { userIds })).users;
  }

  async echo(data) {
    return (await this.request('echo', data)).data;
  }

  /** A newer token of the same user, for this connection and all later ones. */
  async authenticate(token) {
    this.#settings.token = token;
    return this.#connection?.authenticate(token) ?? null;
  }

  /** Ends it for good. Drafts stay stored for the next client of this user, unless `forget` is set (a logout). */
  async close({ forget = false } = {}) {
    if (this.#closed) return;
    this.#typing.forget();
    this.#receipts.forget();
    this.#connection?.stop('closed');
    this.#closed = true;
    this.#requests.look();
    if (this.#user === null) return void this.#outbox.close(forget);
    await this.#outbox.close(forget);
    await this.#keeper.close(forget);
  }
}
