"""`flask user`: tokens for tests, and switching accounts off and on."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from schemas.errors import ChatError
from services import administration, tokens

group = AppGroup("user", help="Look after users.")


@group.command("token")
@click.argument("username")
@click.option("--hours", default=1.0, show_default=True, help="Life of the token.")
def token(username: str, hours: float) -> None:
    """Print an access token of USERNAME, for the console or a test client."""
    try:
        user = administration.find_user(username)
    except ChatError as error:
        raise click.ClickException(error.message) from error
    click.echo(tokens.mint(user["id"], seconds=hours * 3600)[0])


@group.command("disable")
@click.argument("username")
def disable(username: str) -> None:
    """Switch USERNAME's account off: no login, no token counts any longer."""
    _switch(username, True)


@group.command("enable")
@click.argument("username")
def enable(username: str) -> None:
    """Switch USERNAME's account on again."""
    _switch(username, False)


def _switch(username: str, disabled: bool) -> None:
    try:
        administration.set_disabled(username, disabled)
    except ChatError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{username} is {'disabled' if disabled else 'enabled'}.")
