"""The audit log: every decision and every order as it is sealed, searched, and checked link by link."""

from collections.abc import Callable, Hashable, Iterable
from datetime import datetime
from functools import partial

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from core.domain.audit import AuditRecord, AuditReport
from core.domain.messages import (
    AuditAppended,
    AuditVerified,
    InOrder,
    Snapshot,
    VerifyAudit,
)
from ui import format as fmt
from ui.bridge import Bridge
from ui.models.table import KeyedTableModel
from ui.our_time import utc_now
from ui.panels.audit_columns import ChainNote, columns
from ui.panels.audit_filter import AuditFilter
from ui.panels.audit_pages import AuditPages
from ui.panels.audit_words import AuditRow, row_of
from ui.panels.menus import RowTips, add_menu_tool, forward_context_menu
from ui.theme.fonts import font
from ui.widgets.panel import PanelFrame
from ui.widgets.table_layout import columns_menu
from ui.widgets.table_view import TableView

SEARCH_MS = 250
VERIFY_MS = 30_000
_LEAST_OUTCOME = 180
_HEAD_ROOM = 380  # px that title, search and tools take of the head
_NEAR_END = 20  # rows from the end at which the next page is asked for


class AuditPanel(PanelFrame):
    """Shows the newest records first; older ones are loaded as they are scrolled to.

    Attributes:
        order_wanted: the cl_ord_id of a record's order, when its row was opened.
        proof_wanted: all that is known of the chain is wanted.
        menu_wanted: the place on the screen where the menu of the rows is wanted.
    """

    order_wanted = Signal(str)
    menu_wanted = Signal(QPoint)
    proof_wanted = Signal()

    def __init__(
        self, bridge: Bridge, parent: QWidget | None = None, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._bridge = bridge
        self.pages = AuditPages(bridge)
        self.model: KeyedTableModel[AuditRow] = KeyedTableModel(columns(now), lambda row: row.record.seq)
        self.view = TableView(self.model, "Audit")
        self.report: AuditReport | None = None
        self.filter = AuditFilter(now)
        super().__init__("panel.audit", ["Audit"], _stacked(self.filter, self.view), parent)
        self.filter.hide()
        self.pages.setParent(self)
        self.pages.begun.connect(self._show)
        self.pages.went_on.connect(self._add)
        self.pages.failed.connect(self._show_failure)
        self.filter.changed.connect(self._search)
        self.filter.left.connect(self._leave_filter)
        self._say_empty()
        self.model.sort_by("seq", descending=True)
        self.view.key_activated.connect(self._on_activated)
        self.view.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        forward_context_menu(self.view, self.menu_wanted.emit)
        RowTips(self.view, partial(_tip, self.model))
        self.chain, self.search = ChainNote(self), QLineEdit(self)
        self._lay_out_head()
        self._typing = QTimer(self, singleShot=True, interval=SEARCH_MS)
        self._typing.timeout.connect(self._search)
        self.search.textChanged.connect(self._typing.start)
        self._check = QTimer(self, singleShot=True, interval=VERIFY_MS)
        self._check.timeout.connect(self.verify)
        bridge.in_order.connect(self._on_event)

    def _lay_out_head(self) -> None:
        self.search.setPlaceholderText("Search")
        self.search.setAccessibleName("Search the audit log")
        self.search.setFont(font(12))
        self.search.setProperty("bare", True)
        self.search.setFixedWidth(150)
        self.search.setClearButtonEnabled(True)
        self.head.add_widget(self.search)
        self.chain.pressed.connect(self.proof_wanted)
        self.head.add_widget(self.chain)
        add_menu_tool(self.head, "Filter", "funnel", lambda _: self.focus_filter())
        add_menu_tool(self.head, "Columns", "columns", lambda at: columns_menu(self.view, self).popup(at))
        add_menu_tool(self.head, "More", "dots-three", self.menu_wanted.emit)

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Show the newest records, and have the chain checked."""
        self.pages.user = snapshot.profile.user
        if self.pages.is_searching:
            self.pages.load(None)  # what came meanwhile is in no snapshot
        else:
            self._show(snapshot.audit)
            self.pages.has_more = bool(snapshot.audit) and min(record.seq for record in snapshot.audit) > 1
        self.verify()

    def verify(self) -> None:
        """Have the whole chain checked now; again in half a minute, unless somebody else did by then."""
        self._check.start()
        self._bridge.send(VerifyAudit(), self._on_report, self._on_no_report)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        columns = self.model.columns
        outcome = next(at for at, column in enumerate(columns) if column.key == "outcome")
        shown = [at for at in range(len(columns) - 1) if not self.view.head.isSectionHidden(at)]
        others = sum(self.view.head.sectionSize(at) for at in shown if at != outcome) + columns[-1].width
        self.view.head.resizeSection(outcome, max(_LEAST_OUTCOME, self.width() - others - 8))
        self.chain.set_room(self.width() - _HEAD_ROOM)

    def focus_search(self) -> None:
        """Put the cursor into the search field."""
        self.search.setFocus()
        self.search.selectAll()

    def focus_filter(self) -> None:
        """Show the filter with the cursor in its first field; shown already, take it away if it is empty."""
        if self.filter.isVisible() and self.filter.is_empty and self.filter.order.hasFocus():
            self._leave_filter()
            return
        self.filter.unfold(self)
        self.filter.order.setFocus()
        self.filter.order.selectAll()

    def show_records_of(self, cl_ord_id: str) -> None:
        """Show the records of an order, and nothing else."""
        self.search.clear()
        self.filter.unfold(self)
        self.filter.set_order(cl_ord_id)
        self.view.setFocus()

    def _leave_filter(self) -> None:
        self.view.setFocus()
        if self.filter.is_empty:
            self.filter.fold(self)

    def _on_report(self, report: AuditReport) -> None:
        self._check.start()
        self.report = report
        self.chain.show_report(report)

    def _on_no_report(self, _: Exception) -> bool:
        self.chain.show_failure()
        return True

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, AuditAppended):
            self._add(record for record in event.records if self.pages.matches(record))
        elif isinstance(event, AuditVerified):
            self._on_report(event.report)

    def _search(self) -> None:
        self.pages.search(self.search.text().strip(), self.filter.wanted)

    def _add(self, records: Iterable[AuditRecord]) -> None:
        self.model.upsert(row_of(record, self.pages.user) for record in records)

    def _show_failure(self) -> None:
        self.model.replace_all(())
        self.view.set_empty("The log could not be read. Change the words to search again.")

    def _show(self, records: Iterable[AuditRecord]) -> None:
        self.model.replace_all(row_of(record, self.pages.user) for record in records)
        self._say_empty()

    def _say_empty(self) -> None:
        if not self.pages.is_searching:
            self.view.set_empty("Every decision and every order, in a chain that can be verified.")
            return
        sealed = self.report.sealed_to if self.report is not None else 0
        archived = f" Records up to {sealed:,} are in archives, which are not searched." if sealed else ""
        self.view.set_empty(f"No record matches.{archived}", "clear the search and the filter", "Esc")

    def _on_scrolled(self, value: int) -> None:
        is_near = value >= self.view.verticalScrollBar().maximum() - _NEAR_END
        if is_near and self.pages.has_more and not self.pages.is_loading and self.model.rows:
            self.pages.load(min(row.record.seq for row in self.model.rows.values()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.pages.is_searching:
            self.search.clear()
            self.filter.clear()
            self._leave_filter()
        else:
            super().keyPressEvent(event)

    def _on_activated(self, key: object) -> None:
        row = self.model.rows.get(key if isinstance(key, int) else -1)
        if row is not None and row.record.cl_ord_id:
            self.order_wanted.emit(row.record.cl_ord_id)


def _tip(model: KeyedTableModel[AuditRow], key: Hashable) -> str:
    row = model.rows.get(key)
    return "" if row is None else f"{fmt.date_time(row.at)} {row.event}: {row.subject}. {row.outcome}"


def _stacked(bar: QWidget, view: QWidget) -> QWidget:
    body = QWidget()
    column = QVBoxLayout(body)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    column.addWidget(bar)
    column.addWidget(view, 1)
    return body
