"""The people of a profile, as the database has them."""

from typing import Protocol

from core.domain.users import UserRecord


class UserReader(Protocol):
    """Questions about users."""

    def users(self) -> tuple[UserRecord, ...]:
        """List the newest change of each user, removed ones included, oldest change first."""
        ...


class UserWriter(Protocol):
    """Changes of users."""

    def insert_user(self, record: UserRecord) -> None:
        """Append a change of a user's role."""
        ...
