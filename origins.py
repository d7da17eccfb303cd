"""Whose pages may use this server: one rule for REST and both socket transports (protocol.md, origins)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from settings import settings

DEFAULT_PORTS = {"http": 80, "https": 443}


def is_allowed(origin: str | None, host: str) -> bool:
    """Whether a page of `origin` may call the server that it addressed as `host`.

    No origin at all is no page. The server's own pages are those whose host and port equal `Host`; the scheme is not
    compared, since a proxy that ends TLS changes it. `null` is allowed only where it is listed.
    """
    if origin is None or origin in settings.client_url:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return False
    return origin.rstrip("/") in settings.client_url or _place(parts.netloc, parts.scheme) == _place(host, parts.scheme)


def _place(netloc: str, scheme: str) -> tuple[str | None, int | None]:
    try:
        parts = urlsplit(f"//{netloc}")
        return parts.hostname, parts.port or DEFAULT_PORTS[scheme]
    except ValueError:
        return None, None


def socket_origin_allowed(origin: str | None, environ: dict[str, Any]) -> bool:
    """The same for Socket.IO's own handshake, in the form that python-engineio asks in."""
    return is_allowed(origin, environ.get("HTTP_HOST", ""))
