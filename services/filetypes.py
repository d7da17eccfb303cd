"""What a file is, by its bytes; what it says it is counts only against it."""

from __future__ import annotations

import mimetypes
import re

import filetype

from schemas.errors import ChatError

HEAD_BYTES = 8192
"""Bytes from the beginning that tell a file's type."""

MIME = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}", re.ASCII)
"""A declared type that can be repeated in a header; another one counts as none."""

GENERIC = "application/octet-stream"
_SAME = {
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "image/jpg": "image/jpeg",
    "audio/mp3": "audio/mpeg",
}
_KNOWN_BY_BYTES = {kind.mime for kind in filetype.types}
_WRITTEN = {"application/pdf", "application/postscript", "application/rtf"}
"""Formats that may be text from beginning to end. Any other signature in a text is chance: a letter about a BMW."""

CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""What no text in UTF-8 or one of the old encodings holds (ESC and form feeds are in logs)."""

_CONTAINERS = {"application/zip", "application/x-ole-storage", "application/gzip"}
"""Formats that carry others: an office document is a ZIP file, and says the truth when it says more."""


def sniff(head: bytes, filename: str, declared: str | None) -> str:
    """The MIME type of a file that begins with `head`.

    Raises ChatError `unsupported_media_type` where its name or its declared type claims a format that the bytes
    would show, and they show another.
    """
    actual = _by_bytes(head)
    declared = declared if declared and MIME.fullmatch(_plain(declared)) else None
    for claim in (declared, mimetypes.guess_type(filename)[0]):
        if claim and not _agrees(_plain(claim), actual):
            raise ChatError(
                "unsupported_media_type",
                f"The file says that it is {_plain(claim)}, but it is not",
                fields={"file": "is not of the type that it says"},
            )
    named = _plain(mimetypes.guess_type(filename)[0] or declared or GENERIC)
    return named if actual in (GENERIC, "text/plain", *_CONTAINERS) and _safe_name(named) else actual


def _plain(mime: str) -> str:
    word = mime.split(";", maxsplit=1)[0].strip().lower()
    return _SAME.get(word, word)


def _by_bytes(head: bytes) -> str:
    kind = filetype.guess(head)
    if kind is not None and (kind.mime in _WRITTEN or not _is_utf8(head)):
        return _plain(kind.mime)
    utf_16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return "text/plain" if utf_16 or not CONTROLS.search(head) else GENERIC


def _is_utf8(head: bytes) -> bool:
    """Whether this is text in UTF-8; the last character of a long one may be cut off."""
    try:
        head[:-4].decode() if len(head) >= HEAD_BYTES else head.decode()
    except UnicodeDecodeError:
        return False
    return not CONTROLS.search(head)


def _agrees(claim: str, actual: str) -> bool:
    """Whether bytes of type `actual` may call themselves `claim`."""
    if claim in (actual, GENERIC) or (actual in _CONTAINERS and not claim.startswith(("image/", "audio/", "video/"))):
        return True
    if claim.startswith("text/") or claim in ("application/json", "application/xml", "image/svg+xml"):
        return actual == "text/plain"
    if claim.split("/", maxsplit=1)[0] in ("audio", "video") and actual.split("/", maxsplit=1)[0] in ("audio", "video"):
        return True
    return claim not in _KNOWN_BY_BYTES and not claim.startswith("image/")


def _safe_name(mime: str) -> bool:
    """A type that may be repeated to a browser on the file's own word: none that runs."""
    return mime not in (
        "text/html",
        "application/xhtml+xml",
        "image/svg+xml",
        "text/javascript",
        "application/javascript",
    )
