"""Users and their roles: every change is kept, the newest of a name is in force."""

from pathlib import Path

from sqlalchemy import Connection, func, insert, select

from core.domain.users import UserRecord
from core.failpoints import failpoint
from core.storage import engine
from core.storage import tables as t
from core.storage.faults import DRIVER_ERRORS
from core.storage.vault import Key

_NEWEST = select(func.max(t.users.c.id)).group_by(t.users.c.name)
_USERS = (
    select(t.users.c.name, t.users.c.role, t.users.c.changed_by, t.users.c.changed_at)
    .where(t.users.c.id.in_(_NEWEST))
    .order_by(t.users.c.id)
)
_INSERT = insert(t.users)


class SqlUserReader:
    """`ports.users.UserReader` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def users(self) -> tuple[UserRecord, ...]:
        return tuple(UserRecord(*row) for row in self._connection.execute(_USERS))


class SqlUserWriter(SqlUserReader):
    """`ports.users.UserWriter` on the writing connection."""

    def insert_user(self, record: UserRecord) -> None:
        failpoint("uow.insert_user")
        insert_user(self._connection, record)


def insert_user(connection: Connection, record: UserRecord) -> None:
    """Append a change of a user's role."""
    values = {
        "name": record.name,
        "role": record.role,
        "changed_by": record.changed_by,
        "changed_at": record.changed_at,
    }
    connection.execute(_INSERT, values)


def stored_users(path: Path, key: Key) -> tuple[UserRecord, ...]:
    """Read the users of a database of today's schema that nobody has open.

    Raises:
        StorageError: it is missing, damaged or not ours.
    """
    engine.check_file(path)
    probe = engine.probing_engine(path, key)
    try:
        with probe.connect() as connection:
            return SqlUserReader(connection).users()
    except DRIVER_ERRORS as error:
        raise engine.explain(error, path, key) from error
    finally:
        probe.dispose()
