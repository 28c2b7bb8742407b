"""Which program this is."""

import sys
from importlib import metadata


def version() -> str:
    """Return the installed version."""
    try:
        return metadata.version("investiq")
    except metadata.PackageNotFoundError:
        return "unknown"


def build() -> str:
    """Say how this program was put on the computer."""
    return "bundle" if getattr(sys, "frozen", False) else "source"
