"""Users and their logins."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from schemas.base import STORABLE, Id, Input, Path, Query, Time, Wire, not_blank

PASSWORD_MIN = 8
"""Characters (NIST SP 800-63B, section 5.1.1.2)."""

NAME_KEY_MAX = 128
"""Characters of a name without its case: what its column holds."""

EMAIL_MAX = 254
"""Characters of an address (RFC 5321, erratum 1690)."""

PASSWORD_MAX = 256
"""Characters; more would only buy an attacker hashing time."""


def username(text: str) -> str:
    """Letters, digits, `_`, `.` and `-`: what `@name` can mention, and never an e-mail address."""
    if not re.fullmatch(r"\w(?:[\w.-]*\w)?", text):
        raise ValueError("may hold letters, digits, _ . and -, and begins and ends with a letter, a digit or _")
    return short_key(text)


def short_key(text: str) -> str:
    """Refuse a name that is too long without its case, as which it is searched: some letters become three."""
    if len(text.casefold()) > NAME_KEY_MAX:
        raise ValueError(f"should have at most {NAME_KEY_MAX} characters in lower case")
    return text


def email(text: str) -> str:
    """Just enough to tell an address from a name; only a mail to it proves more."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text):
        raise ValueError("must be an e-mail address")
    if len(text.lower()) > EMAIL_MAX:
        raise ValueError(f"should have at most {EMAIL_MAX} characters in lower case")
    return text.lower()


def web_address(text: str) -> str:
    """A picture's address, for other people's browsers to load: never a script."""
    if not text.startswith(("https://", "http://", "/api/files/")):
        raise ValueError("must be an http or https address")
    return text


Username = Annotated[str, Field(min_length=1, max_length=64), STORABLE, AfterValidator(username)]
Email = Annotated[str, Field(max_length=EMAIL_MAX), STORABLE, AfterValidator(email)]
DisplayName = Annotated[
    str, Field(min_length=1, max_length=100), STORABLE, AfterValidator(not_blank), AfterValidator(short_key)
]
Avatar = Annotated[str, Field(max_length=2048), STORABLE, AfterValidator(web_address)]
NewPassword = Annotated[str, Field(min_length=PASSWORD_MIN, max_length=PASSWORD_MAX), STORABLE]
GivenPassword = Annotated[str, Field(min_length=1, max_length=PASSWORD_MAX), STORABLE]


class Register(Input):
    """A new account."""

    username: Username
    password: NewPassword
    display_name: DisplayName | None = None
    email: Email | None = None


class Login(Input):
    """A name or an e-mail address, and the password."""

    username: Annotated[str, Field(min_length=1, max_length=254), STORABLE]
    password: GivenPassword


class Refresh(Input):
    """A refresh token, spent by this."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=512), STORABLE]


class Logout(Input):
    """Which session ends: that of the refresh token, that of the bearer token, or all of the user's."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=512), STORABLE] | None = None
    everywhere: bool = False


class ChangePassword(Input):
    """Ends all of the user's other sessions."""

    current_password: GivenPassword
    new_password: NewPassword


class UpdateMe(Input):
    """What is absent stays; null clears an avatar or an e-mail address."""

    display_name: DisplayName | None = None
    avatar: Avatar | None = None
    email: Email | None = None


class UserPath(Path):
    """`/users/ID`."""

    user_id: Id


class UserSearch(Query):
    """Whose name begins with `query`."""

    query: Annotated[str, Field(max_length=100), STORABLE] = ""
    cursor: Annotated[str, Field(max_length=512), STORABLE] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class UserOut(Wire):
    """A user as everybody sees them."""

    id: str
    username: str
    display_name: str
    avatar: str | None


class MeOut(UserOut):
    """Oneself."""

    email: str | None
    created_at: Time


class SessionOut(Wire):
    """A login: `token` for `Authorization` and sockets, `expiresIn` in seconds."""

    user: MeOut
    token: str
    expires_in: int
    refresh_token: str


class UserList(Wire):
    """A page of the directory."""

    items: list[UserOut]
    next_cursor: str | None
