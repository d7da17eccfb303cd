"""`bin/scaling`."""

from __future__ import annotations

import sys

from benchmarks.scaling.command import main

sys.exit(main())
