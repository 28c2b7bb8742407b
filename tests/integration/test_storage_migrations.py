"""A migrated and a new database have the same schema, and an upgrade is all or nothing."""

import re
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from core.domain.money import Price
from core.domain.terms import OrdStatus
from core.errors import DatabaseDamaged, DatabaseTooNew
from core.storage import engine, migration, rows, vault
from core.storage import tables as t
from core.storage.store import open_store
from core.storage.user_store import SqlUserReader

BROKEN = """
import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade():
    op.create_table("half_done", sa.Column("id", sa.Integer, primary_key=True))
    op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True))
"""
ORPHANS = """
import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade():
    op.execute("INSERT INTO watchlist_symbols (name, place, symbol) VALUES ('gone', 0, 'AAPL')")
"""


@pytest.fixture
def key(tmp_path: Path) -> vault.Key:
    return vault.create(tmp_path, None)


def _schema(connection: Connection) -> dict[tuple[str, str], object]:
    found = connection.exec_driver_sql("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {
        (kind, name): _parts(sql) if kind == "table" else " ".join(sql.split()) for kind, name, sql in found
    }


def _parts(sql: str) -> tuple[str, tuple[str, ...]]:
    # A column that is added later stands behind the constraints of its table, so their order means nothing.
    head, _, rest = " ".join(sql.split()).partition("(")
    body, _, tail = rest.rpartition(")")
    return head.strip() + tail, tuple(sorted(re.split(r", (?![^(]*\))", body.strip())))


def _scripts(folder: Path, revision: str) -> Path:
    ours = Path(migration.__file__).parents[2] / "migrations"
    scripts = folder / "scripts"
    (scripts / "versions").mkdir(parents=True)
    for file in (Path("env.py"), *(path.relative_to(ours) for path in (ours / "versions").glob("*.py"))):
        (scripts / file).write_text((ours / file).read_text())
    (scripts / "versions" / "0007_test.py").write_text(revision)
    return scripts


def _migrated(path: Path, key: vault.Key) -> dict[tuple[str, str], object]:
    maker = engine.building_engine(path, key)
    with maker.connect() as connection:
        migration.upgrade(connection)
        schema = _schema(connection)
        assert migration.current(connection) == migration.HEAD
    maker.dispose()
    return schema


def test_migrations_from_nothing_give_the_schema_that_a_new_database_has(tmp_path, key):
    open_store(tmp_path / "new.db", key, create=True).close()

    migrated = _migrated(tmp_path / "migrated.db", key)

    reader = engine.reading_engine(tmp_path / "new.db", key)
    with reader.connect() as connection:
        assert _schema(connection) == migrated
    reader.dispose()


def test_head_is_the_newest_revision_there_is():
    revisions = sorted((Path(migration.__file__).parents[2] / "migrations" / "versions").glob("[0-9]*.py"))

    assert revisions[-1].name.partition("_")[0] == migration.HEAD


@pytest.mark.parametrize(("revision", "error"), [(BROKEN, SQLAlchemyError), (ORPHANS, DatabaseDamaged)])
def test_upgrade_that_fails_leaves_schema_and_rows_as_they_were(tmp_path, key, revision, error):
    path = tmp_path / "a.db"
    open_store(path, key, create=True).close()
    scripts = _scripts(tmp_path, revision)
    writer = engine.writing_engine(path, key)

    with writer.connect() as connection:
        before = _schema(connection)
        connection.rollback()
        with pytest.raises(error):
            migration.upgrade(connection, scripts=scripts)
        assert _schema(connection) == before
        assert migration.current(connection) == migration.HEAD
        assert connection.execute(select(t.watchlist_symbols)).all() == []
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
    writer.dispose()


def test_open_of_a_newer_schema_is_refused_and_touches_no_byte(tmp_path, key):
    path = tmp_path / "a.db"
    open_store(path, key, create=True).close()
    writer = engine.writing_engine(path, key)
    with writer.connect() as connection, connection.begin():
        connection.execute(t.alembic_version.update().values(version_num="9999"))
    writer.dispose()
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    with pytest.raises(DatabaseTooNew, match="9999"):
        open_store(path, key, create=False)

    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


def test_open_of_an_older_schema_upgrades_it(tmp_path, key, monkeypatch):
    path = tmp_path / "a.db"
    open_store(path, key, create=True).close()
    added = BROKEN.replace(
        '    op.create_table("orders", sa.Column("id", sa.Integer, primary_key=True))\n', ""
    )
    scripts = _scripts(tmp_path, added)
    monkeypatch.setattr(migration, "HEAD", "0007")
    monkeypatch.setattr(migration, "_scripts", lambda: scripts)

    open_store(path, key, create=False).close()

    reader = engine.reading_engine(path, key)
    with reader.connect() as connection:
        assert ("table", "half_done") in _schema(connection)
        assert migration.current(connection) == "0007"
    reader.dispose()


def test_orders_and_fills_of_the_first_schema_are_read_after_the_upgrade(tmp_path, key):
    path = tmp_path / "old.db"
    maker = engine.building_engine(path, key)
    with maker.connect() as connection:
        migration.upgrade(connection, "0001")
        with connection.begin():
            connection.exec_driver_sql(
                "INSERT INTO orders (cl_ord_id, symbol, side, ord_type, time_in_force, order_qty, price,"
                " cum_qty, acked, suspended, unknown, gave_up, text, external, created_at, updated_at,"
                " is_open) VALUES ('IQ-1', 'AAPL', 'buy', 'limit', 'day', '10', '189.43', '10', 1, 0, 0, 0,"
                " '', 0, 1, 1, 0)"
            )
            connection.exec_driver_sql(
                "INSERT INTO fills (exec_id, cl_ord_id, symbol, side, last_qty, last_px, fee, transact_time,"
                " inferred) VALUES ('E-1', 'IQ-1', 'AAPL', 'buy', '10', '189.40', '0.01', 1, 0)"
            )
        migration.upgrade(connection)
    maker.dispose()

    reader = engine.reading_engine(path, key)
    with reader.connect() as connection:
        order = rows.order_of(connection.execute(select(t.orders)).mappings().one())
        fill = rows.fill_of(connection.execute(select(t.fills)).mappings().one())
    reader.dispose()

    assert (order.ord_status, order.terms.legs, order.terms.extended_hours) == (OrdStatus.FILLED, None, False)
    assert (fill.last_px, fill.corrects) == (Price("189.40"), None)


def test_profile_of_a_schema_without_users_has_its_owner_for_administrator_after_the_upgrade(tmp_path, key):
    path = tmp_path / "old.db"
    maker = engine.building_engine(path, key)
    with maker.connect() as connection:
        migration.upgrade(connection, "0003")
        migration.upgrade(connection)
        users = SqlUserReader(connection).users()
    maker.dispose()

    (owner,) = users
    assert (owner.name, owner.role, owner.changed_by) == ("owner", "admin", "upgrade")
    assert owner.changed_at.year >= 2026
