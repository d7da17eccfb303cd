"""Python runs this at its start where this folder is in PYTHONPATH: servers under test hash passwords with less work.

Nearly every test registers somebody, and the work that keeps guessers busy was a third of all that tests did. Argon2
stays, off the event loop as ever; `tests/blueprints/test_auth.py` looks at a server that has its whole work to do.
"""

from __future__ import annotations

from argon2 import PasswordHasher

TIME_COST, MEMORY_KIB, LANES = 1, 64, 1

_, _, _, *others = PasswordHasher.__init__.__defaults__ or ()
PasswordHasher.__init__.__defaults__ = (TIME_COST, MEMORY_KIB, LANES, *others)
