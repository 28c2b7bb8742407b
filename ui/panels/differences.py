"""Where our book and the broker's differed: a tab beside the orders, with what became of each."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from core.domain.messages import Difference, DifferenceKind, InOrder, Reconciled, ReconciliationRun, Snapshot
from ui import format as fmt
from ui.bridge import Bridge
from ui.models.columns import Column, Ink, Mark
from ui.models.table import KeyedTableModel
from ui.panels.menus import forward_context_menu
from ui.widgets.table_view import TableView

TITLE = "Differences"
KEPT = 200

_KINDS = {
    DifferenceKind.EXTERNAL_ORDER: "Order made elsewhere",
    DifferenceKind.MISSED_REPORT: "Report that was not delivered",
    DifferenceKind.NOT_LISTED: "Order the broker does not list",
    DifferenceKind.UNREADABLE_ORDER: "Order that cannot be read",
    DifferenceKind.SHARES_MOVED: "Changed symbol",
    DifferenceKind.POSITION: "Shares held",
    DifferenceKind.CASH: "Cash",
}


@dataclass(frozen=True, slots=True)
class Found:
    """A difference, and the comparison in which it was found last."""

    at: datetime
    difference: Difference

    @property
    def key(self) -> Hashable:
        """The same difference in the next comparison is the same row."""
        each = self.difference
        return (each.kind, each.subject, each.ours, each.broker)


def _columns() -> list[Column[Found]]:
    return [
        Column[Found](
            "time", "Found", 92, lambda row: fmt.clock(row.at), default_ink=Ink.TEXT2,
            sort_key=lambda row: row.at, tooltip="Our time of the comparison",
        ),
        Column[Found]("kind", "What", 184, lambda row: _KINDS[row.difference.kind], weight=500),
        Column[Found]("subject", "Of", 112, lambda row: row.difference.subject, default_ink=Ink.TEXT2),
        Column[Found]("ours", "Our book", 128, lambda row: row.difference.ours, pad_left=12),
        Column[Found]("broker", "The broker", 160, lambda row: row.difference.broker, pad_left=12),
        Column[Found](
            "state", "Now", 112, lambda row: "agrees" if row.difference.repaired else "open",
            mark=lambda row: None if row.difference.repaired else Mark.WARN, pad_left=12,
            strong=lambda row: not row.difference.repaired,
        ),
    ]  # fmt: skip


class DifferencesPanel(QWidget):
    """A tab of the blotter; it keeps the newest two hundred.

    Attributes:
        counted: the number of differences that are still open, as text.
    """

    counted = Signal(str)
    menu_wanted = Signal(QPoint)
    title = TITLE

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel.differences")
        self.setAccessibleName(TITLE)
        self.model: KeyedTableModel[Found] = KeyedTableModel(_columns(), lambda found: found.key)
        self.view = TableView(self.model, TITLE, self)
        self._say("Not compared with the broker yet.")
        forward_context_menu(self.view, self.menu_wanted.emit)
        self.model.sort_by("time", descending=True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        bridge.in_order.connect(self._on_event)

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Show everything anew: what the last comparison found."""
        self.model.replace_all([])
        if snapshot.reconciliation is not None:
            self._take(snapshot.reconciliation)

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, Reconciled):
            self._take(event.run)

    def _take(self, run: ReconciliationRun) -> None:
        found = [Found(run.ended, each) for each in run.differences]
        kept = {each.key: each for each in (*self.model.rows.values(), *found)}
        if not run.failure:
            # What was open and is not found again has been settled meanwhile.
            seen = {each.key for each in found}
            kept = {key: each for key, each in kept.items() if each.difference.repaired or key in seen}
        newest = sorted(kept.values(), key=lambda each: each.at, reverse=True)[:KEPT]
        self.model.replace_all(newest)
        when = fmt.clock_zone(run.ended)
        self._say(
            f"Compared with the broker at {when}: no difference."
            if not run.failure
            else f"The comparison at {when} was not answered: {run.failure}"
        )
        number = sum(not each.difference.repaired for each in newest)
        self.counted.emit(str(number) if number else "")

    def _say(self, words: str) -> None:
        self.view.set_empty(words, "", "")
