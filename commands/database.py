"""`flask database`: what an administrator does to the database as a whole. Migrations are `flask db`."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from services import administration

group = AppGroup("database", help="Look after the database.")


@group.command("new-epoch")
def new_epoch() -> None:
    """Begin a new life of the database, after a backup was restored: every client then drops what it had."""
    click.echo(f"The database's epoch is now {administration.new_epoch()}.")
