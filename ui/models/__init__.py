"""Keyed rows and columns as data: the last place without pixels."""
