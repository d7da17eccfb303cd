"""A query that takes long stops nobody but who asked it: the driver waits on the loop, and the pool bounds how many."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import psycopg2

from settings import PROJECT
from tests.conftest import ServerFactory
from tests.support.api import Api
from tests.support.postgres import Postgres
from tests.support.server import SECRET
from tests.support.sockets import Sock

SLOW = 0.6
"""Seconds that a slow query takes; a loop that waits with it stands still for as long."""

GAP = SLOW / 2
"""Seconds between two ticks at most: one of a hundredth, and what a busy machine adds."""

POOL, QUERIES = 3, 6

TICKING = f"""
import runtime
runtime.patch()
import json, threading, time
import app, models

ticks, answers, began = [], [], time.monotonic()

def tick():
    while True:
        ticks.append(time.monotonic())
        runtime.sleep(0.01)

def read():
    ((pid, _),) = models.store.rows("SELECT pg_backend_pid(), pg_sleep({SLOW})")
    answers.append(pid)

def write():
    sleep = lambda transaction: transaction.session.connection().exec_driver_sql(
        "SELECT pg_backend_pid(), pg_sleep({SLOW})").one()[0]
    answers.append(models.store.transact(sleep))

with app.create_app().app_context():
    runtime.spawn(tick)
    asking = [threading.Thread(target=one) for one in [read, write] * ({QUERIES} // 2)]
    began = time.monotonic()
    for one in asking: one.start()
    for one in asking: one.join()
    took = time.monotonic() - began
    during = [at for at in ticks if at >= began] + [time.monotonic()]
print(json.dumps(dict(
    took=took, answers=answers, ticks=len(during), gap=max(b - a for a, b in zip(during, during[1:])),
)))
"""


def test_a_greenlet_ticks_on_while_queries_take_long(postgres: Postgres) -> None:
    url = postgres.database()
    env = {"PATH": os.environ.get("PATH", os.defpath), "JWT_SECRET": SECRET, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", TICKING],
        cwd=PROJECT,
        env={**env, "DATABASE_URL": url, "DATABASE_POOL": str(POOL)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    postgres.drop(url)
    assert found["gap"] < GAP, found
    assert found["ticks"] > 5, found
    assert len(found["answers"]) == QUERIES
    assert len(set(found["answers"])) == POOL, "as many connections as DATABASE_POOL says, and no more"
    rounds = QUERIES / POOL
    assert rounds * SLOW <= found["took"] < QUERIES * SLOW, "side by side, the pool's number at a time"


SLOW_INSERT = f"""
CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.content = 'slow' THEN PERFORM pg_sleep({SLOW}); END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER take_long BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION take_long();
"""


def test_a_server_answers_on_while_a_message_takes_long_to_store(
    fresh_server: ServerFactory, postgres: Postgres
) -> None:
    """Its address is spelled `postgres://` this time, as platforms do."""
    url = postgres.database()
    server = fresh_server(DATABASE_URL=url.replace("postgresql://", "postgres://"))
    api = Api(server)
    alice, bob = api.register(), api.register()
    direct = alice.direct(bob)
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(SLOW_INSERT)
    connection.close()
    with Sock(server, alice.token, auto_join=True) as hers, Sock(server, bob.token, auto_join=True) as his:
        body = {"conversationId": direct["id"], "content": "slow", "temp_id": "slow"}
        began, slowest, answered = time.monotonic(), 0.0, 0
        hers.emit("send-message", body)
        while not his.count("message:new"):
            before = time.monotonic()
            assert api.root("/healthz").status_code == 200
            his.settle()
            slowest, answered = max(slowest, time.monotonic() - before), answered + 1
            assert before - began < 10 * SLOW, "the message never came"
        assert time.monotonic() - began >= SLOW
        assert his.events("message:new")[0]["content"] == "slow"
    assert slowest < GAP
    assert answered > 2
    api.close()
