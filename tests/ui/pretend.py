"""A core that answers at once from a book, and a snapshot to begin with."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from core.domain.access import Mode, TradingState
from core.domain.audit import AuditHead, AuditRecord, AuditReport
from core.domain.execution import Fill
from core.domain.figures import Performance, PortfolioFigures, PortfolioReport
from core.domain.instrument import Instrument
from core.domain.market import MarketSession, Quote, SessionPhase
from core.domain.messages import (
    AccountMark,
    AuditPage,
    Command,
    LinkChanged,
    LinkState,
    LoadAlarms,
    LoadAudit,
    LoadBars,
    LoadBreakers,
    LoadPortfolio,
    LoadProposals,
    LoadRadar,
    LoadRisk,
    LoadSnapshot,
    Part,
    PositionMark,
    Preview,
    PreviewOrder,
    ProfileFacts,
    RemoveWatchlist,
    SaveWatchlist,
    Snapshot,
    VerifyAudit,
)
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.portfolio import Account, Lot, Position
from core.domain.records import TradingStateRecord, Watchlist
from core.domain.risk import Verdict
from core.domain.terms import OrderTerms, OrdType, Side, TimeInForce
from core.ids import ClOrdId, ExecId, Symbol
from tests.ui import pretend_risk

NOW = datetime(2026, 11, 20, 19, 32, 7, tzinfo=UTC)
AAPL, XOM, ORCL = Symbol("AAPL"), Symbol("XOM"), Symbol("ORCL")
C = TypeVar("C", bound=Command[Any])
Answer = object | Exception | Callable[[Any], object]


class PretendCore:
    """Takes commands as the bridge sends them; what is not in the book is answered with None."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.sent: list[Command[Any]] = []
        self.lists: dict[str, Watchlist] = {"Main": Watchlist("Main", (AAPL, XOM, ORCL))}
        self.answers: dict[type[Command[Any]], Answer] = {
            LoadSnapshot: snapshot,
            LoadBars: (),
            PreviewOrder: lambda command: Preview(command.draft, Verdict(()), None),
            LoadAudit: AuditPage((), has_more=False),
            VerifyAudit: AuditReport(3, AuditHead(3, "d"), (), ("side file",)),
            LoadPortfolio: PortfolioReport(PortfolioFigures(()), (), Performance(), None),
            LoadBreakers: pretend_risk.board(),
            LoadRadar: pretend_risk.radar(),
            LoadProposals: (),
            LoadAlarms: (),
            LoadRisk: pretend_risk.risk_view(),
            SaveWatchlist: self._save,
            RemoveWatchlist: self._remove,
        }

    def send(self, command: Command[Any]) -> "Future[Any]":
        self.sent.append(command)
        future: Future[Any] = Future()
        answer = self.answers.get(type(command))
        try:
            result = answer(command) if callable(answer) else answer
        except Exception as error:
            result = error
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
        return future

    def all_of(self, kind: type[C]) -> list[C]:
        return [command for command in self.sent if isinstance(command, kind)]

    def _save(self, command: SaveWatchlist) -> tuple[Watchlist, ...]:
        self.lists[command.watchlist.name] = command.watchlist
        return tuple(self.lists.values())

    def _remove(self, command: RemoveWatchlist) -> tuple[Watchlist, ...]:
        self.lists.pop(command.name, None)
        return tuple(self.lists.values())


def quote(symbol: str, last: str, prev: str, *, age_s: float = 0.0, halted: bool = False) -> Quote:
    price = Price(last)
    return Quote(
        Symbol(symbol),
        price,
        price,
        Qty(300),
        Qty(500),
        price,
        Price(prev),
        Qty(10),
        halted,
        NOW,
        1000.0 - age_s,
    )


def position(symbol: str, qty: str, price: str) -> Position:
    lot = Lot(
        ExecId(f"e-{symbol}"), Symbol(symbol), Side.BUY, Qty(qty), Qty(qty), Price(price), Money(0), NOW
    )
    return Position(
        Symbol(symbol), Qty(qty), Money(Decimal(qty) * Decimal(price)), Money(0), Money(0), (lot,)
    )


def mark(symbol: str, qty: str, pnl: str, *, cover: str = "0") -> PositionMark:
    value = Decimal(qty) * 100
    return PositionMark(
        symbol=Symbol(symbol),
        qty=Decimal(qty),
        avg_px=Decimal(99),
        last=Decimal(100),
        day_pnl=Decimal(pnl),
        total_pnl=Decimal(pnl),
        unrealised=Decimal(pnl),
        value=value,
        weight_pct=value / 1000,
        stop_cover=Decimal(cover),
        opened_at=NOW - timedelta(days=3),
        received=1000.0,
    )


def order(cl_ord_id: str, symbol: str = "AAPL", *, price: str | None = "187.80", **facts: Any) -> Order:
    terms = OrderTerms(
        Symbol(symbol),
        Side.BUY,
        OrdType.MARKET if price is None else OrdType.LIMIT,
        TimeInForce.DAY,
        Qty(40),
        None if price is None else Price(price),
    )
    made = Order(ClOrdId(cl_ord_id), terms, NOW, NOW)
    return replace(made, **facts)


def fill(exec_id: str, symbol: str = "AAPL", qty: str = "10") -> Fill:
    return Fill(
        ExecId(exec_id), ClOrdId("IQ-1"), Symbol(symbol), Side.BUY, Qty(qty), Price("99"), Money("0.01"), NOW
    )


def record(seq: int, action: str = "order.sent", payload: str = "{}", actor: str = "demo") -> AuditRecord:
    micros = int(NOW.timestamp() * 1_000_000) + seq
    return AuditRecord(
        seq, micros, actor, "trader", "s", action, "AAPL buy 20", "", "IQ-1", "h", "p", "d", payload
    )


def instrument(symbol: str, sector: str | None) -> Instrument:
    return Instrument(Symbol(symbol), f"{symbol.title()} Corporation", "Nasdaq", sector)


def snapshot(
    orders: Iterable[Order] = (),
    *,
    mode: Mode = Mode.SIM,
    state: TradingState = TradingState.ACTIVE,
    settings: dict[str, str] | None = None,
) -> Snapshot:
    account = Account("A-1", Money(50_000), Money(40_000), Money(100_135), Money(100_000))
    return Snapshot(
        profile=ProfileFacts("demo", mode, "simulator", "demo", "admin", True, "Practice account"),
        instruments=(
            instrument("AAPL", "Technology"),
            instrument("ORCL", "Technology"),
            instrument("XOM", "Energy"),
            instrument("IBM", None),
        ),
        watchlists=(Watchlist("Main", (AAPL, XOM, ORCL)),),
        settings=settings or {},
        orders=tuple(orders),
        fills=(fill("f-1"),),
        positions=(position("XOM", "90", "119.02"),),
        quotes=(
            quote("AAPL", "189.42", "188.83"),
            quote("XOM", "117.96", "119.20", age_s=41.0),
            quote("ORCL", "121.88", "121.88", halted=True),
        ),
        marks=(mark("XOM", "90", "-95.40"),),
        account=AccountMark(
            account, Decimal(100_135), Decimal("135.25"), Decimal("0.135"), Decimal(40_000), ()
        ),
        trading_state=TradingStateRecord(state, "", "demo", NOW),
        session=MarketSession(
            NOW, SessionPhase.REGULAR, NOW - timedelta(hours=5), NOW + timedelta(minutes=87)
        ),
        links={part: LinkChanged(part, LinkState.UP, NOW) for part in Part},
        audit=(record(3), record(2), record(1, "genesis")),
        confirm_always=False,
    )
