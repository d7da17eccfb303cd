"""What the database knows of itself."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from extensions import Base

EPOCH = "epoch"
"""Key of the database's life: a new value after a restore tells every client to start anew (protocol.md, promise 4)."""


class Meta(Base):
    """A named value, for what exists once."""

    __tablename__ = "meta"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[str] = mapped_column(String(255))
