"""The audit log: every decision and every order as it is sealed, searched, and checked link by link."""

from collections.abc import Hashable, Iterable
from functools import partial

from PySide6.QtCore import QPoint, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from core.domain.audit import AuditRecord, AuditReport
from core.domain.messages import (
    AuditAppended,
    AuditPage,
    AuditVerified,
    InOrder,
    LoadAudit,
    Snapshot,
    VerifyAudit,
)
from core.domain.records import AuditQuery
from ui.bridge import Bridge
from ui.models.table import KeyedTableModel
from ui.panels.audit_columns import ChainNote, columns
from ui.panels.audit_words import AuditRow, row_of
from ui.panels.menus import RowTips, add_menu_tool, forward_context_menu
from ui.theme.fonts import font
from ui.widgets.panel import PanelFrame
from ui.widgets.table_layout import columns_menu
from ui.widgets.table_view import TableView

PAGE = 200
SEARCH_MS = 250
VERIFY_MS = 30_000
_LEAST_OUTCOME = 180
_NEAR_END = 20  # rows from the end at which the next page is asked for


class AuditPanel(PanelFrame):
    """Shows the newest records first; older ones are loaded as they are scrolled to.

    Attributes:
        order_wanted: the cl_ord_id of a record's order, when its row was opened.
        menu_wanted: the place on the screen where the menu of the rows is wanted.
    """

    order_wanted = Signal(str)
    menu_wanted = Signal(QPoint)

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        self._bridge = bridge
        self._user = ""
        self._words: list[str] = []
        self._asked = 0
        self._has_more = False
        self._is_loading = False
        self.model: KeyedTableModel[AuditRow] = KeyedTableModel(columns(), lambda row: row.record.seq)
        self.view = TableView(self.model, "Audit")
        super().__init__("panel.audit", ["Audit"], self.view, parent)
        self.view.set_empty("Every decision and every order, in a chain that can be verified.")
        self.model.sort_by("seq", descending=True)
        self.view.key_activated.connect(self._on_activated)
        self.view.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        forward_context_menu(self.view, self.menu_wanted.emit)
        RowTips(self.view, self._tip)
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
        self.head.add_widget(self.chain)
        add_menu_tool(self.head, "Columns", "columns", lambda at: columns_menu(self.view, self).popup(at))
        add_menu_tool(self.head, "More", "dots-three", self.menu_wanted.emit)

    def apply_snapshot(self, snapshot: Snapshot) -> None:
        """Show the newest records, and have the chain checked."""
        self._user = snapshot.profile.user
        if not self._words:
            self._show(snapshot.audit)
            self._has_more = bool(snapshot.audit) and min(record.seq for record in snapshot.audit) > 1
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

    def focus_search(self) -> None:
        """Put the cursor into the search field."""
        self.search.setFocus()
        self.search.selectAll()

    def _on_report(self, report: AuditReport) -> None:
        self._check.start()
        self.chain.show_report(report)

    def _on_no_report(self, _: Exception) -> bool:
        self.chain.show_failure()
        return True

    def _on_event(self, event: InOrder) -> None:
        if isinstance(event, AuditAppended):
            fresh = [record for record in event.records if self._matches(record)]
            self.model.upsert(row_of(record, self._user) for record in fresh)
        elif isinstance(event, AuditVerified):
            self._on_report(event.report)

    def _matches(self, record: AuditRecord) -> bool:
        text = f"{record.entity} {record.action} {record.actor} {record.payload}".casefold()
        return all(word in text for word in self._words)

    def _search(self) -> None:
        text = self.search.text().strip()
        self._words = [text.casefold()] if text else []
        self._load(text, None)

    def _load(self, text: str, before: int | None) -> None:
        self._asked += 1
        self._is_loading = True
        query = AuditQuery(text=text, before_seq=before, limit=PAGE)
        self._bridge.send(
            LoadAudit(query),
            partial(self._on_page, self._asked, before),
            partial(self._on_no_page, self._asked, before),
        )

    def _on_page(self, asked: int, before: int | None, page: AuditPage) -> None:
        if asked != self._asked:
            return  # the answer to an older question
        self._is_loading, self._has_more = False, page.has_more
        if before is None:
            self._show(page.records)
        else:
            self.model.upsert(row_of(record, self._user) for record in page.records)

    def _on_no_page(self, asked: int, before: int | None, _: Exception) -> bool:
        if asked == self._asked:
            self._is_loading = False
            if before is None:  # what stands there answers an older question
                self._has_more = False
                self.model.replace_all(())
                self.view.set_empty("The log could not be read. Change the words to search again.")
        return asked != self._asked or before is None

    def _show(self, records: Iterable[AuditRecord]) -> None:
        self.model.replace_all(row_of(record, self._user) for record in records)
        if self._words:
            self.view.set_empty("No record contains these words.")
        else:
            self.view.set_empty("Every decision and every order, in a chain that can be verified.")

    def _on_scrolled(self, value: int) -> None:
        is_near = value >= self.view.verticalScrollBar().maximum() - _NEAR_END
        if is_near and self._has_more and not self._is_loading and self.model.rows:
            oldest = min(row.record.seq for row in self.model.rows.values())
            self._load(self.search.text().strip(), oldest)

    def _tip(self, key: Hashable) -> str:
        row = self.model.rows.get(key)
        return "" if row is None else f"{row.event}: {row.subject}. {row.outcome}"

    def _on_activated(self, key: object) -> None:
        row = self.model.rows.get(key if isinstance(key, int) else -1)
        if row is not None and row.record.cl_ord_id:
            self.order_wanted.emit(row.record.cl_ord_id)
