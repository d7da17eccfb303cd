"""A namespace that is told of every event whether its sender waits for an acknowledgement."""

from __future__ import annotations

import functools
from abc import abstractmethod
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from flask_socketio import Namespace

Reply = Callable[[Any], None]
"""Sends the acknowledgement of an event; does nothing where none was asked for, or the client is gone."""


@dataclass(slots=True, frozen=True)
class Arrival:
    """A session that was another node's: its client's missed events, each as its name and its arguments.

    `welcome` is to be called once they have been sent.
    """

    events: list[list[Any]]
    welcome: Callable[[], None]


class EventNamespace(Namespace):
    """A namespace whose events arrive through `receive`, in the order in which their client sent them.

    The stock class calls a method named after the event. That lets a client call `connect` and `disconnect`, runs a
    handler twice where it raises TypeError, pushes a Flask context for each event, and does not say whether an
    acknowledgement was asked for, so that an error cannot choose between it and an `error` event.
    """

    @abstractmethod
    def opened(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        """A client connects. Raises ConnectionRefusedError(text, data) to refuse it, and nothing else."""

    @abstractmethod
    def welcomed(self, sid: str) -> None:
        """The client has been told that it is connected; now it may be sent events. Raises nothing."""

    @abstractmethod
    def closed(self, sid: str, reason: str) -> None:
        """A client is gone; its rooms still know it. Raises nothing."""

    def parked(self, sid: str, reason: str) -> None:
        """A client's transport is gone, and it may come back: its rooms keep it until it is `closed`. Raises nothing.

        Only where there is recovery, as `reopened`.
        """

    def reopened(self, sid: str, environ: dict[str, Any], auth: Any) -> Callable[[], None] | None:
        """Somebody knows a client's secret and wants its session. Raises ConnectionRefusedError as `opened` does.

        None, and the session stays as it is, where it is not theirs; else what is to be done once they have it. That
        may be without `parked` before: their old transport was not known to be gone.
        """
        return None

    def fetched(self, sid: str, node: str, auth: Any) -> Arrival | None:
        """Somebody says that they have a session at another node. Raises ConnectionRefusedError as `opened` does.

        `sid` is in this node's rooms as that of a client that is away; where it is not theirs, it is `closed` next.
        """
        return None

    @abstractmethod
    def receive(self, sid: str, event: Any, arguments: list[Any], reply: Reply | None) -> None:
        """A client's event; `reply` is None where no acknowledgement was asked for. Raises nothing.

        It may return before it replies: the client's next event is then handled already.
        """

    @abstractmethod
    def malformed(self, sid: str, problem: str) -> None:
        """A client sent a packet that cannot be read. Raises nothing; the connection stays."""

    def prompt(self) -> Collection[str]:
        """Events that `receive` takes without waiting for anything, where `is_free` says so of their client."""
        return ()

    @functools.cached_property
    def heads(self) -> tuple[str, ...]:
        """How the data of these begins on the wire."""
        return tuple(f'["{event}",' for event in self.prompt())

    def is_free(self, sid: str) -> bool:
        """Whether a prompt event of this client would not have to wait for those before it."""
        return False

    def trigger_event(self, event: str, *arguments: Any) -> None:
        """Called by python-socketio for the two events that are its own."""
        if event == "connect":
            sid, environ, auth = (*arguments, None)[:3]
            self.opened(sid, environ, auth)
        elif event == "disconnect":
            self.closed(*arguments)
