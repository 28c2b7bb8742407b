"""The broker, as the order path sees it. FIX words only."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from core.domain.execution import ExecutionReport, UnreadableOrder
from core.domain.outcomes import CashFlow
from core.domain.portfolio import Account, BrokerPosition, ShareMove
from core.domain.terms import NewOrderList, NewOrderSingle, OrderCancelReplaceRequest, OrderCancelRequest
from core.ids import ClOrdId


class Broker(Protocol):
    """A place where orders are sent. Called from the core loop only.

    What a raise proves, for every call: `BrokerRejected`, the request was not accepted;
    `BrokerUnavailable`, nothing was sent; `OutcomeUnknown`, nobody knows. A query that
    fails raises; it never answers empty.
    """

    async def connect(self) -> None:
        """Open the connection, in one try; afterwards `reports` delivers what happens from now on.

        Called again, it ends the connection before, with what nobody has read of it.

        Raises:
            BrokerUnavailable: there is no connection.
        """
        ...

    async def close(self) -> None:
        """Close the connection; an iterator of `reports` ends. Working orders stay as they are."""
        ...

    async def submit(self, order: NewOrderSingle | NewOrderList) -> ExecutionReport:
        """Send an order, once, and return the broker's acknowledgement.

        The acknowledgement may come on `reports` too, before or after; both carry the same `exec_id`.
        Of a list, the first order is acknowledged; its legs are reported with its id as `list_id`.

        Raises:
            BrokerRejected: proves that the broker has no such order.
            BrokerUnavailable: proves that it was not sent.
            OutcomeUnknown: the broker may have it; so says a duplicate `cl_ord_id`, which proves an
                earlier one.
        """
        ...

    async def cancel(self, request: OrderCancelRequest) -> None:
        """Ask for an order's end. Returning proves that the request arrived, not that the order ended.

        Raises:
            BrokerRejected: there is nothing to cancel (filled, canceled, never seen).
        """
        ...

    async def cancel_all(self) -> bool:
        """Ask for the end of every order of the account in one request, those of other programs included.

        Only the kill switch calls it, where no order of another program is open. As with `cancel`, the
        orders' own reports tell how each ended.

        Returns:
            False, and nothing was sent, where this broker has no such request.
        """
        ...

    async def replace(self, request: OrderCancelReplaceRequest) -> None:
        """Ask for a replacement. Returning proves that the request arrived; reports tell the rest."""
        ...

    async def order(self, cl_ord_id: ClOrdId) -> ExecutionReport | None:
        """Look one order up: an `ORDER_STATUS` report, or None where the broker knows no such id.

        None proves absence only for now; a request may still be on its way.
        """
        ...

    async def open_orders(self) -> tuple[ExecutionReport, ...]:
        """List every order that works at the broker, those of other programs included.

        What cannot be read of the list is in `unreadable`, and the rest of it holds.
        """
        ...

    @property
    def unreadable(self) -> tuple[UnreadableOrder, ...]:
        """The orders that the newest `open_orders` could only name; nothing may open in their symbols."""
        ...

    async def positions(self) -> tuple[BrokerPosition, ...]:
        """List every position that is not flat."""
        ...

    async def account(self) -> Account:
        """Return cash, equity and buying power as they are now."""
        ...

    async def activities(self, since: datetime) -> tuple[ExecutionReport, ...]:
        """List every report at or after a market time, UTC, oldest first, with its original `exec_id`."""
        ...

    async def cash_flows(self, since: datetime) -> tuple[CashFlow, ...]:
        """List the money that moved without a trade at or after a market time, UTC, oldest first.

        A broker may tell of it with its date only, and late; each keeps its `activity_id` for ever.
        """
        ...

    async def share_moves(self, since: datetime) -> tuple[ShareMove, ...]:
        """List the shares that came or went without a trade at or after a market time, UTC, oldest first.

        As `cash_flows`, it may be told late; what it does not tell of is found by the position that differs.
        """
        ...

    def reports(self) -> AsyncIterator[ExecutionReport]:
        """Deliver reports as they happen.

        Reports may come twice, late or out of order. The iterator raises `BrokerUnavailable`
        when the stream is lost; what happened meanwhile is found by `activities`.
        """
        ...
