"""What only an administrator does."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import EPOCH, Meta, User, new_id
from realtime.events import Closing
from realtime.views import View, user_view
from schemas.errors import not_found
from services.access import reading
from services.tokens import standing
from services.work import Work, perform, write


def find_user(username: str) -> View:
    """The user of this name. Raises ChatError `not_found`."""
    with reading() as session:
        user = session.scalars(select(User).where(User.name_key == username.casefold())).one_or_none()
    if user is None:
        raise not_found("User")
    return user_view(user)


def set_disabled(username: str, disabled: bool) -> None:
    """Switch an account off, which closes its sockets, or on again. Raises ChatError `not_found`."""

    def run(work: Work) -> None:
        user = work.session.scalars(select(User).where(User.name_key == username.casefold())).one_or_none()
        if user is None:
            raise not_found("User")
        user.disabled = disabled
        if disabled:
            work.close(Closing(user.id, everything=True))

    perform(run)
    standing.forget()


def new_epoch() -> str:
    """Give the database's life a new name, so that clients that knew another one start anew; returns it."""
    name = new_id()

    def run(session: Session) -> None:
        session.get_one(Meta, EPOCH).value = name

    write(run)
    return name
