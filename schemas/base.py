"""What all schemas share: names on the wire, text that every database can hold, times."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from schemas.errors import ChatError, invalid
from settings import settings

CONTENT_CHARS = settings.content_max_chars
TEMP_ID_CHARS = 128
TITLE_CHARS = 200
USER_ID_CHARS = 128
EMOJI_BYTES = 64
IDS_A_CALL = 100
ATTACHMENTS_A_MESSAGE = 10
PAGE_DEFAULT = 50
PAGE_MAX = 100

M = TypeVar("M", bound=BaseModel)


def wire_name(field: str) -> str:
    """camelCase, but `temp_id` keeps the guide's spelling."""
    return field if field == "temp_id" else to_camel(field)


@functools.lru_cache(maxsize=4096)  # the messages of a batch share their time
def iso(ms: int) -> str:
    """A stored time as clients see it: ISO 8601, UTC, milliseconds, `Z`."""
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def iso_or_none(ms: int | None) -> str | None:
    """The same for a time that may be absent."""
    return None if ms is None else iso(ms)


def storable(text: str) -> str:
    """Refuse what a database cannot hold: PostgreSQL's text has no NUL, UTF-8 no lone surrogates."""
    if "\x00" in text:
        raise ValueError("must not contain a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode text") from None
    return text


def not_blank(text: str) -> str:
    """Refuse text that shows nothing."""
    if not text.strip():
        raise ValueError("must not be blank")
    return text


STORABLE = AfterValidator(storable)
Id = Annotated[str, Field(min_length=1, max_length=USER_ID_CHARS, description="An opaque id."), STORABLE]
Time = Annotated[str, Field(description="ISO 8601, UTC, milliseconds.", examples=["2026-01-31T12:00:00.000Z"])]


class Wire(BaseModel):
    """Anything that crosses the wire."""

    model_config = ConfigDict(alias_generator=wire_name, populate_by_name=True, extra="ignore")


class Input(Wire):
    """What a client sends, in JSON: types are taken at their word (`"1"` is no number, `"yes"` no boolean)."""

    model_config = ConfigDict(strict=True)


class Query(Wire):
    """What a client sends in an address: text, read as what the field is."""


class Path(Wire):
    """Ids in an address."""


NOT_AN_OBJECT = "must be an object"
"""Instead of pydantic's own sentence, which names our class."""


def field_errors(error: ValidationError) -> dict[str, str]:
    """Each bad field of a validation error by its wire name, with pydantic's sentence."""
    fields: dict[str, str] = {}
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        where = [wire_name(str(part)) if not depth else str(part) for depth, part in enumerate(item["loc"])]
        told = NOT_AN_OBJECT if item["type"] == "model_type" else item["msg"]
        name, text = ".".join(where), told.removeprefix("Value error, ")
        if not name and ": " in text:  # a rule over several fields says itself which it blames
            name, text = text.split(": ", 1)
        fields.setdefault(name or "body", text)
    return fields


def refusal(error: ValidationError) -> ChatError:
    """A validation error as the catalogue says it."""
    return invalid(**field_errors(error))


def parse(model: type[M], data: Any) -> M:
    """`data` as a `model`. Raises ChatError `validation_failed` naming the fields."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise refusal(error) from None
