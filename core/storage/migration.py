"""Which schema a database has, and how it becomes the one that this program speaks."""

from importlib import import_module
from pathlib import Path

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import SQLAlchemyError

from core.errors import DatabaseDamaged, DatabaseTooNew
from core.failpoints import failpoint
from core.storage import archive_tables as archives
from core.storage import risk_tables as risk
from core.storage import tables as t

# Compiled in, so that a start need not import Alembic (0.36 s) to know that all is well.
HEAD = "0006"


def create_schema(connection: Connection) -> None:
    """Make every table, index and trigger at once, as all migrations together would."""
    t.metadata.create_all(connection, checkfirst=False)
    for trigger in (*t.TRIGGERS, *risk.TRIGGERS, *archives.TRIGGERS):
        connection.exec_driver_sql(trigger)
    connection.execute(insert(t.alembic_version), {"version_num": HEAD})


def current(connection: Connection) -> str | None:
    """Return the revision that a database is at; None where it has none."""
    try:
        found: str | None = connection.execute(select(t.alembic_version.c.version_num)).scalar()
    except SQLAlchemyError as error:
        if "no such table" in str(error):
            return None
        raise
    return found


def check_revision(connection: Connection, path: Path) -> bool:
    """Say whether a database is at this program's revision; False means that it is older.

    Raises:
        DatabaseTooNew: a newer program wrote it.
        DatabaseDamaged: it has no revision at all.
    """
    revision = current(connection)
    if revision is None:
        raise DatabaseDamaged(
            f"{path} carries no schema revision: it was not made by this program to the end"
        )
    if revision > HEAD:
        raise DatabaseTooNew(
            f"{path} has schema {revision}, this program knows up to {HEAD}; nothing was changed. "
            "Install the newer program"
        )
    return revision == HEAD


def upgrade(connection: Connection, revision: str = "head", scripts: Path | None = None) -> None:
    """Bring a database to a revision: all of it, or nothing.

    Foreign keys are off meanwhile, as rebuilding a parent table would delete its children; they
    are checked before the commit.

    Args:
        connection: not in a transaction.
        revision: to which; the newest if not said.
        scripts: the folder of the revisions, if not the program's own.

    Raises:
        DatabaseDamaged: rows would point nowhere; everything was rolled back.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    # ConfigParser reads a percent sign as the start of a name.
    config.set_main_option("script_location", str(scripts or _scripts()).replace("%", "%%"))
    config.attributes["connection"] = connection
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - an open connection has one
    # Inside a transaction this pragma does nothing, so it stands before the begin.
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        with connection.begin():
            command.upgrade(config, revision)
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if broken:
                raise DatabaseDamaged(
                    f"after the upgrade {len(broken)} rows would point nowhere; it was undone"
                )
            failpoint("migration.upgraded")
    finally:
        driver.execute("PRAGMA foreign_keys = ON")


def _scripts() -> Path:
    found = import_module("migrations").__file__
    if found is None:
        raise DatabaseDamaged("the program's migrations folder is not installed")
    return Path(found).parent
