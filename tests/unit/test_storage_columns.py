"""Nothing inexact goes through a column, and history cannot be rewritten by mistake."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError, StatementError

from core.domain.money import Price
from core.storage import archive_tables as a
from core.storage import engine, migration, vault
from core.storage import tables as t
from core.storage.columns import ExactDecimal, UtcMicros

DIALECT = sqlite.dialect()
PRICE = ExactDecimal(Price)
TIME = UtcMicros()


@pytest.fixture
def connection(tmp_path):
    maker = engine.building_engine(tmp_path / "a.db", vault.create(tmp_path, None))
    with maker.connect() as made:
        with made.begin():
            migration.create_schema(made)
        yield made
    maker.dispose()


@given(st.decimals(min_value=-(10**17), max_value=10**17, places=12))
def test_decimal_comes_back_equal(value: Decimal):
    stored = PRICE.process_bind_param(value, DIALECT)

    assert PRICE.process_result_value(stored, DIALECT) == value


@pytest.mark.parametrize("value", ["10", "10.0", "1E+1", "10.000"])
def test_equal_decimals_have_one_spelling(value):
    assert PRICE.process_bind_param(Decimal(value), DIALECT) == "10"


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0.1, TypeError),
        (1, TypeError),
        ("1", TypeError),
        (Decimal("NaN"), ValueError),
        (Decimal("Infinity"), ValueError),
    ],
)
def test_inexact_values_are_refused_at_the_column(connection: Connection, value, error):
    row = {"symbol": "AAPL", "qty": value, "cost": Decimal(1), "realised": Decimal(0), "fees": Decimal(0)}

    with connection.begin(), pytest.raises(StatementError) as refused:
        connection.execute(insert(t.positions), row)

    assert isinstance(refused.value.orig, error)


@given(st.datetimes(timezones=st.just(UTC)))
def test_time_comes_back_to_the_microsecond(value: datetime):
    assert TIME.process_result_value(TIME.process_bind_param(value, DIALECT), DIALECT) == value


def test_time_of_another_zone_is_the_same_moment_and_one_without_is_refused():
    east = datetime(2026, 1, 5, 9, tzinfo=timezone(timedelta(hours=-5)))

    assert TIME.process_result_value(TIME.process_bind_param(east, DIALECT), DIALECT) == east
    with pytest.raises(TypeError, match="zone"):
        TIME.process_bind_param(datetime(2026, 1, 5), DIALECT)  # noqa: DTZ001 - the point


def _audit_row(seq: int, digest: str, before: str) -> dict[str, object]:
    words = dict.fromkeys(("actor", "role", "session", "entity", "order_id", "cl_ord_id"), "")
    return {
        **words, "seq": seq, "ts_utc_us": 1, "action": "x", "payload_hash": "p" * 43, "prev_digest": before,
        "digest": digest,
    }  # fmt: skip


def _fill_history(connection: Connection) -> None:
    order = {column.name: "1" for column in t.orders.c if not column.nullable}
    names = ("acked", "suspended", "unknown", "gave_up", "external", "is_open", "extended_hours")
    flags = dict.fromkeys(names, False)
    now = datetime(2026, 1, 5, tzinfo=UTC)
    one = Decimal(1)
    terms = {"symbol": "A", "side": "buy", "ord_type": "market", "time_in_force": "day", "order_qty": one}
    connection.execute(
        insert(t.orders),
        {
            **order,
            **flags,
            **terms,
            "id": 1,
            "cum_qty": one,
            "created_at": now,
            "updated_at": now,
            "cl_ord_id": "O",
        },
    )
    connection.execute(insert(t.order_bodies), {"cl_ord_id": "O", "body": "{}", "verdict": "{}"})
    connection.execute(
        insert(t.executions),
        {**terms, "exec_id": "E", "exec_type": "new", "cl_ord_id": "O", "ord_status": "NEW", "cum_qty": one,
         "leaves_qty": one, "fee": one, "text": "", "transact_time": now},
    )  # fmt: skip
    connection.execute(
        insert(t.fills),
        {"exec_id": "E", "cl_ord_id": "O", "symbol": "A", "side": "buy", "last_qty": one, "last_px": one,
         "fee": one, "transact_time": now, "inferred": False},
    )  # fmt: skip
    connection.execute(
        insert(t.lot_closes),
        {"open_exec_id": "E", "close_exec_id": "E", "symbol": "A", "side": "buy", "qty": one, "open_px": one,
         "close_px": one, "realised": one, "closed_at": now},
    )  # fmt: skip
    connection.execute(
        insert(t.trading_state), {"state": "ACTIVE", "reason": "", "actor": "", "changed_at": now}
    )
    connection.execute(
        insert(t.users), {"name": "kim", "role": "admin", "changed_by": "kim", "changed_at": now}
    )
    for seq, digest, before in ((1, "d" * 43, "A" * 43), (2, "e" * 43, "d" * 43)):
        connection.execute(insert(t.audit_log), _audit_row(seq, digest, before))
        connection.execute(insert(t.audit_payload), {"seq": seq, "payload": "{}"})
    connection.execute(insert(t.audit_segments), _seal(1, 1, "A" * 43, "d" * 43))
    for table in (t.audit_payload, t.audit_log):
        connection.execute(delete(table).where(table.c.seq == 1))
    _fill_archive(connection)


def _fill_archive(connection: Connection) -> None:
    archive = {"archive": 1, "symbol": "AAPL"}
    seal: dict[str, object] = {"number": 1, "fills": 1, "closes": 0, "sealed_at_us": 1}
    seal |= {"up_to": datetime(2026, 1, 5, tzinfo=UTC), "file": "f", "sha256": "s", "digest": "d", "key": "k"}
    connection.execute(insert(a.fill_archives), seal)
    zeros = dict.fromkeys(("qty", "paid", "realised", "fees"), Decimal(0))
    connection.execute(insert(a.carried_forward), {**archive, **zeros, "fills": 1, "closes": 0})
    connection.execute(insert(a.placed_shares), {**archive, "exec_id": "e", "qty": Decimal(1)})
    order = {"cl_ord_id": "O", "archive": 1, "shares": Decimal(1), "last_fill": 0}
    connection.execute(insert(a.archived_orders), order)


def _seal(first_seq: int, last_seq: int, before: str, digest: str) -> dict[str, object]:
    return {
        "first_seq": first_seq, "last_seq": last_seq, "prev_digest": before, "last_digest": digest,
        "sealed_at_us": 1, "file": "f", "sha256": "s", "digest": "x", "key": "k",
    }  # fmt: skip


@pytest.mark.parametrize("name", [*t.APPEND_ONLY, *t.AUDIT, *a.APPEND_ONLY, "fills", "lot_closes"])
@pytest.mark.parametrize("change", [update, delete])
def test_history_refuses_to_be_changed(connection: Connection, name, change):
    table = t.metadata.tables[name]
    with connection.begin():
        _fill_history(connection)
    column = list(table.c)[-1]
    asked = change(table).values({column.name: column}) if change is update else change(table)

    with connection.begin(), pytest.raises(SQLAlchemyError, match="append-only"):
        connection.execute(asked)

    assert len(connection.execute(select(table)).all()) == 1
    connection.rollback()


@pytest.mark.parametrize(
    "changes",
    [
        {"seq": 4},
        {"seq": 2},
        {"seq": 1},
        {"seq": 0},
        {"prev_digest": "x" * 43},
        {"digest": "short"},
        {"payload_hash": ""},
        {"prev_digest": "d" * 42},
        {"ts_utc_us": -1},
        {"action": ""},
        {"entity": None},
        {"actor": None},
    ],
)
def test_audit_log_takes_only_the_next_whole_record(connection: Connection, changes):
    with connection.begin():
        _fill_history(connection)

    with connection.begin(), pytest.raises(SQLAlchemyError):
        connection.execute(insert(t.audit_log), {**_audit_row(3, "f" * 43, "e" * 43), **changes})

    with connection.begin():
        connection.execute(insert(t.audit_log), _audit_row(3, "f" * 43, "e" * 43))


@pytest.mark.parametrize(
    "seal",
    [
        _seal(1, 1, "A" * 43, "d" * 43),  # what was sealed already
        _seal(3, 3, "e" * 43, "f" * 43),  # what does not stand there
        _seal(2, 3, "d" * 43, "f" * 43),  # the newest
        _seal(2, 2, "x" * 43, "e" * 43),
        _seal(2, 2, "d" * 43, "x" * 43),
        _seal(2, 1, "d" * 43, "e" * 43),
    ],
)
def test_seal_stands_for_the_oldest_records_and_never_the_newest(connection: Connection, seal):
    with connection.begin():
        _fill_history(connection)
        connection.execute(insert(t.audit_log), _audit_row(3, "f" * 43, "e" * 43))

    with connection.begin(), pytest.raises(SQLAlchemyError):
        connection.execute(insert(t.audit_segments), seal)


def test_only_records_with_a_seal_can_be_deleted(connection: Connection):
    with connection.begin():
        _fill_history(connection)
        connection.execute(insert(t.audit_log), _audit_row(3, "f" * 43, "e" * 43))
        connection.execute(insert(t.audit_segments), _seal(2, 2, "d" * 43, "e" * 43))

        for table in (t.audit_payload, t.audit_log):
            connection.execute(delete(table).where(table.c.seq == 2))
        with pytest.raises(SQLAlchemyError, match="append-only"):
            connection.execute(delete(t.audit_log).where(t.audit_log.c.seq == 3))
