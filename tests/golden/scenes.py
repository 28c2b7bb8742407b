"""One moment of a trading day, made by hand: what the golden pictures show."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from core.domain.access import Mode
from core.domain.audit import AuditAnchor, AuditHead, AuditReport
from core.domain.confirmation import ConfirmationRequest
from core.domain.execution import Fill
from core.domain.instrument import Instrument
from core.domain.limits import Limits
from core.domain.market import Bar, Quote
from core.domain.messages import PositionMark, Preview, PreviewOrder, Snapshot
from core.domain.money import Money, Price, Qty
from core.domain.order import Order
from core.domain.records import Watchlist
from core.domain.terms import OrderTerms, OrdType, Side, TimeInForce
from core.ids import ClOrdId, ExecId, Symbol
from core.risk.engine import evaluate, refuse
from core.risk.parse import parse_draft
from tests.builders import terms
from tests.ui import pretend
from tests.ui.ticket_desk import AAPL_QUOTE, HELD, MARK

NOW = pretend.NOW
CLOCK_S = 1000.0
STOCKS = (  # symbol, name, sector, last, previous close, age of the quote in seconds, trading halted
    ("AAPL", "Apple Inc.", "Technology", "189.42", "188.83", "0.2", False),
    ("JPM", "JPMorgan Chase & Co.", "Financials", "202.11", "200.86", "0.9", False),
    ("XOM", "Exxon Mobil Corporation", "Energy", "117.96", "119.20", "0.6", False),
    ("NVDA", "NVIDIA Corporation", "Technology", "92.48", "90.79", "0.9", False),
    ("COST", "Costco Wholesale Corporation", "Staples", "793.55", "797.30", "0.6", False),
    ("MSFT", "Microsoft Corporation", "Technology", "420.21", "419.45", "1.8", False),
    ("AVGO", "Broadcom Inc.", "Technology", "141.05", "137.87", "0.3", False),
    ("ORCL", "Oracle Corporation", "Technology", "121.88", "122.15", "41.0", False),
    ("ADBE", "Adobe Inc.", "Technology", "483.43", "483.43", "0.3", False),
    ("INTC", "Intel Corporation", "Technology", "31.85", "34.22", "7.0", True),
    ("BAC", "Bank of America Corporation", "Financials", "39.20", "39.00", "0.3", False),
    ("TSLA", "Tesla, Inc.", "Consumer", "174.95", "178.78", "0.4", False),
)
HOLDINGS = (  # symbol, quantity, average price, profit of the day and in all, shares that a stop covers, days
    ("AAPL", "60", "186.67", "56.00", "165.00", "60", 1),
    ("XOM", "90", "119.02", "-120.50", "-95.40", "0", 3),
    ("JPM", "50", "199.18", "62.50", "146.50", "0", 12),
    ("COST", "12", "796.40", "-45.00", "-34.20", "0", 21),
    ("NVDA", "100", "91.02", "146.00", "146.00", "60", 0),
)


def quote(symbol: str, last: str, prev: str, age: str, *, halted: bool) -> Quote:
    made = pretend.quote(symbol, last, prev, age_s=float(age), halted=halted)
    return replace(
        made, bid=Price(Decimal(last) - Decimal("0.01")), ask=Price(Decimal(last) + Decimal("0.01"))
    )


def mark(symbol: str, qty: str, avg_px: str, day: str, total: str, cover: str, days: int) -> PositionMark:
    last = next(Decimal(stock[3]) for stock in STOCKS if stock[0] == symbol)
    made = pretend.mark(symbol, qty, day, cover=cover)
    value = Decimal(qty) * last
    return replace(
        made,
        avg_px=Decimal(avg_px),
        last=last,
        total_pnl=Decimal(total),
        unrealised=Decimal(total),
        value=value,
        weight_pct=value / 1000,
        opened_at=NOW - timedelta(days=days, hours=5),
    )


def order(cl_ord_id: str, symbol: str, side: Side, qty: int, *, price: str = "", stop: str = "") -> Order:
    types = {(True, False): OrdType.LIMIT, (False, True): OrdType.STOP, (True, True): OrdType.STOP_LIMIT}
    made = OrderTerms(
        Symbol(symbol),
        side,
        types[bool(price), bool(stop)],
        TimeInForce.DAY if side is Side.BUY else TimeInForce.GTC,
        Qty(qty),
        Price(price) if price else None,
        Price(stop) if stop else None,
    )
    at = NOW - timedelta(minutes=40)
    return replace(Order(ClOrdId(cl_ord_id), made, at, at), acked=True)


def fill(number: int, side: Side, qty: int, price: str, at: datetime) -> Fill:
    return Fill(
        ExecId(f"e-{number}"),
        ClOrdId(f"IQ-{number}"),
        Symbol("AAPL"),
        side,
        Qty(qty),
        Price(price),
        Money(0),
        at,
    )


OPENED = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
ORDERS = (
    replace(order("w-1", "AAPL", Side.BUY, 40, price="187.80"), cum_qty=Qty(20)),
    order("w-2", "AAPL", Side.SELL, 60, stop="184.90"),
    order("w-3", "NVDA", Side.SELL, 60, price="89.20", stop="89.40"),
)
FILLS = (
    fill(1, Side.BUY, 50, "186.10", OPENED + timedelta(minutes=25)),
    fill(2, Side.SELL, 10, "188.20", OPENED + timedelta(minutes=120)),
    fill(3, Side.BUY, 20, "187.80", OPENED + timedelta(minutes=200)),
)
RECORDS = (
    pretend.record(18_204, "order.sent"),
    pretend.record(18_203, "order.accepted", actor="desk"),
    pretend.record(18_202, "trading.halted"),
    pretend.record(18_201, "trading.resumed"),
)

_AT_US = round(NOW.timestamp()) * 1_000_000
REPORT = AuditReport(
    verified_to=18_204,
    head=AuditHead(18_204, "Zr4hVvUq7wXk2T9sLr0bQx3Yp8nCe5Gd1mHf6JtKaWi"),
    faults=(),
    anchors=("side file", "Secret Service", "cl_ord_id"),
    silent=("export folder: /mnt/share is not there",),
    sealed_to=9_120,
    absent=("archive 3.seg with records 6,001 to 9,120 is not at hand",),
    held=(
        AuditAnchor("side file", 412, 18_204, _AT_US),
        AuditAnchor("Secret Service", 1, 18_203, _AT_US - 4_000_000),
        AuditAnchor("cl_ord_id", 1_204, 18_203, 0),
    ),
)


def bars() -> tuple[Bar, ...]:
    """Sixty bars of five minutes up to now, from a generator that is whole numbers alone."""
    made, state, cents = [], 12_345, 18_640
    for at in range(60):
        moves = []
        for _ in range(4):
            state = (state * 1_103_515_245 + 12_345) % 2**31
            moves.append((state >> 16) % 61 - 27)
        opened, cents = cents, cents + moves[0]
        if at == 59:
            cents = 18_942
        high, low = max(opened, cents) + abs(moves[1]), min(opened, cents) - abs(moves[2])
        px = [Price(Decimal(value) / 100) for value in (opened, high, low, cents)]
        time = OPENED + timedelta(minutes=5 * at)
        made.append(Bar(Symbol("AAPL"), time, *px, Qty(300_000 + 4_000 * abs(moves[3]) * (1 + at % 3))))
    return tuple(made)


def snapshot(mode: Mode = Mode.SIM) -> Snapshot:
    base = pretend.snapshot(ORDERS, mode=mode)
    symbols = tuple(Symbol(stock[0]) for stock in STOCKS)
    account = {Mode.SIM: "Practice account", Mode.PAPER: "Paper 4821", Mode.LIVE: "Alpaca account 4821"}
    return replace(
        base,
        profile=replace(base.profile, account=account[mode]),
        instruments=tuple(
            Instrument(Symbol(symbol), name, "Nasdaq", sector) for symbol, name, sector, *_ in STOCKS
        ),
        watchlists=(Watchlist("Main", symbols),),
        fills=FILLS,
        positions=tuple(pretend.position(symbol, qty, px) for symbol, qty, px, *_ in HOLDINGS),
        quotes=tuple(
            quote(symbol, last, prev, age, halted=halted) for symbol, _, _, last, prev, age, halted in STOCKS
        ),
        marks=tuple(mark(*holding) for holding in HOLDINGS),
        account=MARK,
        audit=RECORDS,
    )


def judge(command: PreviewOrder) -> Preview:
    """Judge by the real rules."""
    made = parse_draft(command.draft)
    verdict = evaluate(made, Limits(), HELD) if isinstance(made, OrderTerms) else refuse(made)
    return Preview(command.draft, verdict, AAPL_QUOTE)


def request() -> ConfirmationRequest:
    """Ask for a yes to a live order."""
    wanted = terms(qty=20, price="189.43")
    verdict = evaluate(wanted, Limits(), HELD)
    fresh = replace(AAPL_QUOTE, received=CLOCK_S - 0.4)
    return ConfirmationRequest(
        "digest", Mode.LIVE, "Alpaca account 4821", wanted, verdict, fresh, 30.0, needs_typed_qty=False
    )
