/** The types of the library itself; those of the wire are in ../parley.d.ts. */

import type {
  ConversationOut,
  ConversationUpdated,
  ErrorEvent,
  Failure,
  MessageDeleted,
  MessageOut,
  MessagePinned,
  MessageStatus,
  PresenceOut,
  ReactionOut,
  ReactionUpdate,
  ReceiptOut,
  RefreshedOk,
  TypingUpdate,
  UploadComplete,
  UploadProgress,
  UserOut,
  UserStatus,
  UserUpdated,
  AuthExpiring,
  Changes,
  ClientEvents,
} from '../parley.js';

/** How far a client is in a conversation. */
export interface Position {
  rev: number;
  seq: number;
}

export interface Positions {
  epoch: string | null;
  me: number | null;
  conversations: Record<string, Position>;
}

/** A message to be sent. Without a `temp_id` it gets one. */
export interface Draft {
  conversationId: string;
  content?: string;
  replyTo?: string;
  attachmentIds?: string[];
  temp_id?: string;
}

export type DraftState = 'waiting' | 'sending' | 'paused' | 'failed';

export interface StoredDraft {
  temp_id: string;
  draft: Draft & { temp_id: string };
  order: number;
  owner: string;
  failure: Failure | null;
}

export interface ParleyStorage {
  drafts(): Promise<StoredDraft[]>;
  put(record: StoredDraft): Promise<unknown>;
  remove(temp_id: string): Promise<unknown>;
  load(): Promise<Positions | null>;
  save(positions: Positions | null): Promise<unknown>;
}

export interface Environment {
  isOnline(): boolean;
  watch(back: () => void): () => void;
}

/** The part of the Web Locks API that is used. */
export interface Locks {
  request(name: string, callback: (lock: unknown) => unknown): Promise<unknown>;
  request(name: string, options: { signal?: AbortSignal }, callback: (lock: unknown) => unknown): Promise<unknown>;
  query(): Promise<{ held?: Array<{ name?: string }> }>;
}

export interface ParleyOptions {
  /** The server; absent: the page's own. */
  url?: string;
  token?: string;
  /** Asked for a token before each attempt; `fresh`: another than the one before, which was refused or is ending. */
  getToken?: (wish: { fresh: boolean }) => string | Promise<string>;
  /** The user's id, by which the storage is named; absent: read from the first token. */
  user?: string;
  /** `io` of socket.io-client; absent: imported by that name. */
  io?: (url: any, options: any) => any;
  /** Further options of socket.io-client: `path`, `transports` and the like. */
  socketOptions?: Record<string, unknown>;
  /** Further fields of the handshake's `auth`. */
  auth?: Record<string, unknown>;
  /** Follow all of the user's conversations (the default), or only those that are joined. */
  autoJoin?: boolean;
  /** Acknowledge the delivery of other people's messages as they are told to the app; the default. */
  autoDeliver?: boolean;
  /** Keep positions in the storage, so that a reload continues with a delta. For apps that keep messages too. */
  persist?: boolean;
  storage?: ParleyStorage;
  /** All in ms. */
  ackTimeout?: number;
  callTimeout?: number;
  connectTimeout?: number;
  longestBackoff?: number;
  environment?: Environment;
  locks?: Locks | null;
}

export type ParleyState =
  | 'idle'
  | 'connecting'
  | 'online'
  | 'reconnecting'
  | 'offline'
  | 'draining'
  | 'refused'
  | 'closed';

export interface ParticipantChange {
  change: 'added' | 'updated' | 'removed';
  conversationId: string;
  userId: string;
  rev: number;
  role?: 'owner' | 'admin' | 'member';
  user?: UserOut;
  removedAt?: string;
}

export interface OutboxChange {
  temp_id: string;
  conversationId: string;
  state: DraftState | 'sent' | 'discarded';
  draft: Draft & { temp_id: string };
  message?: MessageOut;
  duplicate?: boolean;
  failure?: Failure;
}

/** What an app is told. */
export interface ParleyEvents {
  message: MessageOut;
  updated: MessageOut;
  deleted: Omit<MessageDeleted, 'prevRev'>;
  pinned: MessagePinned;
  status: MessageStatus;
  reaction: ReactionUpdate;
  receipt: ReceiptOut & { conversationId: string };
  conversation: ConversationOut | ConversationUpdated;
  participant: ParticipantChange;
  reset: Changes & { conversationId: string };
  gone: { conversationId: string; reason: 'deleted' | 'removed' | 'unseen' };
  epoch: { epoch: string; before: string };
  typing: TypingUpdate;
  presence: UserStatus;
  user: UserUpdated;
  outbox: OutboxChange;
  failed: { temp_id: string; draft: Draft & { temp_id: string }; error: ParleyError };
  state: ParleyState;
  synced: { first: boolean; recovered: boolean };
  refused: ParleyError;
  trouble: Error;
  error: ErrorEvent;
  'auth:expiring': AuthExpiring;
  'upload:progress': UploadProgress;
  'upload:complete': UploadComplete;
  [app: `app:${string}`]: any;
}

export class ParleyError extends Error {
  constructor(code: string, message: string, more?: { fields?: Record<string, string>; retryAfter?: number });
  readonly code: string;
  readonly fields?: Record<string, string>;
  /** In seconds. */
  readonly retryAfter?: number;
  /** Whether trying again is right. */
  get passes(): boolean;
}

export class Parley {
  constructor(options?: ParleyOptions);
  readonly state: ParleyState;
  readonly user: string | null;
  readonly epoch: string | null;
  on<Name extends keyof ParleyEvents>(name: Name, listener: (payload: ParleyEvents[Name]) => void): () => void;
  off<Name extends keyof ParleyEvents>(name: Name, listener: (payload: ParleyEvents[Name]) => void): void;
  connect(): Promise<void>;
  connectNow(): void;
  close(options?: { forget?: boolean }): Promise<void>;
  send(draft: Draft): { temp_id: string; sent: Promise<{ message: MessageOut; duplicate: boolean }> };
  retry(temp_id: string): Promise<{ message: MessageOut; duplicate: boolean }>;
  discard(temp_id: string): boolean;
  drafts(): Array<Draft & { temp_id: string; state: DraftState; failure: Failure | null }>;
  join(conversationId: string): Promise<{ conversationId: string } & Position>;
  leave(conversationId: string): Promise<void>;
  follow(conversationId: string, position: Position): void;
  sync(): Promise<boolean>;
  positions(): Positions;
  typing(conversationId: string, isTyping?: boolean): void;
  react(
    messageId: string,
    emoji: string,
    on?: boolean,
  ): Promise<{ messageId: string; conversationId: string; reactions: Record<string, ReactionOut> }>;
  delivered(conversationId: string, seq: number): void;
  read(conversationId: string, seq: number): void;
  presence(userIds: string[]): Promise<Record<string, PresenceOut>>;
  echo(data: unknown): Promise<unknown>;
  request<Name extends keyof ClientEvents>(
    event: Name,
    payload: ClientEvents[Name]['payload'],
  ): Promise<Extract<ClientEvents[Name]['answer'], { ok: true }>>;
  authenticate(token: string): Promise<RefreshedOk | null>;
}

/** For as long as the page lives, or as an object that several clients share. */
export function memoryStorage(): ParleyStorage;

/** In the browser's IndexedDB; one name a user. */
export function indexedDbStorage(name: string): ParleyStorage;
