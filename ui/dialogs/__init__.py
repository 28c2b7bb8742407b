"""Sheets over the window: a value in, a value out; the window goes on living behind them."""
