"""Painted parts that every panel is made of."""
