"""eventlet's loop over many sockets, most of which have something to read and nothing else."""

from __future__ import annotations

import sys
from typing import Any

import eventlet.hubs.epolls
from eventlet.hubs.epolls import is_available
from eventlet.hubs.hub import noop

__all__ = ["Hub", "is_available"]

READABLE = 0x001
"""EPOLLIN alone, in what epoll says of a descriptor."""


class Hub(eventlet.hubs.epolls.Hub):
    """Overridden of eventlet 0.41: `wait`, which asks four things of each descriptor and puts all into a set."""

    def wait(self, seconds: float | None = None) -> None:
        """Let those that are ready be called, once something is, or after `seconds`.

        As in the stock way, all are found before any is called: what one of them does to another does not change it.
        """
        readers, writers = self.listeners[self.READ], self.listeners[self.WRITE]
        if not readers and not writers:
            super().wait(seconds)
            return
        due: list[Any] = []
        for descriptor, events in self.do_poll(seconds):
            if events == READABLE:
                due.append(readers.get(descriptor, noop))
            else:
                due += self._listeners(descriptor, events)
        for listener in due:
            try:
                listener.cb(listener.fileno)
            except self.SYSTEM_EXCEPTIONS:
                raise
            except:  # noqa: E722 (as in the stock way: also what ends a greenlet)
                self.squelch_exception(listener.fileno, sys.exc_info())

    def _listeners(self, descriptor: int, events: int) -> list[Any]:
        """Who is to be called for more than something to read: each once."""
        reads, writes = events & (self.READ_MASK | self.EXC_MASK), events & (self.WRITE_MASK | self.EXC_MASK)
        found = [self.listeners[self.READ].get(descriptor, noop)] if reads else []
        return [*found, self.listeners[self.WRITE].get(descriptor, noop)] if writes else found
