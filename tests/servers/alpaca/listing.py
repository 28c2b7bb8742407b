"""Lists as the trading API gives them: filters, bounds that exclude themselves, and pages."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from tests.servers.alpaca import sessions
from tests.servers.alpaca.book import Book, Order
from tests.servers.alpaca.clock import SECOND, moment, parse_time
from tests.servers.alpaca.refusals import invalid
from tests.servers.alpaca.sessions import NEW_YORK
from tests.servers.alpaca.wire import fill_activity, order_json

if TYPE_CHECKING:
    from tests.servers.alpaca.exchange import Exchange

Query = Mapping[str, str]
Json = dict[str, Any]
MOST_ORDERS = 500
USUAL_ORDERS = 50
MOST_ACTIVITIES = 100


def moment_of(query: Query, name: str) -> int | None:
    if not query.get(name):
        return None
    try:
        return parse_time(query[name])
    except ValueError:
        raise invalid(f"{name} is not a time: {query[name]!r}") from None


def count_of(query: Query, name: str, usual: int, most: int) -> int:
    raw = query.get(name) or str(usual)
    if not raw.isdigit() or not 1 <= int(raw) <= most:
        raise invalid(f"{name} must be from 1 to {most}")
    return int(raw)


def is_wanted(order: Order, query: Query) -> bool:
    status = query.get("status") or "open"
    symbols = [symbol for symbol in query.get("symbols", "").split(",") if symbol]
    return (
        (status == "all" or order.is_open is (status == "open"))
        and (not symbols or order.symbol in symbols)
        and query.get("side", order.side) == order.side
    )


def orders(book: Book, query: Query) -> list[Json]:
    """`GET /v2/orders`."""
    limit = count_of(query, "limit", USUAL_ORDERS, MOST_ORDERS)
    nested = query.get("nested", "").lower() == "true"
    after, until = moment_of(query, "after"), moment_of(query, "until")
    found = [order for order in book.orders.values() if is_wanted(order, query)]
    found = [
        o
        for o in found
        if (after is None or o.submitted_ns > after) and (until is None or o.submitted_ns < until)
    ]
    if nested:
        shown = {order.id for order in found}
        found = [order for order in found if order.parent is None or order.parent not in shown]
    found.sort(key=lambda order: order.submitted_ns, reverse=query.get("direction", "desc") == "desc")
    ids = [order.id for order in found]
    for cursor in ("before_order_id", "after_order_id"):
        if query.get(cursor) in ids:
            found = found[ids.index(query[cursor]) + 1 :]
    return [order_json(order, book, nested=nested) for order in found[:limit]]


def activities(ex: "Exchange", query: Query, kind: str | None) -> list[Json]:
    """`GET /v2/account/activities`: busted executions are gone, corrected ones show their new price."""
    size = count_of(query, "page_size", MOST_ACTIVITIES, MOST_ACTIVITIES)
    kinds = [kind] if kind else [k for k in query.get("activity_types", "").split(",") if k]
    category = query.get("category")
    if kinds and category:
        raise invalid("activity_types and category are exclusive")
    if category:
        trades = category == "trade_activity"
        kinds = ["FILL"] if trades else sorted({row["activity_type"] for row in ex.activities}) or ["-"]
    rows = [*ex.activities, *(fill_activity(e) for e in ex.book.executions.values() if not e.busted)]
    rows = [row for row in rows if (not kinds or row["activity_type"] in kinds) and is_between(row, query)]
    if query.get("order_id"):
        rows = [row for row in rows if row.get("order_id") == query["order_id"]]
    rows.sort(key=lambda row: row["id"], reverse=query.get("direction", "desc") == "desc")
    ids = [row["id"] for row in rows]
    token = query.get("page_token")
    if token:
        rows = rows[ids.index(token) + 1 :] if token in ids else []
    return rows[:size]


def is_between(row: Json, query: Query) -> bool:
    at = parse_time(row.get("transaction_time") or row["date"])
    after, until = moment_of(query, "after"), moment_of(query, "until")
    on_day = "date" not in query or str(sessions.new_york_day(at)) == query["date"]
    return on_day and (after is None or at > after) and (until is None or at < until)


def portfolio_history(ex: "Exchange", query: Query) -> Json:
    """`GET /v2/account/portfolio/history`: the equity of before up to yesterday, and that of now."""
    if sum(name in query for name in ("start", "end", "period")) > 2:
        raise invalid("at most two of start, end and period")
    now, equity = ex.clock.now_ns(), float(ex.account.equity(ex.market))
    base = float(ex.account.last_equity)
    today = sessions.new_york_day(now)
    days = sessions.trading_days(today - timedelta(days=30), today)
    values = [base] * (len(days) - 1) + [equity]
    return {
        "timestamp": [sessions.opens(day) // SECOND for day in days],
        "equity": values,
        "profit_loss": [value - base for value in values],
        "profit_loss_pct": [(value - base) / base for value in values],
        "base_value": base,
        "base_value_asof": str(days[0]),
        "timeframe": query.get("timeframe", "1D"),
    }


def clock(ex: "Exchange") -> Json:
    """`GET /v2/clock`, in New York time."""
    now = ex.clock.now_ns()
    day = sessions.trading_day(now, extended=False)
    next_open = day if now < sessions.opens(day) else sessions.next_trading_day(day)
    times = {"next_open": sessions.opens(next_open), "next_close": sessions.closes(day)}
    local = moment(now).astimezone(NEW_YORK)
    fraction = f"{local:%Y-%m-%dT%H:%M:%S}.{now % SECOND:09d}{local:%z}"
    shown = {name: moment(ns).astimezone(NEW_YORK).isoformat() for name, ns in times.items()}
    return {"timestamp": f"{fraction[:-2]}:{fraction[-2:]}", "is_open": ex.session() == "regular", **shown}


def calendar(query: Query) -> list[Json]:
    """`GET /v2/calendar`."""
    start = date.fromisoformat(query.get("start", "2026-01-01")[:10])
    end = date.fromisoformat(query.get("end", "2027-12-31")[:10])
    return [calendar_row(day) for day in sessions.trading_days(start, end)]


def calendar_row(day: date) -> Json:
    last = moment(sessions.ends(day)).astimezone(NEW_YORK)
    return {
        "date": str(day),
        "open": f"{sessions.OPEN:%H:%M}",
        "close": f"{sessions.close_time(day):%H:%M}",
        "session_open": "0400",
        "session_close": f"{last:%H%M}",
        "settlement_date": str(sessions.next_trading_day(day)),
    }
