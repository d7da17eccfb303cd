"""The one room that names eventlet: how code waits, runs beside other code, and is served.

Everything above uses these few verbs, so that leaving eventlet is a setting (`ASYNC_MODE=threading`). Until `patch()`
has been called (the `flask` commands, tests) the verbs work with plain threads. Locks, events and queues need no verb:
the standard library's own are cooperative once the process is patched.
"""

from runtime.descriptors import make_room
from runtime.loop import (
    CONNECTION,
    Timer,
    call_later,
    call_soon,
    every,
    green,
    guard,
    others_wait,
    patch,
    run_blocking,
    sleep,
    spawn,
    take_socket,
    unwatch,
    watch_reading,
    watch_writing,
    workers,
)
from runtime.place import place
from runtime.processes import several
from runtime.serving import Life, PassOn, Reception, listen, serve
from runtime.thread import Thread

__all__ = [
    "CONNECTION",
    "Life",
    "PassOn",
    "Reception",
    "Thread",
    "Timer",
    "call_later",
    "call_soon",
    "every",
    "green",
    "guard",
    "listen",
    "make_room",
    "others_wait",
    "patch",
    "place",
    "run_blocking",
    "serve",
    "several",
    "sleep",
    "spawn",
    "take_socket",
    "unwatch",
    "watch_reading",
    "watch_writing",
    "workers",
]
