"""The reports of one connection, from the order stream and from what replies told, in one line."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable

import structlog

from core.adapters.alpaca.events import Told, fill_reports, read_event
from core.adapters.alpaca.fields import FieldUnreadableError, Row
from core.adapters.alpaca.mapping import OrderView, name_unreadable, state_report
from core.adapters.alpaca.memory import Memory
from core.adapters.alpaca.questions import Questions
from core.adapters.alpaca.trade_stream import TradeStream
from core.adapters.alpaca.words import Vocabulary
from core.domain.execution import ExecutionReport
from core.errors import BrokerError, BrokerUnavailable
from core.ids import ClOrdId, OrderId
from core.tasks import Tasks

MOST_UNREAD = 10_000

_log = structlog.get_logger("alpaca.delivery")


class Delivery:
    """Reads the stream from `open` on, whether or not somebody takes the reports. Used on the core loop.

    Args:
        make_stream: makes the stream of one connection.
        questions: asked for the fills of an order whose events do not add up.
        memory: of orders.
        vocabulary: of words that were unknown.
        is_unreadable: says of which orders it is known that they cannot be read.
    """

    def __init__(
        self,
        make_stream: Callable[[], TradeStream],
        questions: Questions,
        memory: Memory,
        vocabulary: Vocabulary,
        is_unreadable: Callable[[ClOrdId], bool],
    ) -> None:
        self._make_stream = make_stream
        self._questions = questions
        self._memory = memory
        self._vocabulary = vocabulary
        self._is_unreadable = is_unreadable
        self._stream: TradeStream | None = None
        self._unread: deque[ExecutionReport] = deque()
        self._held: dict[OrderId | None, deque[Told]] = {}
        self._lost: BrokerUnavailable | None = None
        self._wake = asyncio.Event()
        self._tasks = Tasks(self._failed)

    async def open(self) -> None:
        """Connect; what is not delivered from an earlier connection is gone.

        Raises:
            BrokerUnavailable: there is no stream.
        """
        await self.close()
        stream = self._make_stream()
        await stream.connect()
        self._unread.clear()
        self._held.clear()
        self._lost, self._wake = None, asyncio.Event()
        self._stream = stream
        self._tasks.spawn(self._read(stream), "order stream")

    async def close(self) -> None:
        """End the connection, and with it whoever reads `reports`."""
        stream, self._stream = self._stream, None
        await self._tasks.close()
        if stream is not None:
            await stream.close()
        self._wake.set()

    def put(self, reports: Iterable[ExecutionReport]) -> None:
        """Deliver what a reply has told, unless there is no connection: then it is found by asking."""
        if self._stream is None or self._lost is not None:
            return
        self._unread.extend(reports)
        if len(self._unread) > MOST_UNREAD:
            self._lose(BrokerUnavailable(f"Alpaca: {MOST_UNREAD} reports were not read in time"))
        self._wake.set()

    async def reports(self) -> AsyncIterator[ExecutionReport]:
        """Deliver, for one reader.

        Raises:
            BrokerUnavailable: the stream was lost.
        """
        wake = self._wake
        while True:
            while self._unread and wake is self._wake:
                yield self._unread.popleft()
            if wake is not self._wake or self._stream is None:
                return
            if self._lost is not None:
                raise self._lost
            wake.clear()
            await wake.wait()

    async def _read(self, stream: TradeStream) -> None:
        try:
            async for content in stream.events():
                self._take(self._told(content))
        except BrokerUnavailable as error:
            self._lose(error)

    def _told(self, content: object) -> Told:
        try:
            return read_event(content, self._memory, self._vocabulary)
        except FieldUnreadableError as error:
            named = name_unreadable(Row("order event", content).row("order"), error)
            if not self._is_unreadable(named.cl_ord_id):
                raise  # the next connection begins with the list, which names it
            return Told(())

    def _take(self, told: Told) -> None:
        # A doubtful event waits for an answer of REST, and with it what is told of its order after it; the
        # other orders' events go on.
        held = self._held.get(told.order_id)
        if held is not None:
            held.append(told)
            if len(held) > MOST_UNREAD:
                self._lose(BrokerUnavailable(f"Alpaca: {MOST_UNREAD} events waited for one order's fills"))
        elif told.doubtful is None:
            self.put(told.reports)
        else:
            self._held[told.order_id] = deque([told])
            self._tasks.spawn(self._explain(told.order_id), "doubted fills")

    async def _explain(self, order_id: OrderId | None) -> None:
        held = self._held[order_id]
        while held:
            batch = tuple(held)
            held.clear()
            doubted = [each.doubtful for each in batch if each.doubtful is not None]
            if doubted:
                # One answer tells the fills of all that waited.
                self.put(await self._fills(doubted[-1]))
            for each in batch:
                self.put(each.reports)
        del self._held[order_id]

    async def _fills(self, view: OrderView) -> tuple[ExecutionReport, ...]:
        """Ask for the fills of an order whose event does not explain its sums."""
        _log.info("fill.doubted", order_id=view.order_id, cum_qty=str(view.cum_qty))
        try:
            rows = await self._questions.fills(view.submitted_at, view.order_id)
        except BrokerError as error:
            _log.warning("fills.unanswered", order_id=view.order_id, reason=str(error))
            rows = ()
        return (*fill_reports(rows, view, self._memory), self._state(view))

    def _state(self, view: OrderView) -> ExecutionReport:
        # Where the list does not have the fill yet, the order's sum says that one is missing.
        return state_report(view, self._memory.kin(view))

    def _failed(self, _name: str, error: BaseException) -> None:
        # A bug of ours in one event: the reader hears of it as of a lost stream, and asks for what it missed.
        _log.error("event.failed", kind=type(error).__name__, reason=str(error))
        self._lose(BrokerUnavailable(f"an event of Alpaca's order stream could not be used: {error}"))

    def _lose(self, error: BrokerUnavailable) -> None:
        self._lost = self._lost or error
        self._wake.set()
