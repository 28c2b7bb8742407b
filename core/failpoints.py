"""Named places where a test may make the program fail or die.

In a running program the table is empty and a call costs one look-up. Nothing outside the
tests fills it: no setting, no environment variable, no command.
"""

from collections.abc import Callable

_armed: dict[str, Callable[[], None]] = {}


def failpoint(name: str) -> None:
    """Pass a named place; does nothing unless a test armed it."""
    action = _armed.get(name)
    if action is not None:
        action()


def arm(name: str, action: Callable[[], None]) -> None:
    """Run the action whenever the place is passed: raise, hang or end the process."""
    _armed[name] = action


def disarm_all() -> None:
    """Make every place harmless again."""
    _armed.clear()
