"""Orders, replacements and cancels on their way to Alpaca: each is sent once."""

from collections.abc import Callable, Iterable
from typing import NamedTuple
from urllib.parse import quote

from core.adapters.alpaca import bodies, mapping
from core.adapters.alpaca.fields import FieldUnreadableError, Row, rows_of
from core.adapters.alpaca.lanes import Lanes
from core.adapters.alpaca.limiter import Priority
from core.adapters.alpaca.mapping import OrderView
from core.adapters.alpaca.memory import Memory
from core.adapters.alpaca.questions import Questions
from core.adapters.alpaca.request import Request
from core.adapters.alpaca.rest import DUPLICATE, ORDER_S, Rest
from core.adapters.alpaca.words import ENDINGS, Vocabulary
from core.domain.execution import ExecutionReport
from core.domain.terms import (
    NewOrderList,
    NewOrderSingle,
    OrderCancelReplaceRequest,
    OrderCancelRequest,
    OrdStatus,
)
from core.errors import BrokerRejected, BrokerUnavailable, OutcomeUnknown
from core.ids import ClOrdId, OrderId

_MOST_ACKNOWLEDGED = 20_000


class CancelRow(NamedTuple):
    """What a cancel of everything came to, for one order: whether Alpaca took the request, and its words."""

    order_id: OrderId
    is_taken: bool
    text: str


class Entry:
    """Tells Alpaca what to do. Used on the core loop.

    Args:
        rest: sends.
        lanes: on which to send.
        questions: to look an order up.
        memory: of orders.
        vocabulary: of words that were unknown.
        deliver: takes what a reply told about other orders than the one that was asked about.
    """

    def __init__(
        self,
        rest: Rest,
        lanes: Lanes,
        questions: Questions,
        memory: Memory,
        vocabulary: Vocabulary,
        deliver: Callable[[Iterable[ExecutionReport]], None],
    ) -> None:
        self._rest = rest
        self._lanes = lanes
        self._questions = questions
        self._memory = memory
        self._vocabulary = vocabulary
        self._deliver = deliver
        self._acknowledged: dict[ClOrdId, None] = {}

    async def submit(self, order: NewOrderSingle | NewOrderList) -> ExecutionReport:
        """Send an order; see the port.

        An id that Alpaca knows already is looked up: the same order was sent before, and its answer was lost.
        """
        if order.cl_ord_id in self._acknowledged:
            raise OutcomeUnknown(f"{order.cl_ord_id} must be unique: an order with it was acknowledged")
        request = Request("POST", "/orders", bodies.order_body(order), total_s=ORDER_S)
        try:
            content = await self._rest.tell(self._lanes.submit, request, Priority.ORDER)
        except BrokerRejected as error:
            view = await self._landed_before(order, error)
        else:
            view = self._read_reply(content, order.cl_ord_id)
        self._acknowledge(view)
        kin = self._memory.kin(view)
        if view.ord_status is OrdStatus.REJECTED:
            return mapping.ended_report(view, kin, ENDINGS[view.word], view.changed_at, view.text)
        self._deliver([mapping.leg_report(leg, self._memory.kin(leg)) for leg in view.legs])
        return mapping.accepted_report(view, kin)

    def _acknowledge(self, view: OrderView) -> None:
        self._memory.see(view)
        self._acknowledged[view.cl_ord_id] = None
        if len(self._acknowledged) > _MOST_ACKNOWLEDGED:
            del self._acknowledged[next(iter(self._acknowledged))]

    async def _landed_before(self, order: NewOrderSingle | NewOrderList, error: BrokerRejected) -> OrderView:
        """Find the order that an id already belongs to: it was sent before, and its answer was lost.

        Raises:
            BrokerRejected: it was refused for another reason.
            OutcomeUnknown: the order with this id is another one, or cannot be found.
        """
        if not _is_duplicate(error):
            raise error
        view = await self._find_duplicate(order.cl_ord_id)
        others = bodies.differences(order.terms, view)
        if others:
            raise OutcomeUnknown(
                f"{order.cl_ord_id} belongs to another order at Alpaca ({', '.join(others)} differ);"
                " look at both before you send anything"
            )
        return view

    async def _find_duplicate(self, cl_ord_id: ClOrdId) -> OrderView:
        try:
            view = await self._questions.order(cl_ord_id)
        except BrokerUnavailable as error:
            raise OutcomeUnknown(f"{cl_ord_id} was sent before, and cannot be asked for: {error}") from error
        if view is None:
            raise OutcomeUnknown(f"{cl_ord_id} must be unique, says Alpaca, and knows no order with it")
        return view

    def _read_reply(self, content: object, cl_ord_id: ClOrdId) -> OrderView:
        """Read the order of a reply; what cannot be read proves nothing, for it was a success."""
        try:
            view = mapping.read_order(Row("order", content), self._vocabulary)
        except FieldUnreadableError as error:
            raise OutcomeUnknown(str(error)) from error
        if view.cl_ord_id != cl_ord_id:
            raise OutcomeUnknown(f"Alpaca: the reply is about {view.cl_ord_id}, not {cl_ord_id}")
        return view

    async def cancel(self, request: OrderCancelRequest) -> None:
        """Ask for an order's end; see the port."""
        order_id = OrderId(request.order_id or "") or await self._order_id(request.cl_ord_id)
        path = f"/orders/{quote(order_id, safe='')}"
        await self._rest.tell(self._lanes.cancel, Request("DELETE", path), Priority.CANCEL)

    async def _order_id(self, cl_ord_id: ClOrdId) -> OrderId:
        view = self._memory.find(cl_ord_id) or await self._questions.order(cl_ord_id, Priority.CANCEL)
        if view is None:
            raise BrokerRejected("order not found", "404")
        return view.order_id

    async def cancel_all(self) -> tuple[CancelRow, ...]:
        """Ask for the end of everything that works, other programs' orders included, in one request.

        Returns:
            One row for each order. Those that were taken still have to end.

        Raises:
            OutcomeUnknown: nobody knows which requests were taken; list the open orders.
        """
        request = Request("DELETE", "/orders")
        content = await self._rest.tell(self._lanes.cancel, request, Priority.CANCEL)
        try:
            return tuple(
                _cancel_row(row) for row in rows_of("cancel", content if content is not None else [])
            )
        except FieldUnreadableError as error:
            raise OutcomeUnknown(str(error)) from error

    async def replace(self, request: OrderCancelReplaceRequest) -> None:
        """Ask for a replacement; see the port. What Alpaca would not replace is refused here."""
        known = await self._replaceable(request)
        body = bodies.replace_body(request, known)
        self._memory.see_replacement(request.cl_ord_id, request.orig_cl_ord_id)
        path = f"/orders/{quote(known.order_id, safe='')}"
        try:
            content = await self._rest.tell(
                self._lanes.submit, Request("PATCH", path, body, total_s=ORDER_S), Priority.ORDER
            )
        except BrokerRejected as error:
            if not _is_duplicate(error):
                raise
            view = await self._find_duplicate(request.cl_ord_id)
            if view.replaces != known.order_id:
                raise OutcomeUnknown(f"{request.cl_ord_id} belongs to another order at Alpaca") from error
        else:
            view = self._read_reply(content, request.cl_ord_id)
        self._acknowledge(view)
        self._deliver([mapping.accepted_report(view, self._memory.kin(view))])

    async def _replaceable(self, request: OrderCancelReplaceRequest) -> OrderView:
        # What is remembered may be old, and Alpaca's rules depend on what has filled by now.
        try:
            if request.order_id:
                view = await self._questions.order_by_id(OrderId(quote(request.order_id, safe="")))
            else:
                view = await self._questions.order(request.orig_cl_ord_id)
        except BrokerUnavailable as error:
            raise BrokerUnavailable(
                f"not sent, as the order to be replaced cannot be seen: {error}"
            ) from error
        if view is None:
            raise BrokerRejected("not sent: there is no order to be replaced", "404")
        self._memory.see(view)
        return view


def _is_duplicate(error: BrokerRejected) -> bool:
    # The code alone stands for malformed values too.
    return error.code == DUPLICATE and "client_order_id" in error.text and "unique" in error.text


def _cancel_row(row: Row) -> CancelRow:
    status = row.get("status")
    body = row.get("body")
    text = Row("cancel body", body).word_or("message") if isinstance(body, dict) else ""
    is_taken = isinstance(status, int) and 200 <= status < 300
    return CancelRow(OrderId(row.word("id")), is_taken, text or ("" if is_taken else f"HTTP {status}"))
