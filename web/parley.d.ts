// Written by bin/types from the schemas in schemas/. What this file says is changed there.

export * from './parley/client.js';

/** What was received or read: by message, by messages, or everything in a conversation up to `seq`. */
export interface Acknowledge {
  messageId?: string | null;
  messageIds?: Array<string> | null;
  conversationId?: string | null;
  seq?: number | null;
}

/** A newcomer. */
export interface AddParticipant {
  userId: string;
  role?: "admin" | "member";
}

/** Whatever was sent with `echo`. */
export type Anything = unknown;

/** An application's own event, sent through `/api/relay/emit`. Best effort, without a `rev`. */
export type AppEvent = unknown;

/** `presence`. */
export interface AskPresence {
  userIds: Array<string>;
}

/** A file; its bytes are at `url`, for participants of its conversation and its uploader. */
export interface AttachmentOut {
  id: string;
  filename: string;
  mime: string;
  size: number;
  sha256: string;
  width?: number | null;
  height?: number | null;
  url: string;
  thumbnailUrl?: string | null;
}

/** The token ends in a minute, and the socket is closed then, unless `auth:refresh` brings another. */
export interface AuthExpiring {
  expiresAt: string;
}

/** Ends all of the user's other sessions. */
export interface ChangePassword {
  currentPassword: string;
  newPassword: string;
}

/** Another role; `owner` hands the conversation over. */
export interface ChangeRole {
  role: "owner" | "admin" | "member";
}

/**
 * What changed in a conversation, up to `rev`.
 * `delta`: everything whose state is newer. `reset`: all that the client had is to be dropped; this is the
 * newest
 * page. `gone`: the conversation is not (any longer) the client's to see.
 */
export interface Changes {
  outcome: "delta" | "reset" | "gone";
  rev: number;
  seq: number;
  conversation?: ConversationOut | null;
  messages: Array<MessageOut>;
  receipts: Array<ReceiptOut>;
  participants: Array<ParticipantSince | RemovedParticipant>;
}

/** A conversation is gone, with all that was in it. */
export interface ConversationDeleted {
  conversationId: string;
  id: string;
  rev: number;
  prevRev: number;
}

/** Newest activity first. */
export interface ConversationList {
  items: Array<ConversationOut>;
  nextCursor: string | null;
}

/** One is in a conversation now: it, as the one who gets this sees it. */
export interface ConversationNew {
  id: string;
  type: "direct" | "group";
  title: string | null;
  avatar: string | null;
  participants: Array<ParticipantOut>;
  lastMessage: MessageOut | null;
  unreadCount: number;
  mentionCount: number;
  seq: number;
  rev: number;
  firstSeq: number;
  pinned: Array<unknown>;
  mutedUntil: string | null;
  createdAt: string;
  updatedAt: string;
  conversationId: string;
  prevRev: number;
}

/** A conversation as one of its participants sees it. */
export interface ConversationOut {
  id: string;
  type: "direct" | "group";
  title: string | null;
  avatar: string | null;
  participants: Array<ParticipantOut>;
  lastMessage: MessageOut | null;
  unreadCount: number;
  mentionCount: number;
  seq: number;
  rev: number;
  firstSeq: number;
  pinned: Array<unknown>;
  mutedUntil: string | null;
  createdAt: string;
  updatedAt: string;
}

/** A conversation's title or picture was changed. */
export interface ConversationUpdated {
  conversationId: string;
  id: string;
  title: string | null;
  avatar: string | null;
  updatedAt: string;
  rev: number;
  prevRev: number;
}

/** A direct conversation has one other participant; a group any number, and may have a title. */
export interface CreateConversation {
  type: "direct" | "group";
  participantIds: Array<string>;
  title?: string | null;
}

/** The server is about to restart: wait so long, then come back. */
export interface Draining {
  reconnectAfterMs: number;
}

/** The acknowledgement of `echo`. */
export interface EchoOk {
  ok: true;
  data: unknown;
}

/** New content, by its author. */
export interface EditMessage {
  content: string;
}

/** An event that asked for no acknowledgement was refused, or the socket's token has ended. */
export interface ErrorEvent {
  error: string;
  message: string;
  fields?: Record<string, string> | null;
  retryAfter?: number | null;
  event?: string | null;
  temp_id?: string | null;
}

/** An error: as an acknowledgement (`ok: false`), as the `error` event, as a REST body. */
export interface Failure {
  error: string;
  message: string;
  fields?: Record<string, string> | null;
  retryAfter?: number | null;
}

/** Newest first below `before`, or oldest first above `after`. */
export interface HistoryPage {
  before?: number | null;
  after?: number | null;
  limit?: number;
}

/** The same with the conversation named in the query. */
export interface HistoryQuery {
  before?: number | null;
  after?: number | null;
  limit?: number;
  conversationId: string;
}

/** `join-room`. With `since`, the answer says what changed after that rev. */
export interface JoinRoom {
  conversationId: string;
  since?: number | null;
}

/** The acknowledgement of `join-room`. */
export interface JoinedOk {
  ok: true;
  conversationId: string;
  rev: number;
  seq: number;
  changes?: Changes | null;
}

/** `leave-room`. */
export interface LeaveRoom {
  conversationId: string;
}

/** The acknowledgement of `leave-room`. */
export interface LeftOk {
  ok: true;
  conversationId: string;
}

/** A name or an e-mail address, and the password. */
export interface Login {
  username: string;
  password: string;
}

/** Which session ends: that of the refresh token, that of the bearer token, or all of the user's. */
export interface Logout {
  refreshToken?: string | null;
  everywhere?: boolean;
}

/** Oneself. */
export interface MeOut {
  id: string;
  username: string;
  displayName: string;
  avatar: string | null;
  email: string | null;
  createdAt: string;
}

/** A message was deleted; its tombstone keeps its `seq`. */
export interface MessageDeleted {
  id: string;
  messageId: string;
  conversationId: string;
  seq: number;
  rev: number;
  prevRev: number;
  deletedAt: string;
}

/** A message that is new, or that was edited. */
export interface MessageEvent {
  id: string;
  temp_id: string | null;
  conversationId: string;
  seq: number;
  rev: number;
  senderId: string;
  sender: UserOut;
  content: string;
  kind: string;
  replyTo: string | null;
  replyCount: number;
  attachments: Array<AttachmentOut>;
  mentions: Array<string>;
  reactions: Record<string, ReactionOut>;
  pinnedAt: string | null;
  status: "sent" | "delivered" | "read";
  createdAt: string;
  sentAt: string;
  editedAt: string | null;
  deletedAt: string | null;
  prevRev: number;
}

/** A message in its present state; a tombstone where `deletedAt` is set. */
export interface MessageOut {
  id: string;
  temp_id: string | null;
  conversationId: string;
  seq: number;
  rev: number;
  senderId: string;
  sender: UserOut;
  content: string;
  kind: string;
  replyTo: string | null;
  replyCount: number;
  attachments: Array<AttachmentOut>;
  mentions: Array<string>;
  reactions: Record<string, ReactionOut>;
  pinnedAt: string | null;
  status: "sent" | "delivered" | "read";
  createdAt: string;
  sentAt: string;
  editedAt: string | null;
  deletedAt: string | null;
}

/** A page of history; `hasMore` in the direction that was asked for. */
export interface MessagePage {
  items: Array<MessageOut>;
  hasMore: boolean;
}

/** A message was pinned, or taken down: then `pinnedAt` is null. */
export interface MessagePinned {
  messageId: string;
  conversationId: string;
  seq: number;
  pinnedAt: string | null;
  rev: number;
  prevRev: number;
}

/** When one participant had a message delivered and read. */
export interface MessageReceipt {
  userId: string;
  deliveredAt: string | null;
  readAt: string | null;
}

/** Every participant but the sender. */
export interface MessageReceipts {
  items: Array<MessageReceipt>;
}

/** Everybody else has received, or read, a message; `userId` was the last of them. */
export interface MessageStatus {
  messageId: string;
  conversationId: string;
  userId: string;
  status: "delivered" | "read";
  deliveredAt?: string | null;
  readAt?: string | null;
  rev: number;
  prevRev: number;
}

/** Conversations that the user came into and went out of, up to `rev` of their memberships. */
export interface MyChanges {
  rev: number;
  added: Array<ConversationOut>;
  removed: Array<string>;
}

/** Done. */
export interface Ok {
  ok: true;
}

/** A page of a list. */
export interface Page {
  cursor?: string | null;
  limit?: number;
}

/** The answer to an addition. */
export interface ParticipantAdded {
  success: boolean;
  participant: ParticipantOut;
}

/** Somebody was added to a conversation. */
export interface ParticipantAddedEvent {
  conversationId: string;
  participant: UserOut;
  role: "owner" | "admin" | "member";
  rev: number;
  prevRev: number;
}

/** The answer to a change of role. */
export interface ParticipantChanged {
  participant: ParticipantOut;
}

/** A user in a conversation, and how far they have heard and read. */
export interface ParticipantOut {
  conversationId: string;
  userId: string;
  role: "owner" | "admin" | "member";
  joinedAt: string;
  deliveredSeq: number;
  readSeq: number;
  user: UserOut;
}

/** Somebody has left a conversation, or was put out of it. */
export interface ParticipantRemovedEvent {
  conversationId: string;
  userId: string;
  removedAt: string;
  rev: number;
  prevRev: number;
}

/** A participant who came or whose role changed, as of `rev`. */
export interface ParticipantSince {
  conversationId: string;
  userId: string;
  role: "owner" | "admin" | "member";
  joinedAt: string;
  deliveredSeq: number;
  readSeq: number;
  user: UserOut;
  rev: number;
}

/** Somebody has another role in a conversation. */
export interface ParticipantUpdatedEvent {
  conversationId: string;
  userId: string;
  participant: UserOut;
  role: "owner" | "admin" | "member";
  rev: number;
  prevRev: number;
}

/** The acknowledgement of `presence`: those who share a conversation with the caller. */
export interface PresenceOk {
  ok: true;
  users: Record<string, PresenceOut>;
}

/** One user's presence. */
export interface PresenceOut {
  status: "online" | "offline";
  lastSeen: string | null;
}

/** Toggles, or sets where `on` is given. */
export interface React {
  messageId: string;
  emoji: string;
  on?: boolean | null;
}

/** The acknowledgement of `react`. */
export interface ReactedOk {
  ok: true;
  messageId: string;
  conversationId: string;
  reactions: Record<string, ReactionOut>;
}

/** Who reacted with one emoji, first come first. */
export interface ReactionOut {
  count: number;
  users: Array<string>;
  userNames: Array<string>;
}

/** A reaction was added or taken back: all reactions of the message, by emoji. */
export interface ReactionUpdate {
  messageId: string;
  conversationId: string;
  rev: number;
  prevRev: number;
  reactions: Record<string, ReactionOut>;
}

/** A participant's watermarks, as of `rev`. */
export interface ReceiptOut {
  userId: string;
  deliveredSeq: number;
  readSeq: number;
  rev: number;
}

/** Up to which `seq` somebody has received and read. */
export interface ReceiptUpdate {
  conversationId: string;
  userId: string;
  deliveredSeq: number;
  readSeq: number;
  rev: number;
  prevRev: number;
}

/** A refresh token, spent by this. */
export interface Refresh {
  refreshToken: string;
}

/** `auth:refresh`: a newer token of the same user. */
export interface RefreshAuth {
  token: string;
}

/** The acknowledgement of `auth:refresh`. */
export interface RefreshedOk {
  ok: true;
  expiresAt: string;
}

/** A new account. */
export interface Register {
  username: string;
  password: string;
  displayName?: string | null;
  email?: string | null;
}

/** An event of your own. It is not stored: it reaches whoever is connected now. */
export interface RelayEmit {
  event: string;
  data?: unknown;
  to: RelayTarget;
}

/** It is on its way; `duplicate` where its `Idempotency-Key` was sent before, and nothing was sent now. */
export interface RelayEmitted {
  duplicate: boolean;
}

/** A message of a participant, `senderId`, as whom the service token may act. */
export interface RelayMessage {
  conversationId: string;
  content?: string;
  temp_id?: string | null;
  replyTo?: string | null;
  attachmentIds?: Array<string>;
  senderId: string;
}

/** Whom an event is for: a conversation's room, a user's sockets, or every socket. */
export interface RelayTarget {
  conversationId?: string | null;
  userId?: string | null;
  all?: true | null;
}

/** One who went. */
export interface RemovedParticipant {
  userId: string;
  removedAt: string;
  rev: number;
}

/** This socket is in the room, which stands at `rev`; its events follow. */
export interface RoomJoined {
  conversationId: string;
  rev: number;
  seq: number;
  changes?: Changes | null;
}

/** This socket is in the room no longer. */
export interface RoomLeft {
  conversationId: string;
}

/** A message to be sent. `temp_id` is the sender's own name for it: the same again is answered, not sent again. */
export interface SendMessage {
  conversationId: string;
  content?: string;
  temp_id?: string | null;
  replyTo?: string | null;
  attachmentIds?: Array<string>;
}

/** The acknowledgement of `send-message`: it is committed. `duplicate` where it was before. */
export interface SentOk {
  ok: true;
  message: MessageOut;
  duplicate: boolean;
}

/** A login: `token` for `Authorization` and sockets, `expiresIn` in seconds. */
export interface SessionOut {
  user: MeOut;
  token: string;
  expiresIn: number;
  refreshToken: string;
}

/** `sync`: for each conversation the rev that the client has; `me` is its rev of its memberships. */
export interface Sync {
  conversations?: Record<string, number>;
  me?: number | null;
  epoch?: string | null;
}

/** The acknowledgement of `sync`. */
export interface SyncOk {
  ok: true;
  epoch: string;
  me: MyChanges;
  conversations: Record<string, Changes>;
}

/** `GET …/sync`. */
export interface SyncOne {
  since: number;
  epoch?: string | null;
}

/** The answer to `sync`. */
export interface SyncOut {
  epoch: string;
  me: MyChanges;
  conversations: Record<string, Changes>;
}

/** `typing`; ends by itself after 6 s without a repeat. */
export interface Typing {
  conversationId: string;
  isTyping: boolean;
}

/** Somebody types, or no longer does. */
export interface TypingUpdate {
  userId: string;
  userName: string;
  isTyping: boolean;
  conversationId: string;
}

/** What is absent stays; null clears. */
export interface UpdateConversation {
  title?: string | null;
  avatar?: string | null;
}

/** What is absent stays; null clears an avatar or an e-mail address. */
export interface UpdateMe {
  displayName?: string | null;
  avatar?: string | null;
  email?: string | null;
}

/** An upload of one's own is stored. */
export interface UploadComplete {
  id: string;
  filename: string;
  mime: string;
  size: number;
  sha256: string;
  width?: number | null;
  height?: number | null;
  url: string;
  thumbnailUrl?: string | null;
  uploadId: string;
}

/** What may stand beside the file in an upload. */
export interface UploadForm {
  conversationId?: string | null;
}

/** How much of an upload of one's own has arrived, in bytes of the request's body. */
export interface UploadProgress {
  uploadId: string;
  received: number;
  total: number;
}

/** A page of the directory. */
export interface UserList {
  items: Array<UserOut>;
  nextCursor: string | null;
}

/** A user as everybody sees them. */
export interface UserOut {
  id: string;
  username: string;
  displayName: string;
  avatar: string | null;
}

/** Whose name begins with `query`. */
export interface UserSearch {
  query?: string;
  cursor?: string | null;
  limit?: number;
}

/** Somebody with whom one shares a conversation came, or has gone. */
export interface UserStatus {
  userId: string;
  status: "online" | "offline";
  lastSeen: string;
}

/** A profile as it is now: one's own, or that of somebody with whom one shares a conversation. */
export interface UserUpdated {
  id: string;
  username: string;
  displayName: string;
  avatar: string | null;
  userId: string;
}

/** What clients send: the payload and the acknowledgement of each event. */
export interface ClientEvents {
  /** Receive a conversation's events. */
  "join-room": { payload: JoinRoom; answer: JoinedOk | Refusal };
  /** Receive them no longer. */
  "leave-room": { payload: LeaveRoom; answer: LeftOk | Refusal };
  /** Send a message; acknowledged once it is committed. */
  "send-message": { payload: SendMessage; answer: SentOk | Refusal };
  /** Messages have arrived. */
  "delivered-ack": { payload: Acknowledge; answer: Ok | Refusal };
  /** Messages have been read. */
  "read": { payload: Acknowledge; answer: Ok | Refusal };
  /** The user is typing, or no longer. */
  "typing": { payload: Typing; answer: Ok | Refusal };
  /** Toggle or set a reaction. */
  "react": { payload: React; answer: ReactedOk | Refusal };
  /** Come back: what changed since the revs that one has. */
  "sync": { payload: Sync; answer: SyncOk | Refusal };
  /** Who is online. */
  "presence": { payload: AskPresence; answer: PresenceOk | Refusal };
  /** Stay connected beyond the token's end. */
  "auth:refresh": { payload: RefreshAuth; answer: RefreshedOk | Refusal };
  /** Get the same back, for tests. */
  "echo": { payload: Anything; answer: EchoOk | Refusal };
}

/** The acknowledgement of what was refused. */
export interface Refusal extends Failure {
  ok: false;
}

/** For socket.io-client: `Socket<ServerToClientEvents, ClientToServerEvents>`. */
export type ClientToServerEvents = {
  [Name in keyof ClientEvents]: (
    payload: ClientEvents[Name]['payload'],
    acknowledge?: (answer: ClientEvents[Name]['answer']) => void,
  ) => void;
};

export type ServerToClientEvents = {
  [Name in keyof ServerEvents]: (payload: ServerEvents[Name]) => void;
};

/** What the server sends. */
export interface ServerEvents {
  "room-joined": RoomJoined;
  "room-left": RoomLeft;
  "message:new": MessageEvent;
  "message:updated": MessageEvent;
  "message:deleted": MessageDeleted;
  "message:pinned": MessagePinned;
  "message:status": MessageStatus;
  "receipt:update": ReceiptUpdate;
  "reaction:update": ReactionUpdate;
  "typing:update": TypingUpdate;
  "conversation:new": ConversationNew;
  "conversation:updated": ConversationUpdated;
  "conversation:deleted": ConversationDeleted;
  "conversation:participant-added": ParticipantAddedEvent;
  "conversation:participant-updated": ParticipantUpdatedEvent;
  "conversation:participant-removed": ParticipantRemovedEvent;
  "user:status": UserStatus;
  "user:updated": UserUpdated;
  "upload:progress": UploadProgress;
  "upload:complete": UploadComplete;
  "auth:expiring": AuthExpiring;
  "server:draining": Draining;
  "error": ErrorEvent;
  "echo-response": Anything;
  [event: `app:${string}`]: AppEvent;
}
