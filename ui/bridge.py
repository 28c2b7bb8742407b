"""The only file that touches both threads: events come up in three lanes, commands go down."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from functools import partial
from typing import Any, TypeVar

import structlog
from PySide6.QtCore import QMetaMethod, QObject, Qt, QTimer, Signal, Slot

from core.domain.confirmation import ConfirmationReply, ConfirmationRequest
from core.domain.market import Quote
from core.domain.messages import (
    AccountMarked,
    AckMeasured,
    BackupMoved,
    BarChanged,
    Command,
    Event,
    InOrder,
    InstrumentsKnown,
    Latest,
    LoadSnapshot,
    Notice,
    PositionMarked,
    QuotesChanged,
    ReplaceOrder,
    ResendOrder,
    SessionTicked,
    Snapshot,
    SubmitOrder,
)
from core.errors import InvestIQError, RefusalCode, Refused
from core.ids import Symbol
from ui.models.flash import seconds
from ui.our_time import monotonic
from ui.stalls import FRAME_MS, StallGauge

R = TypeVar("R")
Send = Callable[[Command[Any]], "Future[Any]"]
Reply = Callable[[ConfirmationReply], None]

LANE_LIMIT = 20_000
TURN_S = 0.008  # of the GUI loop that the in-order lane takes at a time: half a frame
RETRY_MS = 1000
_IN_NO_SNAPSHOT = (BackupMoved, Notice)  # a new snapshot does not bring these again
_OPENING = (SubmitOrder, ReplaceOrder, ResendOrder)
_QUEUED = Qt.ConnectionType.QueuedConnection

log = structlog.get_logger(__name__)


class Bridge(QObject):
    """Carries frozen values between the core thread and the GUI thread; lives in the GUI thread.

    ``publish`` and ``ask`` may be called from any thread, all else from the GUI thread. What a slot raises
    goes to ``sys.excepthook`` and stops no other slot.

    Args:
        send: hands a command to the core; its future may be settled in any thread.
        clock: monotonic seconds of the core's clock, against which the age of a quote is told.

    Attributes:
        quotes_changed: list of Quote, at most one a symbol.
        marks_changed: list of PositionMark.
        account_changed: AccountMark.
        bars_changed: list of BarChanged, as they came.
        session_changed: MarketSession.
        ack_measured: AckMeasured.
        newest: any other event of which only the newest counts.
        in_order: one event that must not be lost.
        snapshot_loaded: Snapshot; all that was shown before is out of date.
        catching_up: the window fell behind (True) or has a snapshot again (False).
        stall_measured: ms by which the latest frame of the last minute was late; once a second.
        lane, stalls: what waits for the window, and how late its frames are; to be read in any thread.
        asked: ConfirmationRequest and a callable that takes the ConfirmationReply, once.
        failure: the exception of a command that nobody else has shown.
    """

    quotes_changed = Signal(object)
    marks_changed = Signal(object)
    account_changed = Signal(object)
    bars_changed = Signal(object)
    session_changed = Signal(object)
    ack_measured = Signal(object)
    newest = Signal(object)
    in_order = Signal(object)
    snapshot_loaded = Signal(object)
    catching_up = Signal(bool)
    stall_measured = Signal(float)
    asked = Signal(object, object)
    failure = Signal(object)
    _woken = Signal()
    _settled = Signal(object)
    _question = Signal(object, object)

    def __init__(
        self, send: Send, parent: QObject | None = None, *, clock: Callable[[], float] = monotonic
    ) -> None:
        super().__init__(parent)
        self.clock = clock
        self._send = send
        self._quotes: dict[Symbol, Quote] = {}
        self._latest: dict[tuple[str, str], Latest] = {}
        self.lane: deque[InOrder] = deque()
        self._overflowed = False
        self._wake_is_due = False
        self._is_catching_up = False
        self._is_stopped = False
        self.stalls = StallGauge()
        self._frames = QTimer(self, timerType=Qt.TimerType.PreciseTimer, interval=FRAME_MS)
        self._frames.timeout.connect(self.take_frame)
        self._woken.connect(self._take_lane, _QUEUED)
        self._settled.connect(self._run, _QUEUED)
        self._question.connect(self._on_question, _QUEUED)

    @property
    def is_catching_up(self) -> bool:
        """Whether what is shown may be out of date; nothing that opens risk is sent then."""
        return self._is_catching_up

    def start(self) -> None:
        """Begin to take frames."""
        self._is_stopped = False
        self.stalls.restart()
        self._frames.start()

    def stop(self) -> None:
        """Take no more frames and deliver no more results: the window is about to go."""
        self._frames.stop()
        self._is_stopped = True

    def publish(self, event: Event) -> None:
        """Bring an event up; never waits. Any thread.

        Each lane is touched by single operations of dict and deque only; the interpreter divides none.
        """
        if isinstance(event, QuotesChanged):
            for quote in event.quotes:
                self._quotes[quote.symbol] = quote
        elif isinstance(event, Latest):
            self._latest[event.lane_key] = event
        else:
            self._queue(event)

    def _queue(self, event: InOrder) -> None:
        if len(self.lane) >= LANE_LIMIT:
            self._overflowed = True
            self.lane.clear()
        if not self._overflowed:  # else the snapshot that is to come has it
            self.lane.append(event)
        if not self._wake_is_due:
            self._wake_is_due = True
            self._woken.emit()

    def ask(self, request: ConfirmationRequest) -> "Future[ConfirmationReply]":
        """Show a question; its future holds the answer. Any thread.

        Closing the sheet, and silence for ``ttl_s``, are "no". Cancelling the future makes an answer void.
        """
        answer: Future[ConfirmationReply] = Future()
        self._question.emit(request, answer)
        return answer

    def send(
        self,
        command: Command[R],
        done: Callable[[R], None] | None = None,
        failed: Callable[[Exception], bool | None] | None = None,
    ) -> None:
        """Hand a command to the core; what comes back is delivered in the GUI thread.

        Args:
            command: what is wanted.
            done: takes the result.
            failed: takes the error; unless it returns True, ``failure`` shows the error too.
        """
        if self.is_catching_up and isinstance(command, _OPENING):
            late = Refused(
                RefusalCode.NOT_READY, "The window is catching up. Nothing was sent; try again in a moment."
            )
            self._settled.emit(partial(self._fail, late, failed))
            return
        try:
            future = self._send(command)
        except Exception as error:
            self._settled.emit(partial(self._fail, error, failed))
            return
        future.add_done_callback(
            lambda settled: self._settled.emit(partial(self._deliver, settled, done, failed))
        )

    def request_snapshot(self) -> None:
        """Ask for everything anew; ``snapshot_loaded`` brings it. Events wait until it is there."""
        self._set_catching_up(True)
        _let_go(self.lane)  # order matters: what is published from here on is kept, so no gap can arise
        self._overflowed = False
        self.send(LoadSnapshot(), self._on_snapshot, self._on_no_snapshot)

    def take_frame(self) -> None:
        """Bring up the newest of each value, and measure how late this frame is."""
        quotes, latest = _drain(self._quotes), _drain(self._latest)
        if quotes:
            self.quotes_changed.emit(quotes)
        if latest:
            self._emit_latest(latest)
        stall_ms = self.stalls.frame()
        if stall_ms is not None:
            self.stall_measured.emit(stall_ms)

    def _emit_latest(self, events: list[Latest]) -> None:
        marks = [event.mark for event in events if isinstance(event, PositionMarked)]
        bars = [event for event in events if isinstance(event, BarChanged)]
        if marks:
            self.marks_changed.emit(marks)
        if bars:
            self.bars_changed.emit(bars)
        for event in events:
            match event:
                case AccountMarked():
                    self.account_changed.emit(event.mark)
                case SessionTicked():
                    self.session_changed.emit(event.session)
                case AckMeasured():
                    self.ack_measured.emit(event)
                case _ if not isinstance(event, PositionMarked | BarChanged):
                    self.newest.emit(event)

    @Slot()
    def _take_lane(self) -> None:
        self._wake_is_due = False
        if self._overflowed and not self._is_catching_up:
            log.warning("window.fell_behind", limit=LANE_LIMIT)
            self.request_snapshot()
        if self._is_catching_up:
            return
        until = seconds() + TURN_S
        while seconds() < until:
            try:
                event = self.lane.popleft()
            except IndexError:  # empty, or emptied by the core thread because it overflowed
                break
            if isinstance(event, InstrumentsKnown):
                self.request_snapshot()
                return
            self.in_order.emit(event)
        if self.lane:
            self._woken.emit()

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        if self._overflowed:
            self.request_snapshot()
            return
        self.snapshot_loaded.emit(snapshot)
        self._set_catching_up(False)
        self._woken.emit()

    def _on_no_snapshot(self, error: Exception) -> bool:
        log.warning("snapshot.not_loaded", error=str(error))
        QTimer.singleShot(RETRY_MS, self, self.request_snapshot)
        return isinstance(error, InvestIQError)

    def _set_catching_up(self, is_behind: bool) -> None:
        if is_behind != self._is_catching_up:
            self._is_catching_up = is_behind
            self.catching_up.emit(is_behind)

    @Slot(object)
    def _run(self, work: Callable[[], None]) -> None:
        if self._is_stopped:
            return
        try:
            work()
        except Exception:  # the edge of the bridge: one broken handler must not take the window with it
            log.exception("handler.failed")

    def _deliver(
        self,
        settled: "Future[Any]",
        done: Callable[[Any], None] | None,
        failed: Callable[[Exception], bool | None] | None,
    ) -> None:
        if settled.cancelled():
            return
        error = settled.exception()
        if isinstance(error, Exception):
            self._fail(error, failed)
        elif error is None and done is not None:
            done(settled.result())

    def _fail(self, error: Exception, failed: Callable[[Exception], bool | None] | None) -> None:
        if failed is None or failed(error) is not True:
            self.failure.emit(error)

    @Slot(object, object)
    def _on_question(self, request: ConfirmationRequest, answer: "Future[ConfirmationReply]") -> None:
        no = ConfirmationReply(request.digest, accepted=False)
        if not self.isSignalConnected(QMetaMethod.fromSignal(self.asked)):
            _answer(answer, no)
            return
        QTimer.singleShot(round(request.ttl_s * 1000), self, partial(_answer, answer, no))
        self.asked.emit(request, partial(_answer, answer))


def _answer(answer: "Future[ConfirmationReply]", reply: ConfirmationReply) -> None:
    try:
        answer.set_result(reply)
    except InvalidStateError:
        log.info("confirmation.too_late", digest=reply.digest)


Key = TypeVar("Key")
Value = TypeVar("Value")


def _drain(lane: dict[Key, Value]) -> list[Value]:
    # By popitem, so that a writer in the other thread loses nothing; as many as there are, so that it ends.
    taken = [lane.popitem()[1] for _ in range(len(lane))]
    taken.reverse()
    return taken


def _let_go(lane: deque[InOrder]) -> None:
    """Empty a lane of what a new snapshot brings."""
    kept: list[InOrder] = []
    for _ in range(len(lane)):
        try:
            event = lane.popleft()
        except IndexError:  # emptied by the core thread because it overflowed
            break
        if isinstance(event, _IN_NO_SNAPSHOT):
            kept.append(event)
    lane.extendleft(reversed(kept))
