"""What is asked of the trading API: orders, fills, positions, the account and the market's clock.

Lists come in pages, and no page is taken for the whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core.adapters.alpaca import mapping
from core.adapters.alpaca.events import FillRow, read_fill_row
from core.adapters.alpaca.fields import FieldUnreadableError, Row, rows_of
from core.adapters.alpaca.flows import read_flow, read_move
from core.adapters.alpaca.lanes import Lane, Lanes
from core.adapters.alpaca.limiter import Priority
from core.adapters.alpaca.mapping import OrderView
from core.adapters.alpaca.request import Request
from core.adapters.alpaca.rest import Rest, is_not_found
from core.adapters.alpaca.words import Vocabulary
from core.adapters.calendar import MarketDay
from core.clock import Clock
from core.domain.execution import UnreadableOrder
from core.domain.instrument import Instrument
from core.domain.outcomes import CashFlow
from core.domain.portfolio import Account, BrokerPosition, ShareMove
from core.errors import BrokerRejected, BrokerUnavailable
from core.ids import ClOrdId, OrderId

ORDERS_A_PAGE = 500
FILLS_A_PAGE = 100
MOST_PAGES = 2_000
ASSETS_BYTES = 32 * 2**20
_TICK = timedelta(microseconds=1)
# Before this year there was no Alpaca: the whole history is meant.
_BEGINNING = datetime(2013, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MarketClock:
    """What Alpaca's clock shows.

    Attributes:
        now: Alpaca's time, UTC.
        is_open: whether regular trading is on.
        next_open: UTC.
        next_close: UTC.
        skew_s: Alpaca's time minus ours, in seconds; right to half of the time that the question took.
    """

    now: datetime
    is_open: bool
    next_open: datetime
    next_close: datetime
    skew_s: float


@dataclass(frozen=True, slots=True)
class Listing:
    """Orders of a list.

    Attributes:
        views: those that could be read.
        unreadable: those that could only be named.
    """

    views: tuple[OrderView, ...]
    unreadable: tuple[UnreadableOrder, ...] = ()


class Questions:
    """Asks, page by page. Used on the core loop."""

    def __init__(self, rest: Rest, lanes: Lanes, vocabulary: Vocabulary, clock: Clock) -> None:
        self._rest = rest
        self._lanes = lanes
        self._vocabulary = vocabulary
        self._clock = clock

    async def order(self, cl_ord_id: ClOrdId, priority: Priority = Priority.LOOKUP) -> OrderView | None:
        """Return an order by the client's id; None where Alpaca says that it has none such.

        Raises:
            BrokerUnavailable: there was no answer.
        """
        query = {"client_order_id": cl_ord_id}
        lane = self._lanes.cancel if priority is Priority.CANCEL else self._lanes.query
        return await self._one("/orders:by_client_order_id", query, priority, lane)

    async def order_by_id(self, order_id: OrderId) -> OrderView | None:
        """Return an order by Alpaca's id, with its legs; None where Alpaca says that it has none such."""
        return await self._one(f"/orders/{order_id}", {"nested": "true"}, Priority.LOOKUP, self._lanes.query)

    async def _one(
        self, path: str, query: Mapping[str, str], priority: Priority, lane: Lane
    ) -> OrderView | None:
        try:
            content = await self._rest.ask(lane, Request("GET", path, query), priority)
        except BrokerRejected as error:
            if is_not_found(error):
                return None
            raise BrokerUnavailable(f"Alpaca, GET {path}: {error.text}") from error
        row = Row("order", content)
        return None if mapping.is_multi_leg(row) else mapping.read_order(row, self._vocabulary)

    async def open_orders(self, *, nested: bool) -> Listing:
        """List what works: each leg by itself, or under its parent."""
        return await self._orders({"status": "open"}, None, nested=nested)

    async def parents(self, symbols: set[str]) -> Listing:
        """List the newest orders of some symbols, ended ones too, with their legs under them; one page."""
        query = {"status": "all", "symbols": ",".join(sorted(symbols)), "direction": "desc"}
        page = await self._page({**query, "nested": "true"})
        return self._read(page)

    async def orders_since(self, since: datetime) -> Listing:
        """List every order that was submitted at or after a time, with its legs under it."""
        return await self._orders({"status": "all"}, since, nested=True)

    async def _orders(self, query: dict[str, str], since: datetime | None, *, nested: bool) -> Listing:
        query = {**query, "nested": "true" if nested else "false", "direction": "asc"}
        after = None if since is None or since < _BEGINNING else since - _TICK
        found: dict[str, Row] = {}
        for _ in range(MOST_PAGES):
            bound = {} if after is None else {"after": after.isoformat()}
            page = await self._page({**query, **bound})
            fresh = {row.word("id"): row for row in page}
            is_new = not fresh.keys() <= found.keys()
            found |= fresh
            if len(page) < ORDERS_A_PAGE:
                return self._read(tuple(found.values()))
            if not is_new:
                break
            # The bound is exclusive and times are finer than ours, so the last ones are asked for again.
            after = page[-1].time("submitted_at", "created_at") - _TICK
        raise BrokerUnavailable("Alpaca, GET /orders: the pages do not come to an end")

    async def _page(self, query: Mapping[str, str]) -> tuple[Row, ...]:
        request = Request("GET", "/orders", {**query, "limit": str(ORDERS_A_PAGE)})
        return rows_of("order", await self._ask(request))

    def _read(self, rows: tuple[Row, ...]) -> Listing:
        views: list[OrderView] = []
        unreadable: list[UnreadableOrder] = []
        for row in rows:
            if mapping.is_multi_leg(row):
                self._vocabulary.unknown("order class", "mleg")
                continue
            try:
                views.append(mapping.read_order(row, self._vocabulary))
            except FieldUnreadableError as error:
                # One order that cannot be read makes nothing unknown but itself, as far as it has a name.
                unreadable.append(mapping.name_unreadable(row, error))
                self._vocabulary.unknown("order", str(error))
        return Listing(tuple(views), tuple(unreadable))

    async def fills(self, since: datetime | None, order_id: OrderId | None = None) -> tuple[FillRow, ...]:
        """List fills at or after a time, oldest first; those of one order where one is named."""
        query: dict[str, str] = {"activity_types": "FILL", "direction": "asc", "page_size": str(FILLS_A_PAGE)}
        if since is not None and since >= _BEGINNING:
            query["after"] = (since - _TICK).isoformat()
        if order_id is not None:
            query["order_id"] = order_id
        found: dict[str, FillRow] = {}
        for _ in range(MOST_PAGES):
            rows = rows_of("activity", await self._ask(Request("GET", "/account/activities", query)))
            page = [read_fill_row(row) for row in rows if row.word_or("activity_type") == "FILL"]
            found |= {row.row_id: row for row in page}
            if len(rows) < FILLS_A_PAGE:
                return tuple(row for row in found.values() if order_id in (None, row.order_id))
            if query.get("page_token") == rows[-1].word("id"):
                break
            query["page_token"] = rows[-1].word("id")
        raise BrokerUnavailable("Alpaca, GET /account/activities: the pages do not come to an end")

    async def cash_flows(self, since: datetime) -> tuple[CashFlow, ...]:
        """List the money that moved without a trade at or after a time, oldest first."""
        rows = await self._non_trades(since)
        return tuple(flow for row in rows if (flow := read_flow(row)) is not None)

    async def share_moves(self, since: datetime) -> tuple[ShareMove, ...]:
        """List the shares that moved without a trade at or after a time, oldest first."""
        rows = await self._non_trades(since)
        return tuple(move for row in rows if (move := read_move(row)) is not None)

    async def _non_trades(self, since: datetime) -> tuple[Row, ...]:
        query = {"category": "non_trade_activity", "direction": "asc", "page_size": str(FILLS_A_PAGE)}
        if since >= _BEGINNING:
            query["after"] = (since - _TICK).isoformat()
        found: dict[str, Row] = {}
        for _ in range(MOST_PAGES):
            rows = rows_of("activity", await self._ask(Request("GET", "/account/activities", query)))
            found |= {row.word("id"): row for row in rows}
            if len(rows) < FILLS_A_PAGE:
                return tuple(found.values())
            if query.get("page_token") == rows[-1].word("id"):
                break
            query["page_token"] = rows[-1].word("id")
        raise BrokerUnavailable("Alpaca, GET /account/activities: the pages do not come to an end")

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """List what is held."""
        rows = rows_of("position", await self._ask(Request("GET", "/positions")))
        return tuple(each for each in map(mapping.read_position, rows) if each.qty != 0)

    async def account(self) -> Account:
        """Return the account."""
        content = await self._ask(Request("GET", "/account"), Priority.RECONCILE)
        return mapping.read_account(Row("account", content))

    async def clock(self) -> MarketClock:
        """Read Alpaca's clock."""
        asked = self._clock.now()
        row = Row("clock", await self._ask(Request("GET", "/clock"), Priority.REFRESH))
        middle = asked + (self._clock.now() - asked) / 2
        now = row.time("timestamp")
        return MarketClock(
            now=now,
            is_open=row.flag("is_open"),
            next_open=row.time("next_open"),
            next_close=row.time("next_close"),
            skew_s=(now - middle).total_seconds(),
        )

    async def calendar(self, first: date, last: date) -> tuple[MarketDay, ...]:
        """List the market days from one date to another."""
        query = {"start": first.isoformat(), "end": last.isoformat()}
        content = await self._ask(Request("GET", "/calendar", query), Priority.REFRESH)
        return tuple(mapping.read_day(row) for row in rows_of("calendar day", content))

    async def instruments(self) -> tuple[Instrument, ...]:
        """List every share that Alpaca knows; some ten thousand."""
        query = {"status": "active", "asset_class": "us_equity"}
        request = Request("GET", "/assets", query, total_s=60.0, most_bytes=ASSETS_BYTES)
        rows = rows_of("asset", await self._ask(request, Priority.REFRESH))
        return tuple(each for each in map(mapping.read_instrument, rows) if each is not None)

    async def _ask(self, request: Request, priority: Priority = Priority.RECONCILE) -> Any:  # noqa: ANN401 - JSON
        try:
            return await self._rest.ask(self._lanes.query, request, priority)
        except BrokerRejected as error:
            # A refused question has no answer, and an empty one would be a lie.
            raise BrokerUnavailable(f"Alpaca, {request.name}: {error.text}") from error
