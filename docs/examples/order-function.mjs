/**
 * The same function as order_function.py for Node 18 or newer and for every platform that has `fetch`.
 * No dependency, no database, no Redis, no socket: an address and a service token.
 *
 *     flask --app app relay token --name orders --event app:orders. --act-as shop-bot
 *     PARLEY_URL=http://localhost:3000 PARLEY_TOKEN=parley_st_... node docs/examples/order-function.mjs \
 *       orderId=1001 state=shipped conversationId=ID botId=ID customerId=ID
 */

import { pathToFileURL } from 'node:url';

const ATTEMPTS = 5;
const PASSING = new Set([429, 500, 502, 503, 504]);

/** Tells an order's customer what became of it; the same news again is answered, and nobody sees it twice. */
export async function handler({ orderId, state, conversationId, botId, customerId }) {
  const news = `order-${orderId}-${state}`;
  const message = await call('/api/relay/messages', {
    conversationId,
    senderId: botId,
    content: `Your order ${orderId} is ${state}.`,
    temp_id: news,
  });
  const event = { event: 'app:orders.changed', data: { orderId, state }, to: { userId: customerId } };
  await call('/api/relay/emit', event, { 'Idempotency-Key': news });
  return { statusCode: 200, body: JSON.stringify({ messageId: message.id, seq: message.seq }) };
}

/** POST to Parley, again where that may help. */
async function call(path, body, headers = {}) {
  for (let attempt = 1; ; attempt += 1) {
    let problem;
    try {
      const answer = await fetch(new URL(path, process.env.PARLEY_URL), {
        method: 'POST',
        headers: {
          Authorization: `Bearer ${process.env.PARLEY_TOKEN}`,
          'Content-Type': 'application/json',
          ...headers,
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(10_000),
      });
      if (answer.ok) return await answer.json();
      problem = new Error(`${path}: ${answer.status} ${await answer.text()}`);
      if (!PASSING.has(answer.status)) attempt = ATTEMPTS;
    } catch (error) {
      problem = error;
    }
    if (attempt >= ATTEMPTS) throw problem;
    await new Promise((done) => setTimeout(done, (0.5 + Math.random() / 2) * 200 * 2 ** attempt));
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const event = Object.fromEntries(process.argv.slice(2).map((argument) => argument.split(/=(.*)/s, 2)));
  console.log(JSON.stringify(await handler(event)));
}
