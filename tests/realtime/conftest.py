"""The database of the services' tests serves these too."""

from tests.services.conftest import queries

__all__ = ["queries"]
