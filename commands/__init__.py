"""`flask ...` for administrators, and what `flask shell` holds."""

from __future__ import annotations

from flask import Flask

from commands import database, relay, shell, users


def register(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(users.group)
    app.cli.add_command(database.group)
    app.cli.add_command(relay.group)
    app.shell_context_processor(shell.names)
