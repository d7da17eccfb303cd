"""Work in a thread of its own: its outcome comes to who asked, in order, and the loop goes on meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import runtime
from settings import PROJECT

ON_EVENTLET = """
import runtime
runtime.patch()
import json, os, threading

thread, order, told = runtime.Thread(), [], {}
reading, writing = os.pipe()
plain = runtime.loop.eventlet_itself().patcher.original("os")

def job(number):
    if number == 0:
        plain.read(reading, 1)  # nothing but the loop ends this
    order.append(number)
    if number % 10 == 3:
        raise ValueError(number)
    return number, threading.get_ident()

def ask(number):
    try:
        told[number] = thread.run(job, number)
    except ValueError as error:
        told[number] = "ValueError", error.args[0]

asking = [threading.Thread(target=ask, args=(number,)) for number in range(200)]
for one in asking: one.start()
runtime.sleep(0)
before = list(order)
plain.write(writing, b"!")
for one in asking: one.join()
inside = thread.run(lambda: thread.run(lambda: "inside"))
kinds = [told[number][0] for number in range(3, 200, 10)]
told = [told[number][number % 10 == 3] for number in range(200)]
print(json.dumps(dict(before=before, order=order, told=told, kinds=kinds, inside=inside)))
"""


def test_many_who_ask_are_told_their_own_outcome_in_order() -> None:
    done = subprocess.run([sys.executable, "-c", ON_EVENTLET], cwd=PROJECT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["before"] == []
    assert found["order"] == found["told"] == list(range(200))
    assert found["kinds"] == ["ValueError"] * 20
    assert found["inside"] == "inside"


def test_without_eventlet_it_runs_here_and_now() -> None:
    thread = runtime.Thread()
    assert thread.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        thread.run(divmod, 7, 0)
