"""Proposals: what a program would do, for a person to decide; a tab beside the orders."""

from collections.abc import Callable, Hashable
from datetime import datetime

from PySide6.QtCore import QPoint, QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget
from shiboken6 import isValid

from core.domain.messages import InOrder, LoadProposals, ProposalChanged, Snapshot
from core.domain.proposals import Proposal, ProposalState
from ui import format as fmt
from ui.bridge import Bridge
from ui.models.columns import Align, Column, Ink, Mark
from ui.models.table import KeyedTableModel
from ui.notices import words_of_failed_read
from ui.our_time import utc_now
from ui.panels.menus import HandChoice, forward_context_menu
from ui.panels.order_columns import side_ink, side_mark
from ui.widgets.table_view import TableView

TITLE = "Proposals"
KEPT = 200
_TICK_MS = 1000
_EMPTY = "An order that a strategy or another program proposes; it waits here for your yes or no."
_STATES: dict[ProposalState, tuple[str, Mark | None]] = {
    ProposalState.PENDING: ("Waits for you", Mark.QUESTION),
    ProposalState.APPROVED: ("Approved", Mark.CHECK),
    ProposalState.REJECTED: ("Rejected", None),
    ProposalState.EXPIRED: ("Ran out", Mark.CLOCK),
    ProposalState.VOID: ("Price moved", None),
}


def order_words(proposal: Proposal) -> str:
    """Say what is proposed: ``Buy 20 AAPL, limit 189.43``."""
    terms = proposal.terms
    size = f"${fmt.money(terms.cash_order_qty)} of" if terms.is_cash else fmt.qty(terms.order_qty)
    kind = fmt.word(terms.ord_type).lower()
    price = "" if terms.price is None else f" {fmt.price(terms.price)}"
    return f"{fmt.word(terms.side)} {size} {terms.symbol}, {kind}{price}"


class ProposalsPanel(QWidget):
    """A tab of the blotter; those that wait come first.

    Attributes:
        counted: the number of those that wait, as text.
        symbol_selected: the symbol of the row that was chosen by hand.
        review_wanted: the Proposal of a row on which Enter was pressed.

    Args:
        now: our time, UTC.
    """

    counted = Signal(str)
    menu_wanted = Signal(QPoint)
    symbol_selected = Signal(str)
    review_wanted = Signal(object)
    title = TITLE

    def __init__(
        self, bridge: Bridge, parent: QWidget | None = None, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        super().__init__(parent)
        self.setObjectName("panel.agent")
        self.setAccessibleName(TITLE)
        self._bridge, self._now = bridge, now
        self.model: KeyedTableModel[Proposal] = KeyedTableModel(
            self._columns(), lambda proposal: proposal.proposal_id
        )
        self.view = TableView(self.model, TITLE, self)
        self.view.set_empty(_EMPTY, "", "")
        HandChoice(self.view, self._on_chosen)
        self.view.key_activated.connect(self._on_activated)
        forward_context_menu(self.view, self.menu_wanted.emit)
        self.model.sort_by("made", descending=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        self._ticks = QTimer(self, interval=_TICK_MS)
        self._ticks.timeout.connect(self._count_down)
        bridge.in_order.connect(self._on_event)

    @property
    def current(self) -> Proposal | None:
        """The chosen row."""
        key = self.view.current_key()
        return None if key is None else self.model.rows.get(key)

    @property
    def waiting(self) -> list[Proposal]:
        """Those that nobody has decided."""
        return [each for each in self.model.rows.values() if each.state is ProposalState.PENDING]

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Ask for everything anew."""
        del snapshot
        self._bridge.send(LoadProposals(KEPT), self._show_all, self._show_failure)

    def review_current(self) -> None:
        """Ask for a decision on the chosen row, or on the oldest that waits."""
        waiting = sorted(self.waiting, key=lambda each: each.made_at)
        chosen = self.current
        if chosen is None or chosen.state is not ProposalState.PENDING:
            chosen = waiting[0] if waiting else chosen
        if chosen is not None:
            self.review_wanted.emit(chosen)

    def _columns(self) -> list[Column[Proposal]]:
        status = _STATES
        return [
            Column[Proposal]("symbol", "Symbol", 64, lambda row: row.terms.symbol, weight=500, frozen=True),
            Column[Proposal](
                "side", "Side", 56, lambda row: fmt.word(row.terms.side),
                ink=lambda row: side_ink(row.terms.side), mark=lambda row: side_mark(row.terms.side),
            ),
            Column[Proposal](
                "qty", "Qty", 52, lambda row: fmt.qty(row.terms.order_qty), Align.RIGHT,
                sort_key=lambda row: row.terms.order_qty,
            ),
            Column[Proposal]("limit", "Limit", 60, _limit, Align.RIGHT),
            Column[Proposal](
                "state", "Status", 116, lambda row: status[row.state][0],
                mark=lambda row: status[row.state][1], pad_left=28, hang_mark=True,
                strong=lambda row: row.state is ProposalState.PENDING,
                sort_key=lambda row: row.state is not ProposalState.PENDING,
            ),
            Column[Proposal](
                "left", "Left", 52, self._left, Align.RIGHT, default_ink=Ink.TEXT2,
                sort_key=lambda row: row.expires_at, tooltip="Until it runs out",
            ),
            Column[Proposal](
                "source", "From", 96, lambda row: row.source, default_ink=Ink.TEXT2, pad_left=12
            ),
            Column[Proposal]("thesis", "Why", 220, lambda row: row.thesis, default_ink=Ink.TEXT2),
            Column[Proposal](
                "made", "Made", 76, lambda row: fmt.clock(row.made_at), default_ink=Ink.TEXT2,
                sort_key=lambda row: row.made_at,
            ),
            Column[Proposal]("reason", "Decision", 180, _decision, default_ink=Ink.TEXT2),
        ]  # fmt: skip

    def _left(self, row: Proposal) -> str:
        if row.state is not ProposalState.PENDING:
            return ""
        return fmt.span(max((row.expires_at - self._now()).total_seconds(), 0.0))

    def _show_all(self, found: tuple[Proposal, ...]) -> None:
        if isValid(self):  # the answer may come after the panel has gone
            self.view.set_empty(_EMPTY, "", "")
            self.model.replace_all(found)
            self._count()

    def _show_failure(self, error: Exception) -> bool:
        if isValid(self):
            self.model.replace_all(())
            self.view.set_empty(f"The proposals cannot be read now. {words_of_failed_read(error)}", "", "")
            self._count()
        return False

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, ProposalChanged):
            self.model.upsert([event.proposal])
            self.view.frame()
            self._count()

    def _count(self) -> None:
        number = len(self.waiting)
        self.counted.emit(str(number) if number else "")
        if number and not self._ticks.isActive():
            self._ticks.start()
        elif not number:
            self._ticks.stop()

    def _count_down(self) -> None:
        self.model.upsert(self.waiting)
        self.view.frame()

    def _on_chosen(self, key: Hashable) -> None:
        proposal = self.model.rows.get(key)
        if proposal is not None:
            self.symbol_selected.emit(proposal.terms.symbol)

    def _on_activated(self, key: object) -> None:
        proposal = self.model.rows.get(str(key))
        if proposal is not None:
            self.review_wanted.emit(proposal)


def _limit(row: Proposal) -> str:
    return "" if row.terms.price is None else fmt.price(row.terms.price)


def _decision(row: Proposal) -> str:
    if row.state is ProposalState.PENDING:
        return ""
    who = "" if row.decided_by in ("", "desk") else f"{row.decided_by}: "
    return f"{who}{row.reason}"
