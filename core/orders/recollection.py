"""What a start reads of the fills: those of the last days, and those of the orders that are in use.

However many fills there are, the others are read only when somebody asks for them.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from core.domain.execution import ExecutionReport, Fill
from core.domain.order import Order
from core.ids import ClOrdId
from core.orders.tally import Tally
from core.orders.valuation import Valuation
from core.portfolio.day import day_begins, market_date
from core.ports.storage import Reader, Store
from core.state.traded import Traded

# A fill may be told after the next day has begun.
_DAYS = timedelta(days=4)

Stored = tuple[tuple[Fill, ...], dict[ClOrdId, Decimal]]


async def recall(store: Store, tally: Tally, valuation: Valuation, traded: Traded) -> None:
    """Restore what is kept in memory of the fills.

    Raises:
        StorageError: they cannot be read.
    """
    wanted = tally.wanted()

    def query(reader: Reader) -> tuple[tuple[Fill, ...], Stored]:
        return _newest(reader), _stored_of(reader, (*wanted, *sorted(reader.inferred_orders())))

    newest, (fills, archived) = await store.read(query)
    valuation.restore(newest)
    tally.restore(fills, archived)
    for fill in newest:
        traded.note(fill)


async def remember(store: Store, tally: Tally, report: ExecutionReport) -> Order | None:
    """Return an order that is not in memory, with what is booked of it and of those before it in its chain.

    Raises:
        StorageError: it cannot be read.
    """

    def query(reader: Reader) -> tuple[Order | None, dict[ClOrdId, ClOrdId], Stored]:
        order = reader.order(report.cl_ord_id)
        chain, old = {}, report.orig_cl_ord_id if order is None else order.orig_cl_ord_id
        new = report.cl_ord_id
        while old is not None and new not in chain:
            chain[new] = old
            before = reader.order(old)
            new, old = old, None if before is None else before.orig_cl_ord_id
        return order, chain, _stored_of(reader, (report.cl_ord_id, *chain.values()))

    order, chain, stored = await store.read(query)
    tally.link(chain)
    tally.learn(*stored)
    return order


def _stored_of(reader: Reader, cl_ord_ids: Iterable[ClOrdId]) -> Stored:
    asked = tuple(dict.fromkeys(cl_ord_ids))
    fills = tuple(fill for each in asked for fill in reader.order_fills(each))
    return fills, reader.archived_shares(asked)


def _newest(reader: Reader) -> tuple[Fill, ...]:
    last: datetime | None = reader.last_fill_at()
    return () if last is None else reader.fills_since(day_begins(market_date(last)) - _DAYS)
