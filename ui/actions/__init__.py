"""Everything that a person can do, as data."""
