"""`flask ...` for administrators, and what `flask shell` holds."""

from __future__ import annotations

from flask import Flask

from commands import shell, users


def register(app: Flask) -> None:
    """Add the commands."""
    app.cli.add_command(users.group)
    app.shell_context_processor(shell.names)
