-- The tables behind the guide's `db`, on SQLite and PostgreSQL alike. bin/bench makes them before the server starts.
create table if not exists users(id text primary key, username text unique, avatar text);
create table if not exists participants(conversation_id text, user_id text, primary key(conversation_id, user_id));
create table if not exists messages(id text primary key, conversation_id text, sender_id text, content text, status text, created_at text, delivered_at text, read_at text);
create index if not exists messages_conversation on messages(conversation_id, created_at);
create table if not exists reactions(id text primary key, message_id text, user_id text, emoji text);
create index if not exists reactions_message on reactions(message_id);
