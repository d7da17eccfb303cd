"""Uploaded files."""

from __future__ import annotations

from schemas.base import Id, Path, Wire


class AttachmentOut(Wire):
    """A file; its bytes are at `url`, for participants of its conversation and its uploader."""

    id: str
    filename: str
    mime: str
    size: int
    sha256: str
    width: int | None = None
    height: int | None = None
    url: str
    thumbnail_url: str | None = None


class UploadForm(Wire):
    """What may stand beside the file in an upload."""

    conversation_id: Id | None = None


class FilePath(Path):
    """`/files/ID`."""

    file_id: Id


class UploadProgress(Wire):
    """How much of an upload of one's own has arrived, in bytes of the request's body."""

    upload_id: str
    received: int
    total: int


class UploadComplete(AttachmentOut):
    """An upload of one's own is stored."""

    upload_id: str
