"""The store as the core uses it: every port method, group commit, failures at every statement."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core import failpoints
from core.audit import ledger
from core.domain.access import Actor, Origin, TradingState
from core.domain.audit import AuditAction, AuditDraft, AuditHead, payload_of
from core.domain.execution import ExecType, ExecutionReport, Fill
from core.domain.money import Money, Price, Qty
from core.domain.order import Order, Pending
from core.domain.portfolio import Lot, LotClose, Position
from core.domain.records import AuditQuery, IdempotencyRecord, TradingStateRecord, Watchlist
from core.domain.terms import OrderTerms, OrdStatus, OrdType, Side, TimeInForce
from core.errors import AuditUnwritable, StorageError, StorageUnwritable
from core.ids import ClOrdId, ExecId, IdempotencyKey, OrderId, Symbol
from core.storage import vault
from core.storage.store import SqlStore, open_store

NOW = datetime(2026, 1, 5, 14, 30, 0, 123456, tzinfo=UTC)
DESK = Actor("demo", "trader", Origin.DESK, "s1")
AAPL = Symbol("AAPL")
TERMS = OrderTerms(
    AAPL, Side.BUY, OrdType.STOP_LIMIT, TimeInForce.GTC, Qty("100.5"), Price("189.43"), Price("188")
)
ORDER = Order(
    cl_ord_id=ClOrdId("IQ-1"),
    terms=TERMS,
    created_at=NOW,
    updated_at=NOW + timedelta(microseconds=1),
    orig_cl_ord_id=ClOrdId("IQ-0"),
    order_id=OrderId("B1"),
    cum_qty=Qty("0.000000001"),
    avg_px=Price("189.4299999999999999999999"),
    acked=True,
    pending=Pending.CANCEL,
    sent_at=NOW,
    text="<b>hostile</b>",
)
REPORT = ExecutionReport(
    exec_id=ExecId("E1"),
    exec_type=ExecType.TRADE,
    cl_ord_id=ORDER.cl_ord_id,
    order_id=OrderId("B1"),
    terms=TERMS,
    ord_status=OrdStatus.PARTIALLY_FILLED,
    cum_qty=Qty(10),
    leaves_qty=Qty("90.5"),
    avg_px=Price("189.40"),
    transact_time=NOW,
    last_qty=Qty(10),
    last_px=Price("189.40"),
    fee=Money("0.01"),
    orig_cl_ord_id=ClOrdId("IQ-0"),
    text="partial",
)
FILL = Fill(
    ExecId("E1"), ORDER.cl_ord_id, AAPL, Side.BUY, Qty(10), Price("189.40"), Money("0.01"), NOW, inferred=True
)
LOT = Lot(ExecId("E1"), AAPL, Side.BUY, Qty(10), Qty(4), Price("189.40"), Money("0.01"), NOW)
CLOSE = LotClose(
    ExecId("E1"), ExecId("E2"), AAPL, Side.BUY, Qty(6), Price("189.40"), Price(190), Money("3.6"), NOW
)
POSITION = Position(AAPL, Qty(4), Money("757.6"), Money("3.6"), Money("0.02"), (LOT,))
KEY = IdempotencyRecord(IdempotencyKey("k-1"), "f" * 64, ORDER.cl_ord_id, 1_000)
DAY_US = 24 * 3600 * 1_000_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    made = open_store(tmp_path / "a.db", vault.create(tmp_path, None), create=True)
    yield made
    failpoints.disarm_all()
    await made.close_async()


def draft(entity: str = "x", **more: str) -> AuditDraft:
    return AuditDraft(AuditAction.ORDER_PREPARED, DESK, entity, **more)


def everything(uow) -> None:
    uow.insert_order(ORDER, '{"qty":"1"}', '{"ok":true}')
    uow.insert_idempotency(KEY)
    uow.insert_execution(REPORT)
    uow.insert_fill(FILL)
    uow.insert_fill(replace(FILL, exec_id=ExecId("E2"), side=Side.SELL, last_qty=Qty(6)))
    uow.save_position(POSITION, (CLOSE,))
    uow.update_order(replace(ORDER, cum_qty=Qty(10), pending=None))
    uow.insert_trading_state(TradingStateRecord(TradingState.HALTED, "lunch", "demo", NOW))
    uow.save_setting("layout", '{"a":1}')
    uow.save_watchlist(Watchlist("Mine", (Symbol("MSFT"), AAPL), 2))
    uow.delete_watchlist("never was")
    ledger.append(uow, draft(payload=payload_of({"qty": "1"}), cl_ord_id="IQ-1"), NOW)


METHODS = (
    "insert_order", "insert_idempotency", "insert_execution", "insert_fill", "save_position", "update_order",
    "insert_trading_state", "save_setting", "save_watchlist", "delete_watchlist", "append_audit",
)  # fmt: skip


def emptiness(reader) -> tuple[object, ...]:
    return (
        reader.recent_orders(9), reader.idempotency(KEY.key),
        reader.fills(), reader.positions(), reader.lots(), reader.lot_closes(), reader.trading_state(),
        reader.settings(), reader.watchlists(), reader.audit_head().seq,
    )  # fmt: skip


EMPTY = ((), None, (), (), (), (), None, {}, (), 0)


async def test_values_come_back_as_they_were_stored(store):
    await store.write(everything)

    changed = replace(ORDER, cum_qty=Qty(10), pending=None)
    assert await store.read(lambda r: r.order(ORDER.cl_ord_id)) == changed
    assert await store.read(lambda r: r.open_orders()) == (changed,)
    assert await store.read(lambda r: r.recent_orders(5)) == (changed,)
    assert await store.read(lambda r: r.executions(ORDER.cl_ord_id)) == (REPORT,)
    assert (await store.read(lambda r: r.fills(AAPL)))[0] == FILL
    assert [f.exec_id for f in await store.read(lambda r: r.fills(limit=1))] == ["E2"]
    assert await store.read(lambda r: r.lots(AAPL)) == (LOT,)
    assert await store.read(lambda r: r.lot_closes(AAPL)) == (CLOSE,)
    assert await store.read(lambda r: r.positions()) == (POSITION,)
    assert await store.read(lambda r: r.idempotency(KEY.key)) == KEY
    assert await store.read(lambda r: r.verdict(ORDER.cl_ord_id)) == '{"ok":true}'
    assert await store.read(lambda r: r.trading_state()) == TradingStateRecord(
        TradingState.HALTED, "lunch", "demo", NOW
    )
    assert await store.read(lambda r: r.settings()) == {"layout": '{"a":1}'}
    assert await store.read(lambda r: r.watchlists()) == (Watchlist("Mine", (Symbol("MSFT"), AAPL), 2),)
    (record,) = await store.read(lambda r: r.audit_records(0, 10))
    assert record == ledger.seal(
        AuditHead(0, "A" * 43),
        draft(payload=payload_of({"qty": "1"}), cl_ord_id="IQ-1"),
        NOW,
    )


async def test_prices_read_back_are_of_their_own_kind(store):
    await store.write(everything)

    order = await store.read(lambda r: r.order(ORDER.cl_ord_id))

    assert type(order.terms.price) is Price
    assert type(order.cum_qty) is Qty
    assert order.avg_px == Decimal("189.4299999999999999999999")


@pytest.mark.parametrize("method", METHODS)
async def test_failure_at_any_statement_rolls_the_whole_back(store, method):
    def fail() -> None:
        raise StorageUnwritable("no room")

    failpoints.arm(f"uow.{method}", fail)
    with pytest.raises(StorageError):
        await store.write(everything)
    failpoints.disarm_all()

    assert await store.read(emptiness) == EMPTY
    await store.write(everything)
    assert (await store.read(emptiness))[-1] == 1


@pytest.mark.parametrize("together", [1, 3])
async def test_failure_at_the_commit_leaves_nothing(store, together):
    def fail() -> None:
        raise StorageUnwritable("no room")

    failpoints.arm("store.before_commit", fail)
    works = [store.write(lambda u, n=n: u.save_setting(f"k{n}", "1")) for n in range(together)]
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    failpoints.disarm_all()

    assert [type(outcome) for outcome in outcomes] == [StorageUnwritable] * together
    assert await store.read(emptiness) == EMPTY


async def test_same_report_twice_changes_nothing(store):
    await store.write(lambda u: u.insert_order(ORDER, "{}", "{}"))

    assert await store.write(lambda u: u.insert_execution(REPORT)) is True
    assert await store.write(lambda u: u.insert_execution(replace(REPORT, text="again"))) is False

    assert await store.read(lambda r: r.executions(ORDER.cl_ord_id)) == (REPORT,)


async def test_report_of_an_order_that_is_not_known_yet_is_kept(store):
    await store.write(lambda u: (u.insert_execution(REPORT), u.insert_order(ORDER, "{}", "{}")))

    assert await store.read(lambda r: r.executions(ORDER.cl_ord_id)) == (REPORT,)


async def test_fill_of_an_order_that_is_not_there_is_refused(store):
    with pytest.raises(StorageError, match="FOREIGN KEY"):
        await store.write(lambda u: u.insert_fill(FILL))


async def test_key_in_use_is_refused_until_it_expired_and_its_order_ended(store):
    other = replace(ORDER, cl_ord_id=ClOrdId("IQ-2"))
    late = replace(KEY, cl_ord_id=other.cl_ord_id, created_at_us=KEY.created_at_us + DAY_US)
    ended = replace(ORDER, ended=OrdStatus.CANCELED)
    await store.write(lambda u: (u.insert_order(ORDER, "{}", "{}"), u.insert_order(other, "{}", "{}")))
    await store.write(lambda u: u.insert_idempotency(KEY))

    with pytest.raises(StorageError, match="in use"):
        await store.write(lambda u: u.insert_idempotency(late))
    await store.write(lambda u: u.update_order(ended))
    with pytest.raises(StorageError, match="in use"):
        await store.write(lambda u: u.insert_idempotency(replace(late, created_at_us=late.created_at_us - 1)))
    await store.write(lambda u: u.insert_idempotency(late))

    assert await store.read(lambda r: r.idempotency(KEY.key)) == late


async def test_change_of_an_unknown_order_is_an_error(store):
    with pytest.raises(StorageError, match="not in the database"):
        await store.write(lambda u: u.update_order(ORDER))


async def test_ended_orders_are_not_open_and_newest_come_first(store):
    second = replace(ORDER, cl_ord_id=ClOrdId("IQ-2"), ended=OrdStatus.CANCELED)
    await store.write(lambda u: (u.insert_order(ORDER, "{}", "{}"), u.insert_order(second, "{}", "{}")))

    assert [o.cl_ord_id for o in await store.read(lambda r: r.open_orders())] == ["IQ-1"]
    assert [o.cl_ord_id for o in await store.read(lambda r: r.recent_orders(9))] == ["IQ-2", "IQ-1"]


async def test_lots_follow_the_position_whatever_moves(store):
    lots = tuple(replace(LOT, exec_id=ExecId(f"F{n}"), open_qty=Qty(n)) for n in range(1, 5))

    def saved(*kept: Lot):
        return store.write(lambda u: u.save_position(replace(POSITION, lots=kept), ()))

    await store.write(lambda u: u.insert_order(ORDER, "{}", "{}"))
    for lot in lots:
        await store.write(lambda u, lot=lot: u.insert_fill(replace(FILL, exec_id=lot.exec_id)))
    for kept in (lots[:2], (replace(lots[1], open_qty=Qty("0.5")), lots[2]), (lots[3], lots[1]), lots, ()):
        await saved(*kept)
        assert (await store.read(lambda r: r.positions()))[0].lots == kept


async def test_half_a_surrogate_pair_from_a_broker_is_stored_as_its_escape(store):
    await store.write(lambda u: u.insert_order(replace(ORDER, text="bad \ud800"), "{}", "{}"))
    await store.write(
        lambda u: ledger.append(u, draft("bad \ud800", payload=payload_of({"t": "\udfff"})), NOW)
    )

    assert (await store.read(lambda r: r.order(ORDER.cl_ord_id))).text == "bad \\ud800"
    assert (await store.read(lambda r: r.audit_records(0, 1)))[0].entity == "bad \\ud800"


async def test_identifier_that_no_database_takes_is_a_storage_error(store):
    with pytest.raises(StorageError):
        await store.write(lambda u: u.insert_order(replace(ORDER, cl_ord_id=ClOrdId("\ud800")), "{}", "{}"))


async def test_record_out_of_its_place_is_unwritable_and_takes_the_order_with_it(store):
    head = await store.read(lambda r: r.audit_head())
    sealed = ledger.seal(head, draft(), NOW)

    def forked(uow) -> None:
        uow.insert_order(ORDER, "{}", "{}")
        uow.append_audit(replace(sealed, seq=7))

    with pytest.raises(AuditUnwritable):
        await store.write(forked)
    assert await store.read(emptiness) == EMPTY

    await store.write(lambda u: u.append_audit(sealed))
    with pytest.raises(AuditUnwritable):
        await store.write(lambda u: u.append_audit(ledger.seal(head, draft("fork"), NOW)))


async def test_audit_page_filters_by_text_action_and_order_newest_first(store):
    def fill(uow) -> None:
        for n in range(5):
            ledger.append(uow, draft(f"AAPL buy {n}%", cl_ord_id=f"IQ-{n}"), NOW)
        ledger.append(uow, AuditDraft(AuditAction.STATE_CHANGED, DESK, "halt"), NOW)

    await store.write(fill)

    async def seqs(**how) -> list[int]:
        return [r.seq for r in await store.read(lambda r: r.audit_page(AuditQuery(**how)))]

    assert await seqs(limit=2) == [6, 5]
    assert await seqs(before_seq=3) == [2, 1]
    assert await seqs(text="aapl BUY 3%") == [4]
    assert await seqs(text="_") == [6]  # trading_state.changed: an underscore is a letter, not a joker
    assert await seqs(action="trading_state.changed") == [6]
    assert await seqs(cl_ord_id="IQ-2") == [3]


async def test_store_that_is_closed_says_so_and_closes_twice_as_once(store):
    await store.close_async()
    store.close()

    with pytest.raises(StorageError, match="closed"):
        await store.write(everything)
    with pytest.raises(StorageError, match="closed"):
        await store.read(emptiness)


async def test_reader_can_change_nothing(store):
    from core.storage import tables as t

    with pytest.raises(StorageError):
        await store.read(lambda r: r._connection.execute(t.settings.insert(), {"key": "a", "value": "1"}))


async def test_what_was_committed_is_there_after_a_restart(store):
    await store.write(everything)
    key = store._writer._key
    await store.close_async()

    again = open_store(store.path, key, create=False)

    assert (again.installation_id, again.created_at_us) == (store.installation_id, store.created_at_us)
    assert await again.read(lambda r: r.positions()) == (POSITION,)
    await again.close_async()
