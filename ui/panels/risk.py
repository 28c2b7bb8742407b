"""The risk panel: the trading state, how much of each limit is used, and the way to stop."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from core.domain.access import TradingState
from core.domain.messages import (
    AccountMark,
    CancelOrders,
    HaltTrading,
    InOrder,
    OrderChanged,
    ResumeTrading,
    Snapshot,
    TradingStateChanged,
)
from core.domain.records import TradingStateRecord
from core.domain.risk import Verdict
from core.ids import ClOrdId
from ui import format as fmt
from ui.bridge import Bridge
from ui.models.columns import Mark
from ui.panels.risk_body import RiskBody
from ui.panels.risk_parts import ResumeQuestion
from ui.panels.risk_watch import RiskWatch
from ui.panels.ticket_verdict import Saying
from ui.widgets.buttons import Button, Dress
from ui.widgets.panel import PanelHead

_KEY = "Ctrl+Shift+H"
BY_KEY = f"with {_KEY}"
BY_BUTTON = "with the button"


class RiskPanel(QWidget):
    """Shows limits, radar, breakers and state; Halt acts at once, its second step cancels all orders.

    Attributes:
        kill_wanted: halt, cancel and perhaps close everything: that asks first.
        breakers_wanted: figures and history of the breakers, to be acknowledged.
        radar_wanted: what the radar is made of.

    Args:
        bridge: carries commands down and events up.
    """

    kill_wanted = Signal()
    breakers_wanted = Signal()
    radar_wanted = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel.risk")
        self.setAccessibleName("Risk")
        self.setAutoFillBackground(True)
        self._bridge = bridge
        self._user = ""
        self._record: TradingStateRecord | None = None
        self._open_orders: set[ClOrdId] = set()
        self._is_halting = False
        self.head = PanelHead(["Risk"])
        self.body = RiskBody()
        self.block, self.limits = self.body.block, self.body.limits
        self.watch = RiskWatch(bridge, self)
        self.question = ResumeQuestion()
        self.saying = Saying("Risk")
        self.halt_button = Button("Halt", Dress.HALT, key=_KEY, mark=Mark.STOP)
        self.cancel_button = Button("Cancel orders", Dress.HALT_FILL, key=_KEY)
        self.resume_button = Button("Resume…", Dress.OUTLINE)
        self.kill_button = Button("Kill…", Dress.OUTLINE)
        self._lay_out()
        self.halt_button.clicked.connect(lambda _checked=False: self.press_halt(BY_BUTTON))
        self.cancel_button.clicked.connect(lambda _checked=False: self.press_halt(BY_BUTTON))
        self.resume_button.clicked.connect(lambda _checked=False: self.ask_resume())
        self.kill_button.clicked.connect(lambda _checked=False: self.kill_wanted.emit())
        self.body.breakers.pressed.connect(self.breakers_wanted)
        self.body.radar.pressed.connect(self.radar_wanted)
        self.question.given.connect(self._resume)
        self.question.left.connect(self._leave_question)
        self.watch.board_loaded.connect(lambda board: self.body.breakers.show_standings(board.standings))
        self.watch.board_failed.connect(self.body.breakers.show_failure)
        self.watch.radar_loaded.connect(self.body.radar.show_radar)
        self.watch.radar_failed.connect(self.body.radar.show_failure)
        bridge.account_changed.connect(self.set_account)
        bridge.in_order.connect(self._on_event)
        bridge.snapshot_loaded.connect(self.apply_snapshot)
        self._refresh()

    def _lay_out(self) -> None:
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 8, 12, 12)
        foot.setSpacing(8)
        foot.addWidget(self.halt_button, 3)
        foot.addWidget(self.cancel_button, 3)
        foot.addWidget(self.kill_button, 2)
        foot.addWidget(self.resume_button, 2)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.head)
        column.addWidget(self.body, 1)
        column.addWidget(self.saying)
        column.addWidget(self.question)
        column.addLayout(foot)
        self.saying.say(None, "")

    def sizeHint(self) -> QSize:
        return QSize(360, 355)

    @property
    def working(self) -> int:
        """How many orders may still be at the broker."""
        return len(self._open_orders)

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Know the user, the orders, the limits and the state."""
        self._user = snapshot.profile.user
        self._open_orders = {order.cl_ord_id for order in snapshot.orders if order.is_open}
        self.set_account(snapshot.account)
        self.set_trading_state(snapshot.trading_state)

    def set_account(self, mark: AccountMark) -> None:
        """Show how much of each limit is used now."""
        start = mark.account.start_equity if mark.account is not None else None
        self.head.set_note(f"of start-of-day equity {fmt.money(start)}")
        self.limits.show_account(mark)

    def set_ticket(self, symbol: str, verdict: Verdict | None) -> None:
        """Show what the order on the ticket would use of each limit; None is no order."""
        self.limits.show_ticket(symbol, verdict)

    def set_trading_state(self, record: TradingStateRecord) -> None:
        """Show a state, by whom and since when."""
        if self._record is None or record.state is not self._record.state:
            self.saying.say(None, "")
            self.question.hide()
        self._record, self._is_halting = record, False
        self._refresh()

    def press_halt(self, how: str = BY_KEY) -> None:
        """Halt at once; while HALTED, ask for the end of all orders that still work.

        Args:
            how: kept in the record as the reason, as it stands behind a name ("with Ctrl+Shift+H").
        """
        if self._state is TradingState.HALTED:
            self._cancel_all()
        elif not self._is_halting:
            self._is_halting = True
            self._bridge.send(HaltTrading(how), self.set_trading_state, self._on_not_halted)
            self._refresh()

    def ask_resume(self) -> None:
        """Ask for the reason that resuming needs."""
        self.question.open_field()
        self._refresh()

    @property
    def _state(self) -> TradingState | None:
        return None if self._record is None else self._record.state

    def _cancel_all(self) -> None:
        if not self.working:
            self.saying.say(None, "No order works at the broker")
            return
        self.saying.say(None, f"Asking for the end of {_orders(self.working)}")
        self._bridge.send(
            CancelOrders(),
            lambda count: self.saying.say(Mark.CHECK, f"Asked for the end of {_orders(count)}"),
            self._on_failed,
        )

    def _resume(self, reason: str) -> None:
        self.question.resume.setEnabled(False)
        self._bridge.send(ResumeTrading(reason), self._on_resumed, self._on_failed)

    def _on_resumed(self, record: TradingStateRecord) -> None:
        self.question.field.clear()
        self.question.resume.setEnabled(True)
        self.set_trading_state(record)

    def _on_failed(self, error: Exception) -> bool:
        self.question.resume.setEnabled(True)
        self.saying.say(Mark.STOP, "Not done", str(error))
        return True

    def _on_not_halted(self, error: Exception) -> bool:
        self._is_halting = False
        self.saying.say(Mark.STOP, "Not halted", f"{error} Press Halt again.")
        self._refresh()
        return False

    def _leave_question(self) -> None:
        self.question.hide()
        self.saying.say(None, "")
        self._refresh()

    def _on_event(self, event: InOrder) -> None:
        match event:
            case OrderChanged(order=order):
                (self._open_orders.add if order.is_open else self._open_orders.discard)(order.cl_ord_id)
                self._refresh()
            case TradingStateChanged(record=record):
                self.set_trading_state(record)
            case _:
                pass

    def _refresh(self) -> None:
        if self._record is not None:
            self.block.show_record(self._record, self._user, self.working)
        is_asking = not self.question.isHidden()
        is_halted = self._state is TradingState.HALTED
        self.halt_button.setText("Halting" if self._is_halting else "Halt")
        self.halt_button.setVisible(not is_halted)
        self.halt_button.setEnabled(not self._is_halting)
        self.kill_button.setVisible(not is_halted)
        self.cancel_button.setText(f"Cancel {_orders(self.working)}")
        self.cancel_button.setVisible(is_halted and self.working > 0)
        is_stopped = self._state in (TradingState.HALTED, TradingState.REDUCING)
        self.resume_button.setVisible(is_stopped and not is_asking)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and not self.question.isHidden():
            self._leave_question()
        else:
            super().keyPressEvent(event)


def _orders(count: int) -> str:
    return f"{count} order{'' if count == 1 else 's'}"
