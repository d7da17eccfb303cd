"""`bin/chaos`: one run, its table on standard output, and exit status 1 where a bar is missed."""

from __future__ import annotations

import sys

from tests.reliability.chaos.options import parse
from tests.reliability.chaos.run import run, say


def main() -> int:
    """Run as the command line says."""
    options = parse()
    say(f"{options.fault} on {options.database}, seed {options.seed}")
    report = run(options)
    sys.stdout.write(report.markdown())
    if options.out is not None:
        options.out.write_text(report.json())
    return 0 if report.passed else 1


sys.exit(main())
