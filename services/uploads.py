"""Uploads: streamed to disk, told of while they come, stored when they are complete."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
from pathlib import Path
from typing import Any

import runtime
from models import Attachment, new_id
from realtime.events import Notice, Outcome
from realtime.views import View, attachment_view
from schemas.errors import ChatError, invalid, unavailable
from services import files, thumbnails
from services.access import access_conversation, reading
from services.filetypes import HEAD_BYTES, sniff
from services.work import Work, perform, publish
from settings import settings

STEPS = 20
"""`upload:progress` events of one upload at most: one each 5%."""


class Upload:
    """One upload under way. `total` is the request's size in bytes, which its progress is counted against.

    It is 0 as long as nobody knows it: a request in chunks does not say.
    """

    def __init__(self, user_id: str, upload_id: str | None, total: int) -> None:
        self.user_id = user_id
        self.upload_id = upload_id or new_id()
        self._total = total
        self._received = 0
        self._told = 0
        self._file: FileUpload | None = None

    def progress(self, count: int) -> None:
        """So many more bytes of the request have come."""
        self._received += count
        step = self._received * STEPS // (self._total or settings.upload_max_bytes)
        if step > self._told or self._received == self._total:
            self._told = step
            self._tell_progress()

    def begin_file(self, filename: str, declared: str | None) -> None:
        """The file's part begins. Raises ChatError `validation_failed` for a second one."""
        if self._file is not None:
            raise invalid(file="only one file in an upload")
        self._file = FileUpload(clean_name(filename), declared)

    def write(self, data: bytes) -> None:
        """Some of the file's bytes. Raises ChatError `too_large`, `unavailable`."""
        if self._file is not None:
            self._file.write(data)

    def finish(self, conversation_id: str | None) -> View:
        """Store the file, for a conversation where one is given; returns what the uploader is answered.

        Raises ChatError `validation_failed`, `unsupported_media_type`, `not_a_participant`.
        """
        if self._file is None:
            raise invalid(file="is missing")
        if conversation_id is not None:
            with reading() as session:
                access_conversation(session, self.user_id, conversation_id)
        if not self._total:
            self._total = self._received
            self._tell_progress()
        view = self._file.keep(self.user_id, conversation_id)
        self._tell("upload:complete", {**view, "uploadId": self.upload_id})
        return view

    def abandon(self) -> None:
        """Forget what came, where it was not finished."""
        if self._file is not None:
            self._file.discard()

    def _tell_progress(self) -> None:
        self._tell("upload:progress", {"uploadId": self.upload_id, "received": self._received, "total": self._total})

    def _tell(self, name: str, data: dict[str, Any]) -> None:
        publish(Outcome(notices=[Notice(name, data, (self.user_id,))]))


class FileUpload:
    """The bytes of one file, on their way to disk."""

    def __init__(self, filename: str, declared: str | None) -> None:
        self._id = new_id()
        self._filename = filename
        self._declared = declared
        self._path: Path | None = files.incoming_folder() / self._id
        self._file = self._path.open("wb")
        self._hash = hashlib.sha256()
        self._head = b""
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append bytes. Raises ChatError `too_large`, `unavailable` where the disk is full."""
        self._size += len(data)
        if self._size > settings.upload_max_bytes:
            limit = f"at most {settings.upload_max_mb:g} MiB"
            raise ChatError("too_large", f"The file is too large: {limit}", fields={"file": limit})
        if len(self._head) < HEAD_BYTES:
            self._head += data[: HEAD_BYTES - len(self._head)]
        self._hash.update(data)
        try:
            self._file.write(data)
        except OSError as error:
            raise _disk_error(error) from error

    def keep(self, user_id: str, conversation_id: str | None) -> View:
        """Check the file, flush it to disk, give it its place and its row."""
        assert self._path is not None
        if self._size == 0:
            raise invalid(file="is empty")
        mime = sniff(self._head, self._filename, self._declared)
        try:
            runtime.run_blocking(self._flush)
            final = files.path_of(self._id)
            final.parent.mkdir(parents=True, exist_ok=True)
            thumbnail = final.with_name(final.name + files.THUMBNAIL_SUFFIX)
            picture = thumbnails.describe(self._path, thumbnail) if mime.startswith("image/") else None
            self._path.rename(final)
            self._path = None
        except OSError as error:
            raise _disk_error(error) from error
        attachment = Attachment(
            id=self._id,
            uploader_id=user_id,
            conversation_id=conversation_id,
            filename=self._filename,
            mime=mime,
            size=self._size,
            sha256=self._hash.hexdigest(),
            width=picture.width if picture else None,
            height=picture.height if picture else None,
            has_thumbnail=picture is not None and picture.has_thumbnail,
        )
        return _record(attachment)

    def discard(self) -> None:
        """Remove what was written, unless it was kept."""
        with contextlib.suppress(OSError):
            self._file.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _flush(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def _record(attachment: Attachment) -> View:
    view = attachment_view(attachment)

    def run(work: Work) -> None:
        work.session.merge(attachment)

    try:
        perform(run)
    except Exception:
        files.discard([attachment.id])
        raise
    return view


def _disk_error(error: OSError) -> ChatError:
    """A full disk passes; anything else of the disk is ours to find in the log."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return unavailable()
    raise error


def clean_name(filename: str) -> str:
    """A file's name without folders and control characters, of at most 255 bytes; never empty."""
    name = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", "", filename.replace("\\", "/").rsplit("/", 1)[-1]).strip(". ")
    return name.encode()[:255].decode(errors="ignore") or "file"
