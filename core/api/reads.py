"""Questions: health, account, positions, orders, fills, prices, the record."""

from decimal import Decimal

from core.api.bodies import refuse
from core.api.calls import Answer, Call
from core.api.facts import (
    Facts,
    fill_facts,
    mark_facts,
    moment,
    order_facts,
    quote_facts,
    record_facts,
    run_facts,
)
from core.domain.messages import (
    DifferenceKind,
    ExplainOrder,
    FollowAudit,
    LinkChanged,
    LinkState,
    LiveView,
    LoadAudit,
    LoadExternal,
    LoadFills,
    LoadLive,
    LoadSnapshot,
    Part,
    ScanMovers,
)
from core.domain.order import Order
from core.domain.records import AuditQuery
from core.errors import RefusalCode, Refused
from core.ids import ClOrdId, ExecId, Symbol
from core.orders.bodies import number

# Without these nothing can be traded, or not recorded; a vendor of prices that is out only degrades.
_VITAL = frozenset({Part.DATABASE, Part.AUDIT, Part.BROKER, Part.ORDERS})
_MOST_DIGITS = 18
_PERCENT = Decimal("0.0001")


async def health(call: Call) -> Answer:
    """Say how each part does; 503 where the whole is down, for monitors that look at nothing else."""
    view = await call.do(LoadLive())
    now = call.clock.now()

    def facts(link: LinkChanged) -> Facts:
        age_s = round((now - link.since).total_seconds(), 3)
        return {
            "state": link.state.value,
            "since": moment(link.since),
            "age_s": age_s,
            "text": link.text,
        }

    status = _status(view.links)
    parts = {link.part.value: facts(link) for link in view.links}
    return Answer({"status": status, "parts": parts}, 503 if status == "down" else 200)


def _status(links: tuple[LinkChanged, ...]) -> str:
    if any(link.part in _VITAL and link.state is LinkState.DOWN for link in links):
        return "down"
    return "ok" if all(link.state is LinkState.UP for link in links) else "degraded"


async def account(call: Call) -> Answer:
    """Answer with the account, valued now."""
    view = await call.do(LoadLive())
    mark, known = view.account, view.account.account
    session = view.session
    return Answer(
        {
            "profile": view.profile.name,
            "mode": view.profile.mode.value,
            "broker": view.profile.broker,
            "trading_state": view.trading_state.state.value,
            "session": None if session is None else session.phase.value,
            "market_time": None if session is None else moment(session.now),
            "cash": number(view.cash),
            "equity": number(mark.equity),
            "start_equity": None if known is None else number(known.start_equity),
            "buying_power": number(mark.buying_power),
            "day_pnl": number(mark.day_pnl),
            "day_pnl_pct": None if mark.day_pnl_pct is None else f"{mark.day_pnl_pct:.4f}",
            "blocked": "" if known is None else known.blocked,
            "age_s": None if view.account_age_s is None else round(view.account_age_s, 3),
        }
    )


async def positions(call: Call) -> Answer:
    """List what is held, and what the broker holds of which our book knows nothing yet."""
    view = await call.do(LoadLive())
    foreign = await call.do(LoadExternal())
    unexplained = _unexplained(view)
    held = [mark for mark in view.marks if mark.qty]
    known = [mark_facts(each, external=each.symbol in foreign | unexplained.keys()) for each in held]
    ours = {str(mark.symbol) for mark in held}
    others = [_foreign(symbol, qty) for symbol, qty in unexplained.items() if symbol not in ours]
    return Answer({"positions": known + others})


def _unexplained(view: LiveView) -> dict[str, str]:
    run = view.reconciliation
    return {
        each.subject: each.broker
        for each in (() if run is None else run.differences)
        if each.kind is DifferenceKind.POSITION and not each.repaired
    }


def _foreign(symbol: str, qty: str) -> Facts:
    unknown = dict[str, object].fromkeys(("avg_px", "last_px", "value", "day_pnl", "total_pnl"))
    covered = number(Decimal(0))
    return {"symbol": symbol, "qty": qty, **unknown, "stop_coverage": covered, "external": True}


async def orders(call: Call) -> Answer:
    """List open and recent orders, newest first; with `state=open` those only that may still fill."""
    state = call.query("state")
    if state not in (None, "open"):
        refuse("state: expected open, or nothing for open and recent orders", "state")
    view = await call.do(LoadLive())
    shown = [each for each in view.orders if state is None or each.is_open]
    return Answer({"orders": [order_facts(each) for each in shown]})


async def one_order(call: Call) -> Answer:
    """Answer with one order."""
    return Answer(order_facts(await find_order(call, ClOrdId(call.place("cl_ord_id")))))


async def find_order(call: Call, cl_ord_id: ClOrdId) -> Order:
    """Look an order up, in memory first: what could not be written yet is there only.

    Raises:
        Refused: `UNKNOWN_ORDER`.
    """
    view = await call.do(LoadLive())
    found = next((each for each in view.orders if each.cl_ord_id == cl_ord_id), None)
    return found or (await call.do(ExplainOrder(cl_ord_id))).order


async def fills(call: Call) -> Answer:
    """List fills, oldest first, at most 500; `after` is the last one that is known already."""
    after = call.query("after")
    page = await call.do(LoadFills(None if after is None else ExecId(after)))
    return Answer({"fills": [fill_facts(each) for each in page.fills], "has_more": page.has_more})


async def watchlist(call: Call) -> Answer:
    """List the watchlists with the quotes of their symbols."""
    snapshot = await call.do(LoadSnapshot())
    now = call.clock.monotonic()
    quotes = {quote.symbol: quote for quote in snapshot.quotes}
    return Answer(
        {
            "watchlists": [
                {
                    "name": each.name,
                    "quotes": [quote_facts(symbol, quotes.get(symbol), now) for symbol in each.symbols],
                }
                for each in snapshot.watchlists
            ]
        }
    )


async def quote(call: Call) -> Answer:
    """Answer with the last quote of a symbol and its age."""
    symbol = Symbol(call.place("symbol").upper())
    view = await call.do(LoadLive())
    if all(each.symbol != symbol for each in view.instruments):
        raise Refused(RefusalCode.UNKNOWN_SYMBOL, f"{symbol} is not known here.")
    found = next((each for each in view.quotes if each.symbol == symbol), None)
    return Answer(quote_facts(symbol, found, call.clock.monotonic()))


async def movers(call: Call) -> Answer:
    """Answer with what moved most today among the large caps, and what could not be ranked."""
    scan = await call.do(ScanMovers())
    rows: list[Facts] = [
        {
            "symbol": row.symbol,
            "last_px": number(row.last),
            "change_pct": number(row.change_pct.quantize(_PERCENT)),
            "rel_volume": None if row.rel_volume is None else number(row.rel_volume.quantize(_PERCENT)),
            "volume": number(row.volume),
            "as_of": moment(row.as_of),
        }
        for row in scan.rows
    ]
    excluded = [{"symbol": symbol, "reason": reason} for symbol, reason in scan.excluded]
    return Answer({"movers": rows, "excluded": excluded, "as_of": moment(scan.as_of)})


async def reconciliation(call: Call) -> Answer:
    """Answer with the last comparison with the broker; null before the first."""
    run = (await call.do(LoadLive())).reconciliation
    return Answer({"reconciliation": None if run is None else run_facts(run)})


async def audit_head(call: Call) -> Answer:
    """Answer with where the record stands."""
    page = await call.do(LoadAudit(AuditQuery(limit=1)))
    newest = page.records[0]
    return Answer({"seq": newest.seq, "digest": newest.digest, "ts_utc_us": newest.ts_utc_us})


async def audit(call: Call) -> Answer:
    """List records of the audit log, oldest first, at most 500; `after` is the last number known."""
    after = call.query("after") or "0"
    if not (after.isascii() and after.isdecimal()) or len(after) > _MOST_DIGITS:
        refuse("after: expected the number of a record", "after")
    page = await call.do(FollowAudit(int(after)))
    return Answer({"records": [record_facts(each) for each in page.records], "has_more": page.has_more})
