"""`/api/upload` and `/api/files`: bytes in and bytes out."""

from __future__ import annotations

from flask import Response, request, send_file
from flask_openapi3 import APIBlueprint, Tag

from blueprints.multipart import parts
from blueprints.requests import me, require_user
from schemas.base import parse
from schemas.errors import ChatError, invalid
from schemas.files import AttachmentOut, FilePath, UploadForm
from services import files
from services.uploads import Upload
from settings import settings

api = APIBlueprint("files", __name__, url_prefix="/api", abp_tags=[Tag(name="files", description="Uploads")])
api.before_request(require_user)

ENVELOPE_BYTES = 65_536
"""What the parts' headers and the other fields may add to the file."""

UPLOAD_ID, UPLOAD_ID_CHARS = "X-Upload-Id", 128
YEAR = 31_536_000


@api.post(
    "/upload",
    responses={201: AttachmentOut},
    openapi_extensions={
        "parameters": [
            {
                "name": UPLOAD_ID,
                "in": "header",
                "description": "Names the upload in its `upload:progress` and `upload:complete`.",
                "schema": {"type": "string", "minLength": 1, "maxLength": UPLOAD_ID_CHARS},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": ["file"],
                        "properties": {
                            "file": {"type": "string", "format": "binary"},
                            "conversationId": {"type": "string"},
                        },
                    }
                }
            },
        },
    },
)
def upload() -> tuple[dict[str, object], int]:
    """Upload a file, streamed to disk; the header `X-Upload-Id` names it in its progress events."""
    total = request.content_length or 0
    if total > settings.upload_max_bytes + ENVELOPE_BYTES:
        limit = f"at most {settings.upload_max_mb:g} MiB"
        raise ChatError("too_large", f"The file is too large: {limit}", fields={"file": limit})
    upload_id = request.headers.get(UPLOAD_ID)
    if upload_id is not None and not 0 < len(upload_id) <= UPLOAD_ID_CHARS:
        raise invalid(**{UPLOAD_ID: f"must have 1 to {UPLOAD_ID_CHARS} characters"})
    incoming = Upload(me(), upload_id, total)
    try:
        conversation_id = _receive(incoming)
        return incoming.finish(conversation_id), 201
    finally:
        incoming.abandon()


def _receive(incoming: Upload) -> str | None:
    """Feed the request's parts into the upload as they come; returns the conversation that it names."""
    fields: dict[str, bytes] = {}
    for part in parts(request.stream, request.mimetype, request.mimetype_params.get("boundary"), incoming.progress):
        if part.begins_file:
            incoming.begin_file(part.filename, part.content_type)
        if part.name == "file" and part.filename:
            incoming.write(part.data)
        elif part.name != "file":
            fields[part.name] = fields.get(part.name, b"") + part.data
            if len(fields[part.name]) > ENVELOPE_BYTES:
                raise invalid(**{part.name: "is too long"})
    given = fields.get("conversationId", b"").decode(errors="replace").strip()
    return parse(UploadForm, {"conversationId": given or None}).conversation_id


@api.get("/files/<file_id>", responses={200: None})
def download(path: FilePath) -> Response:
    """A file's bytes, with Range."""
    return _send(files.get(me(), path.file_id))


@api.get("/files/<file_id>/thumbnail", responses={200: None})
def thumbnail(path: FilePath) -> Response:
    """A small picture of a picture."""
    return _send(files.get(me(), path.file_id, thumbnail=True))


def _send(file: files.StoredFile) -> Response:
    """Bytes for a browser, which must not run them: no guessing, no scripts, a download unless it is harmless."""
    response = send_file(
        file.path,
        mimetype=file.mime,
        download_name=file.filename,
        as_attachment=not file.inline,
        conditional=True,
        etag=file.sha256,
        max_age=YEAR,
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = f"private, max-age={YEAR}, immutable"
    return response
