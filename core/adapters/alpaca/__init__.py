"""Alpaca: the only place that knows its words."""
