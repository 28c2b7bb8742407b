"""Connections to the encrypted file: how one is opened, and what it means when it is not.

SQLAlchemy over SQLCipher. The key is raw (no derivation, a millisecond to open) and reaches the
driver as hex only. Transactions are begun by us, so that DDL too is rolled back.
"""

import re
from contextlib import ExitStack, closing
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool
from sqlcipher3 import dbapi2

from core.errors import DatabaseDamaged, DatabaseMissing, NotADatabase, StorageError, StorageUnwritable
from core.storage.faults import is_damage, translate
from core.storage.vault import Key

PAGE_BYTES = 4096
_PLAIN_HEADER = b"SQLite format 3\x00"
_CACHE_KIB = 64 * 1024
# Below this every page's HMAC is checked at open: about 10 ms.
CHECKED_AT_OPEN_BYTES = 4 * 1024 * 1024


def writing_engine(path: Path, key: Key) -> Engine:
    """Make the engine of the one writer: each transaction takes the write lock as it begins."""
    return _engine(path, key, mode="rw", begin="BEGIN IMMEDIATE", reads_only=False)


def reading_engine(path: Path, key: Key) -> Engine:
    """Make the engine of a reader: it can change nothing and never waits for the writer."""
    return _engine(path, key, mode="rw", begin="BEGIN", reads_only=True)


def building_engine(path: Path, key: Key) -> Engine:
    """Make the engine that fills a new file, before anybody else can see it."""
    return _engine(path, key, mode="rwc", begin="BEGIN IMMEDIATE", reads_only=False, journal="MEMORY")


def probing_engine(path: Path, key: Key) -> Engine:
    """Make an engine that touches no byte of the file, and leaves none beside it where it can."""
    return _engine(path, key, mode=_untouching(path), begin="BEGIN", reads_only=True)


def _untouching(path: Path) -> str:
    # Promised to be immutable, a file is read without its index of the log, which would be made beside it.
    wal = path.with_name(path.name + "-wal")
    is_settled = not wal.exists() or wal.stat().st_size == 0
    return "ro&immutable=1" if is_settled else "ro"


def _engine(path: Path, key: Key, *, mode: str, begin: str, reads_only: bool, journal: str = "WAL") -> Engine:
    def connect() -> dbapi2.Connection:
        with ExitStack() as undo:
            connection = _open(path, key, mode)
            undo.callback(connection.close)
            _prepare(connection, journal, reads_only=reads_only)
            undo.pop_all()
            return connection

    engine = create_engine("sqlite://", module=dbapi2, creator=connect, poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _open(path: Path, key: Key, mode: str) -> dbapi2.Connection:
    connection = dbapi2.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )
    # Before the key: a wrong one would print to standard error.
    connection.execute("PRAGMA cipher_log_level = NONE")
    connection.execute(f"PRAGMA key = \"x'{key.reveal().hex()}'\"")
    return connection


def _prepare(connection: dbapi2.Connection, journal: str, *, reads_only: bool) -> None:
    if not connection.execute("PRAGMA cipher_version").fetchone():
        raise StorageError("this Python's SQLite cannot encrypt; install the program's own dependencies")
    # The first read proves the key; connecting alone does not.
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    if reads_only:
        connection.execute("PRAGMA query_only = ON")
    else:
        connection.execute(f"PRAGMA journal_mode = {journal}")
        # The writer checkpoints when it is idle; this is the bound for a desk that never is.
        connection.execute("PRAGMA wal_autocheckpoint = 16384")


def cipher_version() -> str:
    """Return the version of the cipher in the library; empty where it cannot encrypt."""
    with closing(dbapi2.connect(":memory:")) as connection:
        found = connection.execute("PRAGMA cipher_version").fetchone()
    return str(found[0]) if found and found[0] else ""


def raw_connection(path: Path, key: Key) -> dbapi2.Connection:
    """Open the file for what SQLAlchemy has no words for; whoever opens it closes it."""
    connection = _open(path, key, "rw")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def check_file(path: Path) -> None:
    """Look at a file before it is opened, without opening it as a database.

    Raises:
        DatabaseMissing: there is no file.
        NotADatabase: it is a plain SQLite file, or text.
        DatabaseDamaged: it is cut off within a page.
        StorageUnwritable: it cannot even be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(PAGE_BYTES)
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise DatabaseMissing(
            f"{path} is not there, though this profile has been used. Put it back, or restore a backup"
        ) from error
    except IsADirectoryError as error:
        raise NotADatabase(f"{path} is a folder, not a database") from error
    except OSError as error:
        raise StorageUnwritable(f"{path} cannot be read: {error.strerror}. Check its permissions") from error
    if head.startswith(_PLAIN_HEADER):
        raise NotADatabase(
            f"{path} is a plain SQLite file, not an encrypted database of this program; nothing was changed"
        )
    if head and _is_text(head):
        raise NotADatabase(f"{path} is a text file, not a database; nothing was changed")
    if size == 0 or size % PAGE_BYTES:
        raise DatabaseDamaged(
            f"{path} is cut off: {size} bytes are no whole number of pages. Restore a backup"
        )


def _is_text(head: bytes) -> bool:
    # An encrypted page is random from its first byte; 16 printable ones in a row are no accident.
    return all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head)


def check_pages(path: Path, key: Key) -> None:
    """Check the HMAC of every page, without touching a byte.

    A key that is wrong and a first page that is damaged look the same: nothing decrypts. As a
    key comes out of an authenticated slot it is the right one unless files were mixed up, so
    both are told as damage, and the message names both.

    Raises:
        DatabaseDamaged: names the pages that do not hold.
    """
    try:
        with closing(_open(path, key, _untouching(path))) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA cipher_integrity_check")]
    except dbapi2.Error as error:
        raise translate(error, path) from error
    if not found:
        return
    if any(re.search(r"\bpage 1\b", line) for line in found):
        raise DatabaseDamaged(
            f"{path} cannot be decrypted with this profile's key: its first page is damaged, or the file "
            "belongs to another profile. Nothing was changed. Restore a backup"
        )
    told = "; ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    raise DatabaseDamaged(f"{path} is damaged ({told}); nothing was changed. Restore a backup")


def explain(error: BaseException, path: Path, key: Key) -> StorageError:
    """Turn a driver's error into one of ours, and name the damaged pages where there are any."""
    if is_damage(error):
        try:
            check_pages(path, key)
        except StorageError as found:
            return found
    return translate(error, path)
