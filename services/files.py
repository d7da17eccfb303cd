"""Stored bytes: where they lie, and who may have them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from models import Attachment
from schemas.errors import ChatError, not_found
from services.access import access_conversation, reading
from settings import settings

THUMBNAIL_SUFFIX = ".thumbnail"


@dataclass(slots=True, frozen=True)
class StoredFile:
    """A file that the caller may have. `inline` where a browser may show it: nothing that can carry a script."""

    path: Path
    mime: str
    filename: str
    sha256: str
    inline: bool


def path_of(file_id: str) -> Path:
    """Where a file's bytes lie; the last characters of a time-ordered id spread them over folders."""
    return settings.data_dir / "files" / file_id[-2:] / file_id


def incoming_folder() -> Path:
    """Where uploads lie until they are complete; on the same disk, so that a rename moves them."""
    folder = settings.data_dir / "files" / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def get(user_id: str, file_id: str, *, thumbnail: bool = False) -> StoredFile:
    """A file, for participants of its conversation and its uploader. Raises ChatError `not_found`."""
    with reading() as session:
        attachment = _access(session, user_id, file_id)
    path = path_of(file_id)
    if thumbnail:
        path = path.with_name(path.name + THUMBNAIL_SUFFIX)
    if (thumbnail and not attachment.has_thumbnail) or not path.is_file():
        raise not_found("File")
    mime = "image/webp" if thumbnail else attachment.mime
    return StoredFile(path, mime, attachment.filename, attachment.sha256, _harmless(mime))


def _access(session: Session, user_id: str, file_id: str) -> Attachment:
    attachment = session.get(Attachment, file_id)
    if attachment is None or attachment.deleted_at is not None:
        raise not_found("File")
    if attachment.uploader_id != user_id:
        if attachment.conversation_id is None:
            raise not_found("File")
        try:
            access_conversation(session, user_id, attachment.conversation_id)
        except ChatError:
            raise not_found("File") from None
    return attachment


def _harmless(mime: str) -> bool:
    return mime.split("/", maxsplit=1)[0] in ("image", "audio", "video") and mime != "image/svg+xml"


def discard(file_ids: Iterable[str]) -> None:
    """Remove the bytes of files that are gone from the database."""
    for file_id in file_ids:
        path = path_of(file_id)
        for one in (path, path.with_name(path.name + THUMBNAIL_SUFFIX)):
            with contextlib.suppress(OSError):
                one.unlink(missing_ok=True)
