"""Parley beside the guide's Node server: what `bin/bench` runs. See docs/benchmarks/README.md."""
