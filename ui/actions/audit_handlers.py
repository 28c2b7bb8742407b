"""What the actions of the audit log do: search it, filter it, and show what proves it."""

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from core.domain.messages import VerifyAudit
from ui.actions.registry import Handlers
from ui.dialogs.anchors import AnchorsSheet
from ui.notices import words_of_failed_read
from ui.parts import Parts


class AuditHandlers:
    """Acts on the audit panel, and opens the sheet of its proof."""

    def __init__(self, parts: Parts, holes: Callable[[], list[QWidget]]) -> None:
        self._parts, self._holes = parts, holes
        parts.audit.proof_wanted.connect(self.show_proof)

    def handlers(self) -> Handlers:
        """Return what is called, by the names of the catalogue."""
        audit = self._parts.audit
        return {
            "verify_audit": audit.verify,
            "search_audit": audit.focus_search,
            "filter_audit": audit.focus_filter,
            "show_audit_proof": self.show_proof,
            "show_order_records": self.show_order_records,
        }

    def show_order_records(self) -> None:
        """Show the audit records of the selected order."""
        order = self._parts.facts.selected_order
        if order is not None:
            self._parts.audit.show_records_of(order.cl_ord_id)

    def show_proof(self) -> None:
        """Show up to where the chain holds, its anchors and its archives, and check it anew."""
        bridge = self._parts.bridge

        def check(sheet: AnchorsSheet) -> None:
            def failed(error: Exception) -> bool:
                sheet.show_failure(words_of_failed_read(error))
                return True

            bridge.send(VerifyAudit(), sheet.show_report, failed)

        AnchorsSheet(self._parts.window, check, self._holes()).open_on(self._parts.audit.report)
