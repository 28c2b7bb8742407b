"""A database with fills, closed lots and the orders they are of, and what archives them."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from core.audit import ledger
from core.audit.journal import AuditJournal
from core.audit.verify import Verifier
from core.bus import Bus
from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.execution import Fill
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.portfolio import Position
from core.domain.terms import OrdStatus, Side
from core.ids import ClOrdId, ExecId, Symbol
from core.portfolio.archive_check import FillCheck, FillsReport
from core.portfolio.archiving import FillArchiver
from core.portfolio.carried import archived_of
from core.portfolio.lots import apply_fill
from core.portfolio.provenance import proof, readds
from core.storage import engine
from core.storage import tables as t
from core.storage.fill_files import fill_files_of
from core.storage.segments import archives_of
from core.storage.store import SqlStore, open_store
from core.storage.vault import Key
from tests import builders
from tests.fakes.rig import template

DESK = Actor("desk", "admin", Origin.DESK, "s1")
OLD = datetime(2024, 3, 5, 15, 0, tzinfo=UTC)
BEFORE = datetime(2025, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)


class FillHistory:
    """Books fills as the desk does: fill, position, lots and closed pieces in one transaction."""

    def __init__(self, store: SqlStore, key: Key) -> None:
        self.store, self.key, self.folder = store, key, store.path.parent
        self.files = fill_files_of(store.path)
        self.journal = AuditJournal(store, ManualClock(NOW), Bus(), self.folder / "emergency")
        self.archiver = FillArchiver(store, self.journal, self.files)
        self.positions: dict[Symbol, Position] = {}
        self.orders: dict[ClOrdId, Order] = {}

    @classmethod
    def begin(cls, folder: Path) -> "FillHistory":
        """Make a database in a folder."""
        content, key = template()
        (folder / "a.db").write_bytes(content)
        return cls(open_store(folder / "a.db", key, create=False), key)

    async def book(self, *fills: Fill, **facts: Any) -> None:
        """Book fills, and their orders as ended and explained by them."""

        def work(uow: Any) -> None:
            if uow.audit_head().seq == 0:
                ledger.append(uow, ledger.genesis(self.store.installation_id, 1, DESK), OLD)
            for fill in fills:
                self._count(uow, fill, side_of(fill, fills), facts)
                position, closes = apply_fill(self.positions.get(fill.symbol), fill)
                self.positions[fill.symbol] = position
                uow.insert_fill(fill)
                uow.save_position(position, closes)

        await self.store.write(work)

    def _count(self, uow: Any, fill: Fill, side: Side, facts: dict[str, Any]) -> None:
        known = self.orders.get(fill.cl_ord_id)
        if known is None:
            terms = builders.terms(side, qty="1000000", price="1", symbol=fill.symbol)
            at = fill.transact_time
            made = Order(fill.cl_ord_id, terms, at, at, acked=True, ended=OrdStatus.CANCELED)
            known = replace(made, **facts)
            uow.insert_order(known, "{}", "{}")
        cum = known.cum_qty + fill.signed_qty * known.side.sign
        newer = max(known.updated_at, fill.transact_time)
        order = replace(known, cum_qty=Qty(cum), avg_px=fill.last_px if cum else None, updated_at=newer)
        self.orders[fill.cl_ord_id] = order
        uow.update_order(order)

    async def run(self, before: datetime = BEFORE) -> int:
        """Archive what is due; return how many fills that were."""
        return sum(each.fills for each in await self.archiver.run(before, NOW, DESK))

    async def check(self) -> FillsReport:
        """Check what was archived."""
        report = await Verifier(self.store, None, archives_of(self.store.path)).verify()
        return await FillCheck(self.store, self.files).run(report)

    async def adds_up(self) -> bool:
        """Say whether every position is the sum of its fills and of what is carried forward."""

        def query(reader: Any) -> list[bool]:
            return [
                readds(
                    proof(
                        each,
                        reader.fills(each.symbol),
                        reader.lot_closes(each.symbol),
                        None,
                        archived_of(reader, each.symbol),
                    )
                )
                for each in reader.positions()
            ]

        return all(await self.store.read(query))

    async def names(self) -> list[str]:
        """Name the fills that stand in the database."""
        return [fill.exec_id for fill in await self.store.read(lambda reader: reader.fills())]

    def rows(self) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
        """Read the rows of fills and closed pieces, each as stored, those in archives included."""
        reading = engine.reading_engine(self.store.path, self.key)
        with reading.connect() as connection:
            fills, closes = (
                [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in (t.fills, t.lot_closes)
            )
        reading.dispose()
        return fills, closes

    def tamper(self, *statements: str) -> None:
        """Change the database as nobody may."""
        writer = engine.writing_engine(self.store.path, self.key)
        with writer.connect() as connection:
            connection.connection.driver_connection.execute("PRAGMA foreign_keys = OFF")
            triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            for name in connection.exec_driver_sql(triggers).scalars().all():
                connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()
        writer.dispose()


def fill(
    name: str,
    side: Side = Side.BUY,
    qty: object = 10,
    price: object = "10",
    at: datetime = OLD,
    **more: Any,
) -> Fill:
    """Make a fill; its order is of the same name if not said."""
    order, symbol = ClOrdId(more.pop("order", f"IQ-{name}")), Symbol(more.pop("symbol", "AAPL"))
    fee = Money(more.pop("fee", "0.01"))
    return Fill(ExecId(name), order, symbol, side, Qty(qty), Price(price), fee, at, **more)


def side_of(fill: Fill, fills: Iterable[Fill]) -> Side:
    """Say on which side the order of a fill is: that of all its entries together, as of a split."""
    total = sum(each.signed_qty for each in fills if each.cl_ord_id == fill.cl_ord_id)
    return fill.side if not total else Side.BUY if total > 0 else Side.SELL


def days(number: float) -> timedelta:
    """Say how long so many days are."""
    return timedelta(days=number)


def round_trip(name: str, at: datetime = OLD, **more: Any) -> Iterable[Fill]:
    """Make a lot that is opened and closed an hour later."""
    yield fill(f"{name}-in", Side.BUY, at=at, **more)
    yield fill(f"{name}-out", Side.SELL, price="11", at=at + timedelta(hours=1), **more)
