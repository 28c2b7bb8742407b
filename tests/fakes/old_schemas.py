"""Databases of every schema that was ever released, with a row in each of their tables."""

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, insert

from core.audit import ledger
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft
from core.storage import engine, migration
from core.storage import tables as t
from core.storage.reader import EMPTY_HEAD
from core.storage.vault import Key
from tests.arch.source import ROOT

REVISIONS = sorted(path.name[:4] for path in (ROOT / "migrations" / "versions").glob("[0-9]*.py"))
INSTALLATION = "installation-1"
RECORDS = 5

_DESK = Actor("desk", "admin", Origin.DESK, "s1")
_NOW = datetime(2026, 1, 5, tzinfo=UTC)
_OWN = {"alembic_version", "audit_log", "audit_payload", "audit_segments", "meta", "users"}

Rows = dict[str, list[dict[str, object]]]


def build(path: Path, key: Key, revision: str) -> Rows:
    """Make a database of a revision, and return what stands in it."""
    maker = engine.building_engine(path, key)
    with maker.connect() as connection:
        migration.upgrade(connection, revision)
        with connection.begin():
            connection.execute(insert(t.meta), {"id": 1, "installation_id": INSTALLATION, "created_at": _NOW})
            _fill_chain(connection)
            for name in _parents_first(connection):
                _fill(connection, name)
        found = contents(connection)
        connection.rollback()
    maker.dispose()
    return found


def contents(connection: Connection) -> Rows:
    """Read every row of every table, by table and as stored."""
    return {
        name: [dict(row) for row in connection.exec_driver_sql(f'SELECT * FROM "{name}"').mappings()]
        for name in _tables(connection)
        if name != "alembic_version"
    }


def _tables(connection: Connection) -> list[str]:
    found = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars()
    return [name for name in found if not name.startswith("sqlite_")]


def _parents_first(connection: Connection) -> list[str]:
    left = [name for name in _tables(connection) if name not in _OWN]
    parents = {
        name: {row[2] for row in connection.exec_driver_sql(f'PRAGMA foreign_key_list("{name}")')} - {name}
        for name in left
    }
    ordered: list[str] = []
    while left:
        ordered += (ready := [name for name in left if not parents[name] & set(left)])
        left = [name for name in left if name not in ready]
    return ordered


def _fill(connection: Connection, name: str) -> None:
    columns = connection.exec_driver_sql(f'PRAGMA table_info("{name}")').all()
    # The same word in every text column: so each foreign key finds its row.
    values = {row[1]: 1 if row[2].upper().startswith(("INT", "BIGINT", "BOOL")) else "1" for row in columns}
    names = ", ".join(f'"{column}"' for column in values)
    places = ", ".join("?" for _ in values)
    connection.exec_driver_sql(f'INSERT INTO "{name}" ({names}) VALUES ({places})', tuple(values.values()))


def _fill_chain(connection: Connection) -> None:
    head = EMPTY_HEAD
    drafts = [ledger.genesis(INSTALLATION, 0, _DESK)]
    drafts += [AuditDraft(AuditAction.PROGRAM_STARTED, _DESK, str(n)) for n in range(RECORDS - 1)]
    for draft in drafts:
        sealed = ledger.seal(head, draft, _NOW)
        columns = {column.name: getattr(sealed, column.name) for column in t.audit_log.c}
        connection.execute(insert(t.audit_log), columns)
        connection.execute(insert(t.audit_payload), {"seq": sealed.seq, "payload": sealed.payload})
        head = type(head)(sealed.seq, sealed.digest)
