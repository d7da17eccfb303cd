// The guide's `db`, filled in: SQLite through node:sqlite (WAL, synchronous=NORMAL), or PostgreSQL through pg.
// Both keep their statements prepared. `write` is one statement in a transaction of its own.

const COLUMNS = 'id,conversation_id,sender_id,content,status,created_at';
const INSERT = `insert into messages(${COLUMNS}) values(?,?,?,?,?,?)`;
const READS = {
  participant: 'select 1 from participants where conversation_id=? and user_id=?',
  user: 'select id,username,avatar from users where id=?',
  conversation: 'select conversation_id from messages where id=?',
};

// all(sql, values) → rows; write(sql, values); together([[sql, values], ...]): all of them in one transaction.
function withReads({ all, write, together }) {
  const one = (sql) => async (...values) => (await all(sql, values))[0];
  return {
    all,
    write,
    together,
    participant: one(READS.participant),
    user: one(READS.user),
    conversationOf: one(READS.conversation),
    message: (...values) => write(INSERT, values),
  };
}

async function sqlite(file) {
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(file);
  db.exec('pragma journal_mode=wal; pragma synchronous=normal');
  const prepared = new Map();
  const statement = (sql) => {
    if (!prepared.has(sql)) prepared.set(sql, db.prepare(sql));
    return prepared.get(sql);
  };
  return withReads({
    all: async (sql, values) => statement(sql).all(...values),
    write: async (sql, values) => statement(sql).run(...values),
    together: async (jobs) => {
      db.exec('begin');
      for (const [sql, values] of jobs) statement(sql).run(...values);
      db.exec('commit');
    },
  });
}

async function postgres(url) {
  const { default: pg } = await import('pg');
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  const names = new Map();
  const query = (sql, values) => {
    if (!names.has(sql)) {
      let n = 0;
      names.set(sql, { name: `s${names.size}`, text: sql.replace(/\?/g, () => `$${++n}`) });
    }
    return { ...names.get(sql), values };
  };
  const types = ['text', 'text', 'text', 'text', 'text', 'text'];
  const insertMany = `insert into messages(${COLUMNS}) select * from unnest(${types.map((t) => `?::${t}[]`)})`;
  const columns = (rows) => types.map((_, i) => rows.map((row) => row[i]));
  return withReads({
    all: async (sql, values) => (await pool.query(query(sql, values))).rows,
    write: async (sql, values) => pool.query(query(sql, values)),
    together: async (jobs) => {
      const messages = jobs.filter(([sql]) => sql === INSERT).map(([, values]) => values);
      const others = jobs.filter(([sql]) => sql !== INSERT);
      if (!others.length) return pool.query(query(insertMany, columns(messages)));
      const client = await pool.connect();
      try {
        await client.query('begin');
        if (messages.length) await client.query(query(insertMany, columns(messages)));
        for (const [sql, values] of others) await client.query(query(sql, values));
        await client.query('commit');
      } finally {
        client.release();
      }
    },
  });
}

// Not in the guide, but the best that the same stack does without changing Socket.IO: what a turn of the loop has to
// write goes into one transaction, and participants, users and a message's conversation are remembered.
function grouped(db) {
  const remember = (read) => {
    const known = new Map();
    return (...key) => {
      const name = key.join(' ');
      if (!known.has(name)) {
        if (known.size > 100_000) known.clear();
        known.set(name, read(...key));
      }
      return known.get(name);
    };
  };
  let waiting = [];
  let busy = false;
  const flush = async () => {
    if (busy || !waiting.length) return;
    busy = true;
    const batch = waiting;
    waiting = [];
    try {
      await db.together(batch.map(({ job }) => job));
      batch.forEach(({ done }) => done());
    } catch (error) {
      batch.forEach(({ failed }) => failed(error));
    }
    busy = false;
    if (waiting.length) setImmediate(flush);
  };
  const write = (...job) => new Promise((done, failed) => {
    waiting.push({ job, done, failed });
    if (waiting.length === 1) setImmediate(flush);
  });
  return {
    ...db,
    write,
    participant: remember(db.participant),
    user: remember(db.user),
    conversationOf: remember(db.conversationOf),
    message: (...values) => write(INSERT, values),
  };
}

export async function open({ url, file, group }) {
  const db = url ? await postgres(url) : await sqlite(file);
  return group ? grouped(db) : db;
}
