"""A multipart body, part by part as it arrives, instead of whole: uploads go to disk without being held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from werkzeug.exceptions import ClientDisconnected
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from schemas.errors import invalid

CHUNK = 65_536


@dataclass(slots=True, frozen=True)
class Part:
    """A piece of a field's or a file's bytes. `begins_file` on a file's first, which is empty."""

    name: str
    data: bytes
    filename: str = ""
    content_type: str | None = None
    begins_file: bool = False


def parts(stream: IO[bytes], mimetype: str, boundary: str | None, count: Callable[[int], None]) -> Iterator[Part]:
    """The pieces of a multipart body; `count` is told of every chunk. Raises ChatError `validation_failed`."""
    if mimetype != "multipart/form-data" or not boundary:
        raise invalid(body="must be multipart/form-data")
    decoder = MultipartDecoder(boundary.encode(), max_form_memory_size=None)
    current = Part("", b"")
    ended = False
    while not ended:
        try:
            chunk = stream.read(CHUNK)
            decoder.receive_data(chunk or None)
            while not isinstance(event := decoder.next_event(), (NeedData, Epilogue)):
                if isinstance(event, (Field, File)):
                    current = _begin(event)
                    yield current
                elif isinstance(event, Data) and event.data:
                    yield Part(current.name, bytes(event.data), current.filename, current.content_type)
        except (ValueError, OSError, ClientDisconnected):
            raise invalid(body="is not a complete multipart body") from None
        ended = isinstance(event, Epilogue)
        if chunk:
            count(len(chunk))
        elif not ended:
            raise invalid(body="is not a complete multipart body")


def _begin(event: Field | File) -> Part:
    if isinstance(event, File):
        return Part(event.name, b"", event.filename or "file", event.headers.get("Content-Type"), event.name == "file")
    return Part(event.name, b"")
