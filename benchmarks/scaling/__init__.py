"""What one, two and three nodes carry, what each thing costs, and what a thousand would need: `bin/scaling`.

The tables are in docs/scaling.md.
"""
