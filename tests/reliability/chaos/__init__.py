"""The chaos driver: many clients write while the server is broken in every way we know, and a checker counts."""
