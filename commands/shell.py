"""What is at hand in `flask shell`."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

import models
import services
from extensions import db


def names() -> dict[str, Any]:
    """`models`, `services` (every module of it), `db`."""
    for module in pkgutil.iter_modules(services.__path__):
        _import(f"services.{module.name}")
    return {"models": models, "services": services, "db": db}


def _import(name: str) -> ModuleType:
    return importlib.import_module(name)
