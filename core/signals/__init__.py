"""Numbers to opinions; no orders."""
