"""Logs: one JSON object a line on standard error, with whatever the caller put into `extra`."""

from __future__ import annotations

import logging
import sys

import structlog

from settings import settings

OURS = "parley"


def configure(process: int | None = None) -> None:
    """Send everything through one handler; ours at `LOG_LEVEL`, libraries only when something is wrong.

    `process`: the number of this one among several that share a log; each line then says it.
    """

    def add_process(_: object, __: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
        return line if process is None else {**line, "process": process}

    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        add_process,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(default=str),
        ],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(settings.log_level.upper())


def library(name: str) -> logging.Logger:
    """A logger for a library that would otherwise bring its own handler; it speaks only of failures."""
    logger = logging.getLogger(f"{OURS}.{name}")
    logger.setLevel(logging.ERROR)
    return logger
