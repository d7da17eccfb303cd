"""The server behind TLS of its own: `python tls_server.py APP CERTIFICATE KEY`.

Parley leaves TLS to the proxy before it. This wraps the listening socket, as somebody would who does without one.
"""

from __future__ import annotations

import runpy
import socket
import sys
from pathlib import Path


def main() -> None:
    """Serve until SIGTERM."""
    app, certificate, key = sys.argv[1:]
    sys.path[0] = str(Path(app).parent)
    sys.argv = [app]
    import runtime  # noqa: PLC0415 (only now can it be found)

    plain = runtime.listen

    def listen(host: str, port: int) -> socket.socket:
        import eventlet  # noqa: PLC0415 (only now is the process patched)

        wrapped: socket.socket = eventlet.wrap_ssl(
            plain(host, port), certfile=certificate, keyfile=key, server_side=True
        )
        return wrapped

    runtime.listen = listen
    runpy.run_path(app, run_name="__main__")


if __name__ == "__main__":
    main()
