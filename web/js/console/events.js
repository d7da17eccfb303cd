/** Every event that a client may send, as data: what it is for and what its payload holds. */

/** The kinds of fields: text, area, number, switch (unset, true or false), list (commas), json, temp_id. */
const conversationId = { name: 'conversationId', kind: 'text', list: 'conversations' };
const messageId = { name: 'messageId', kind: 'text', list: 'messages' };
const watermark = [
  { ...messageId, note: 'one message and all below it' },
  { name: 'messageIds', kind: 'list', note: 'or several, with commas' },
  { ...conversationId, note: 'or a conversation' },
  { name: 'seq', kind: 'number', note: 'up to this seq' },
];

export const EVENTS = [
  {
    event: 'join-room',
    about: 'Receive a conversation’s events; with since, what changed meanwhile.',
    fields: [conversationId, { name: 'since', kind: 'number', note: 'a rev; optional' }],
  },
  { event: 'leave-room', about: 'Stop receiving a conversation’s events.', fields: [conversationId] },
  {
    event: 'send-message',
    about: 'Send a message. The same temp_id again is answered as a duplicate, not sent again.',
    fields: [
      { name: 'temp_id', kind: 'temp_id' },
      conversationId,
      { name: 'content', kind: 'area' },
      { name: 'replyTo', kind: 'text', list: 'messages', note: 'optional' },
      { name: 'attachmentIds', kind: 'list', note: 'optional, with commas' },
    ],
  },
  { event: 'delivered-ack', about: 'Say what has arrived.', fields: watermark },
  { event: 'read', about: 'Say what has been read.', fields: watermark },
  {
    event: 'typing',
    about: 'Start or stop typing; it ends by itself after 6 s.',
    fields: [conversationId, { name: 'isTyping', kind: 'switch', value: 'true' }],
  },
  {
    event: 'react',
    about: 'Toggle a reaction, or set it with on.',
    fields: [
      messageId,
      { name: 'emoji', kind: 'text', value: '👍' },
      { name: 'on', kind: 'switch', note: 'unset toggles' },
    ],
  },
  {
    event: 'sync',
    about: 'What changed in conversations since the revs that one holds.',
    fields: [
      { name: 'conversations', kind: 'json', value: '{}', note: '{ID: REV}' },
      { name: 'me', kind: 'number', note: 'a rev; optional' },
      { name: 'epoch', kind: 'text', note: 'optional' },
    ],
  },
  {
    event: 'presence',
    about: 'Who is online, of people one shares a conversation with.',
    fields: [{ name: 'userIds', kind: 'list', list: 'users', note: 'with commas' }],
  },
  {
    event: 'auth:refresh',
    about: 'Extend this connection with a new token.',
    fields: [{ name: 'token', kind: 'area' }],
  },
  {
    event: 'echo',
    about: 'The server sends the same back.',
    fields: [{ name: 'payload', kind: 'json', value: '{"message": "hello"}', whole: true }],
  },
];

const READERS = {
  text: (text) => text.trim(),
  area: (text) => text,
  temp_id: (text) => text.trim(),
  switch: (text) => text === 'true',
  list: (text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  number(text) {
    const number = Number(text);
    if (!Number.isFinite(number)) throw new Error('is not a number');
    return number;
  },
  json: (text) => JSON.parse(text),
};

/**
 * The payload that a form's texts mean. What is empty is left out.
 * @throws {Error} naming the field that cannot be read
 */
export function payloadOf(fields, texts) {
  const payload = {};
  for (const field of fields) {
    const text = texts[field.name] ?? '';
    if (text.trim() === '') continue;
    let value;
    try {
      value = READERS[field.kind](text);
    } catch (failure) {
      throw new Error(`${field.name}: ${failure.message}`);
    }
    if (field.whole) return value;
    payload[field.name] = value;
  }
  return payload;
}
