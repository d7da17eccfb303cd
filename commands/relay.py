"""`flask relay`: tokens for programs that publish without a socket."""

from __future__ import annotations

import re

import click
from flask.cli import AppGroup

from models import EVERY, ServiceToken, now_ms
from schemas.base import iso
from schemas.errors import ChatError
from schemas.relay import APP_PREFIX
from services import service_tokens
from services.service_tokens import Scopes

group = AppGroup("relay", help="Let functions, cron jobs and other backends publish.")

UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
"""Milliseconds."""


class Lifetime(click.ParamType[int | None]):
    """`90m`, `12h`, `30d`, in ms; `never` is None."""

    name = "lifetime"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """See click."""
        match = re.fullmatch(r"([1-9][0-9]{0,4})([mhd])", value)
        if match is None and value != "never":
            self.fail("give minutes, hours or days, such as 90m, 12h or 30d, or never", param, ctx)
        return int(match[1]) * UNITS[match[2]] if match else None


def _name(_ctx: click.Context, _param: click.Parameter, name: str) -> str:
    if not 0 < len(name) <= 100 or not name.isprintable() or not name.strip():
        raise click.BadParameter("give a name of 1 to 100 characters")
    return name


def _beginnings(_ctx: click.Context, _param: click.Parameter, events: tuple[str, ...]) -> tuple[str, ...]:
    for event in events:
        if not event.startswith(APP_PREFIX):
            raise click.BadParameter(f"{event!r} does not begin with {APP_PREFIX}")
    return events or (APP_PREFIX,)


@group.command("token")
@click.option("--name", required=True, callback=_name, help="What it is for; `revoke` takes this name.")
@click.option("--expires", type=Lifetime(), default="90d", show_default=True, help="30d, 12h, 90m or never.")
@click.option("--conversation", "conversations", multiple=True, help="Only this one, by id. Repeatable; default: all.")
@click.option("--event", "events", multiple=True, callback=_beginnings, help="Only those that begin so. Repeatable.")
@click.option("--act-as", multiple=True, help="May send as this user (an id or a name). Repeatable; default: nobody.")
@click.option("--act-as-anyone", is_flag=True, help="May send as every user.")
def token(
    name: str,
    expires: int | None,
    conversations: tuple[str, ...],
    events: tuple[str, ...],
    act_as: tuple[str, ...],
    act_as_anyone: bool,
) -> None:
    """Print a new service token. It cannot be shown again."""
    scopes = Scopes(conversations or (EVERY,), events, (EVERY,) if act_as_anyone else act_as)
    try:
        made = service_tokens.create(name, scopes, None if expires is None else now_ms() + expires)
    except ChatError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"Keep it now: it is not stored and cannot be shown again. It {_may(scopes)}.", err=True)
    click.echo(made)


@group.command("tokens")
def tokens() -> None:
    """List the service tokens: what each may do, until when, and when it was last used."""
    for row in service_tokens.all_tokens():
        click.echo(f"{row.name}  ({row.id})  {_state(row)}")
        click.echo(f"  {_may(Scopes(row.conversations, row.events, row.act_as))}")
        click.echo(f"  made {iso(row.created_at)}, last used {iso(row.last_used_at) if row.last_used_at else 'never'}")


@group.command("revoke")
@click.argument("name")
def revoke(name: str) -> None:
    """Take the service token NAME (or its id) back, at once."""
    try:
        service_tokens.revoke(name)
    except ChatError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{name} is revoked.")


def _state(row: ServiceToken) -> str:
    if row.revoked_at is not None:
        return f"revoked {iso(row.revoked_at)}"
    if row.expires_at is None:
        return "never expires"
    return f"{'expired' if row.expires_at <= now_ms() else 'expires'} {iso(row.expires_at)}"


def _may(scopes: Scopes) -> str:
    """What a token with these scopes may do, in a sentence without its subject."""
    names = ", ".join(f"{event}*" for event in scopes.events)
    where = "to every conversation and user" if scopes.every_conversation else "to " + ", ".join(scopes.conversations)
    who = "anyone" if EVERY in scopes.act_as else ", ".join(scopes.act_as) or "nobody"
    return f"may emit {names} {where}; may act as {who}"
