"""Whether other nodes are there. One that is alone need not publish: nobody would hear it."""

from __future__ import annotations

from collections.abc import Callable

from realtime.bus.commands import Away


class Company:
    """Until it is sure that nobody is there, somebody may be.

    Each node says that it has come once it hears the others (`sign`), and counts each second who follows the channel
    that all of them follow.
    """

    def __init__(self) -> None:
        self.alone = False
        self._signs = 0

    def sign(self) -> None:
        """Another node was heard, or may have been missed."""
        self._signs += 1
        self.alone = False

    def look(self, count: Callable[[], int]) -> None:
        """`count` says how many nodes there are, this one included, or 0 where it cannot; it may wait, or raise Away.

        Who comes while it is under way may not be counted, and has been heard.
        """
        signs = self._signs
        try:
            found = count()
        except Away:
            found = 0
        self.alone = found == 1 and signs == self._signs
