/** How an app in TypeScript uses the library; only its types are checked. */

import { memoryStorage, Parley, ParleyError } from '../../web/parley.js';
import type {
  ClientToServerEvents,
  ConversationList,
  MessageEvent,
  MessageOut,
  SendMessage,
  ServerToClientEvents,
} from '../../web/parley.js';

const parley = new Parley({ getToken: async ({ fresh }) => (fresh ? 'new' : 'old'), storage: memoryStorage() });
const stop: () => void = parley.on('message', (message) => {
  const shown: MessageOut = message;
  console.log(shown.seq + 1, shown.reactions['+1']?.users.join(), shown.replyTo?.length, shown.status === 'read');
});
parley.on('gone', ({ conversationId, reason }) => console.log(conversationId, reason === 'removed'));
parley.on('reset', ({ conversationId, messages }) => console.log(conversationId, messages.length));
parley.on('app:anything', (data) => console.log(data));
// @ts-expect-error: there is no such event
parley.on('mesage', () => {});
// @ts-expect-error: a draft names its conversation
parley.send({ content: 'Hello' });

const { temp_id, sent } = parley.send({ conversationId: 'c', content: 'Hello' });
sent.then(({ message, duplicate }) => console.log(message.temp_id === temp_id, duplicate));
sent.catch((error: ParleyError) => console.log(error.code, error.retryAfter));
const joined: Promise<{ rev: number; seq: number }> = parley.join('c');
const { users } = await parley.request('presence', { userIds: ['u'] });
// @ts-expect-error: presence asks for users
parley.request('presence', { userId: 'u' });

const body: SendMessage = { conversationId: 'c', content: 'Hello', temp_id };
const list: ConversationList = await (await fetch('/api/conversations')).json();
const listen: ServerToClientEvents['message:new'] = (message: MessageEvent) => console.log(message.prevRev);
const emit: ClientToServerEvents['react'] = (payload) => console.log(payload.on);
console.log(stop, joined, users['u']?.status, body, list.items[0]?.lastMessage?.content, listen, emit);
