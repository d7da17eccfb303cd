"""A serverless function that speaks in a Parley conversation: the standard library, an address and a service token.

It has no database, no Redis and no socket. Environment: `PARLEY_URL`, and `PARLEY_TOKEN` from

    flask --app app relay token --name orders --event app:orders. --act-as shop-bot

`handler(event, context)` is what AWS Lambda calls. To try it on a desk, with the event's fields as arguments:

    python docs/examples/order_function.py orderId=1001 state=shipped conversationId=ID botId=ID customerId=ID

Platforms call a function again where it failed, and sometimes where it did not. That does no harm: `temp_id` and
`Idempotency-Key` are made from the order, so the same news again is answered, and nobody sees it twice.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
from typing import Any

ATTEMPTS = 5
PASSING = {429, 500, 502, 503, 504}
"""Answers after which the same call can go well."""


def handler(event: dict[str, Any], context: object = None) -> dict[str, Any]:
    """Tell an order's customer what became of it: a message for good, and an event for the page that is open now."""
    news = f"order-{event['orderId']}-{event['state']}"
    message = call(
        "/api/relay/messages",
        {
            "conversationId": event["conversationId"],
            "senderId": event["botId"],
            "content": f"Your order {event['orderId']} is {event['state']}.",
            "temp_id": news,
        },
    )
    call(
        "/api/relay/emit",
        {
            "event": "app:orders.changed",
            "data": {"orderId": event["orderId"], "state": event["state"]},
            "to": {"userId": event["customerId"]},
        },
        {"Idempotency-Key": news},
    )
    return {"statusCode": 200, "body": json.dumps({"messageId": message["id"], "seq": message["seq"]})}


def call(path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
    """POST to Parley, again where that may help. Raises RuntimeError with Parley's own words."""
    request = urllib.request.Request(
        os.environ["PARLEY_URL"].rstrip("/") + path,
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['PARLEY_TOKEN']}",
            "Content-Type": "application/json",
            **(headers or {}),
        },
    )
    attempt = 1
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                answered: dict[str, Any] = json.load(answer)
                return answered
        except urllib.error.HTTPError as error:
            problem = RuntimeError(f"{path}: {error.code} {error.read().decode(errors='replace')}")
            passing = error.code in PASSING
        except (OSError, http.client.HTTPException) as error:
            problem, passing = RuntimeError(f"{path}: {error!r}"), True
        if not passing or attempt == ATTEMPTS:
            raise problem
        time.sleep(random.uniform(0.5, 1.0) * 0.2 * 2**attempt)
        attempt += 1


if __name__ == "__main__":
    print(json.dumps(handler(dict(argument.split("=", 1) for argument in sys.argv[1:]))))
