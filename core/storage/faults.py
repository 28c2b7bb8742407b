"""What the driver says, in words of ours: which error it is, and what to do."""

from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlcipher3 import dbapi2

from core.errors import DatabaseDamaged, StorageError, StorageUnwritable

# Primary result codes: https://www.sqlite.org/rescode.html
_PERM, _BUSY, _LOCKED, _READONLY, _IOERR, _CORRUPT, _FULL, _CANTOPEN, _CONSTRAINT, _AUTH, _NOTADB = (
    3, 5, 6, 8, 10, 11, 13, 14, 19, 23, 26,
)  # fmt: skip
# Extended codes of IOERR that a reading call gives: the disk lost something, it is not full.
_READ_FAILED = frozenset({10 | 1 << 8, 10 | 2 << 8, 10 | 33 << 8})

# What a driver raises for a value or a state that it does not take.
DRIVER_ERRORS = (SQLAlchemyError, dbapi2.Error, UnicodeEncodeError, OverflowError)


def driver_code(error: BaseException) -> int:
    """Return SQLite's extended result code; 0 where there is none."""
    found = error.orig if isinstance(error, DBAPIError) else error
    return int(getattr(found, "sqlite_errorcode", 0) or 0)


def is_damage(error: BaseException) -> bool:
    """Say whether pages of the file are not what was written."""
    code = driver_code(error)
    return code & 0xFF in (_CORRUPT, _NOTADB) or code in _READ_FAILED


def translate(error: BaseException, path: Path) -> StorageError:
    """Turn an error of SQLAlchemy or the driver into one of ours; nothing of the work was written."""
    code = driver_code(error)
    primary = code & 0xFF
    if is_damage(error):
        return DatabaseDamaged(f"{path} is damaged; nothing was changed. Restore a backup")
    if primary == _FULL:
        return StorageUnwritable(f"{path} cannot grow: the disk is full. Make room and try again")
    if primary in (_READONLY, _PERM, _AUTH):
        return StorageUnwritable(f"{path} is read-only. Check the permissions of the file and its folder")
    if primary == _CANTOPEN:
        return StorageUnwritable(f"{path} cannot be opened for writing. Check the permissions of the folder")
    if primary == _IOERR:
        return StorageUnwritable(f"{path} cannot be written: the disk is full, over quota, or failing")
    if primary in (_BUSY, _LOCKED):
        return StorageError(f"{path} is locked by another program; close that and try again")
    if primary == _CONSTRAINT:
        found = error.orig if isinstance(error, DBAPIError) else error
        return StorageError(f"the database refused the change: {found}")
    # The driver's own message may quote values, so only its kind is told.
    kind = type(error.orig if isinstance(error, DBAPIError) and error.orig is not None else error).__name__
    return StorageError(f"the database did not do what was asked ({kind}); nothing was written")
