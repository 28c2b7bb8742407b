"""Who has which role, and which changes of roles are taken. Pure: it is handed what the database has."""

import re
from collections.abc import Iterable

from core.domain.access import Role
from core.domain.users import NO_ROLE, UserRecord
from core.errors import RefusalCode, Refused

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,31}(?<![ .])")
# The record names parts of the program by these.
_TAKEN = frozenset({"agent", "api", "demo", "desk", "nobody", "upgrade"})


def role_of(users: Iterable[UserRecord], name: str) -> Role:
    """Return the role that a user acts in.

    Raises:
        Refused: `UNKNOWN_ROLE`: the user has none, was removed, or has one that is not exactly one of ours.
    """
    found = next((each.role for each in users if each.name == name), NO_ROLE)
    try:
        return Role(found)
    except ValueError as error:
        raise Refused(
            RefusalCode.UNKNOWN_ROLE,
            f"The user {name!r} has no role in this profile, so nothing is allowed; ask an administrator.",
        ) from error


def present(users: Iterable[UserRecord]) -> tuple[UserRecord, ...]:
    """List those that were not removed."""
    return tuple(each for each in users if each.role != NO_ROLE)


def check_new(users: Iterable[UserRecord], name: str) -> None:
    """Hold the name of a new user against the rules and those that are there.

    Raises:
        Refused: it cannot be a name, is one of the program's own, or is taken.
    """
    if not _NAME.fullmatch(name) or name.casefold() in _TAKEN or name.casefold().startswith("api-"):
        raise Refused(
            RefusalCode.MALFORMED,
            f"{name!r} cannot be a user's name: at most 32 letters, digits, spaces, dots or dashes, and none "
            "of the names that the program calls its own parts by",
        )
    if any(each.name.casefold() == name.casefold() for each in present(users)):
        raise Refused(RefusalCode.NAME_TAKEN, f"there is a user {name!r} already; nothing was changed")


def check_change(users: Iterable[UserRecord], name: str, role: str) -> None:
    """Hold a change of a role against the rules: somebody must be left who can undo it.

    Args:
        role: the new one; `NO_ROLE` removes the user.

    Raises:
        Refused: there is no such user, or it is the last administrator.
    """
    there = present(users)
    found = next((each for each in there if each.name == name), None)
    if found is None:
        names = ", ".join(each.name for each in there) or "none"
        raise Refused(RefusalCode.NOT_FOUND, f"there is no user {name!r}; there are: {names}")
    admins = [each.name for each in there if each.role == Role.ADMIN]
    if admins == [name] and role != Role.ADMIN:
        raise Refused(
            RefusalCode.NOT_PERMITTED,
            f"{name} is the last administrator; make another first, or nobody could change anything again",
        )
