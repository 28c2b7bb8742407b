"""The sheet on which a person decides on a proposal: what, from whom, why, at which price then and now."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from core.domain.market import Quote
from core.domain.proposals import Proposal, ProposalState
from core.domain.risk import Verdict
from core.errors import Refused
from ui import format as fmt
from ui.dialogs.sheet_dialog import SheetDialog
from ui.models.columns import Ink
from ui.notices import words_of
from ui.panels.lines import Line, Lines, Span
from ui.panels.proposals import order_words
from ui.panels.ticket_verdict import VerdictView
from ui.theme.fonts import SEMIBOLD, font
from ui.widgets.buttons import Button, Dress

_WIDTH = 520
_LONGEST = 500
_VALUE = 150

Decide = Callable[[bool, str], object]


class ProposalSheet(SheetDialog):
    """Approve, reject, or leave it; a reason is wanted for both. What is refused is said rule by rule."""

    def __init__(
        self,
        window: QWidget,
        proposal: Proposal,
        quote: Quote | None,
        decide: Decide,
        *,
        holes: Sequence[QWidget] = (),
    ) -> None:
        super().__init__(window, "dialog.proposal", order_words(proposal), width=_WIDTH, holes=holes)
        self._proposal, self._decide = proposal, decide
        self.facts = Lines("Proposal")
        self.facts.set_lines(_facts(proposal, quote))
        self.column.addWidget(self.facts)
        self.add_words(proposal.thesis)
        self.verdict = VerdictView()
        self.verdict.hide()
        self.column.addWidget(self.verdict)
        self.reason = QLineEdit()
        self.reason.setFont(font(12))
        self.reason.setMaxLength(_LONGEST)
        self.reason.setPlaceholderText("Why; it is kept in the record")
        self.reason.setAccessibleName("Reason")
        self.said = self.add_line(" ", Ink.TEXT1)
        self.approve = Button("Approve and send", Dress.NEUTRAL, key="Alt+A")
        self.reject = Button("Reject", Dress.OUTLINE, key="Alt+R")
        self.leave = Button("Leave it", Dress.OUTLINE, key="Esc")
        self._lay_out(is_open=proposal.state is ProposalState.PENDING)

    def _lay_out(self, *, is_open: bool) -> None:
        self.column.addWidget(self.reason)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button, grows in ((self.leave, 1), (self.reject, 1), (self.approve, 2)):
            row.addWidget(button, grows)
        self.column.addSpacing(4)
        self.column.addLayout(row)
        for widget in (self.reason, self.approve, self.reject):
            widget.setVisible(is_open)
        self.approve.setShortcut("Alt+A")
        self.reject.setShortcut("Alt+R")
        self.approve.clicked.connect(lambda _checked=False: self._take(approve=True))
        self.reject.clicked.connect(lambda _checked=False: self._take(approve=False))
        self.leave.clicked.connect(self.dismiss)

    def open_decision(self) -> None:
        """Show it, with the cursor in the reason."""
        is_open = not self.reason.isHidden()
        self.open_sheet(self.reason if is_open else self.leave)

    def _take(self, *, approve: bool) -> None:
        reason = self.reason.text().strip()
        if not reason:
            self.said.set_text("Say why first.")
            self.reason.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        for button in (self.approve, self.reject):
            button.setEnabled(False)
        self.said.set_text("Sending" if approve else "Rejecting")
        self._decide(approve, reason)

    def refused(self, error: Exception) -> None:
        """Say why nothing was sent; the proposal waits on, and what was typed stays."""
        for button in (self.approve, self.reject):
            button.setEnabled(True)
        verdict = error.cause if isinstance(error, Refused) else None
        if isinstance(verdict, Verdict):
            self.verdict.show_verdict(verdict, self._proposal.terms.symbol, was_sent=True)
            self.verdict.show()
            self.said.set_text("Nothing was sent; the proposal waits on.")
        else:
            self.said.set_text(words_of(error))
        self.refit()


def _facts(proposal: Proposal, quote: Quote | None) -> list[Line]:
    now = None if quote is None else quote.last
    moved = None
    if now is not None and proposal.decision_px > 0:
        moved = (now - proposal.decision_px) * 100 / proposal.decision_px
    rows = (
        ("From", proposal.source),
        ("Made", fmt.clock_zone(proposal.made_at)),
        ("Runs out", fmt.clock_zone(proposal.expires_at)),
        ("Price when made", fmt.price(proposal.decision_px)),
        ("Price now", f"{fmt.price(now)}  {fmt.signed_percent(moved)}" if now is not None else fmt.UNKNOWN),
        ("Judged by", "the agent's limits, again when it is sent"),
    )
    lines = [
        Line((Span(name, 0, ink=Ink.TEXT2), Span(value, _VALUE, weight=SEMIBOLD, until=-8)), height=22)
        for name, value in rows
    ]
    if proposal.state is not ProposalState.PENDING:
        words = f"{fmt.word(proposal.state)}: {proposal.reason}"
        lines.append(Line((Span("Decided", 0, ink=Ink.TEXT2), Span(words, _VALUE, until=-8)), height=22))
    return lines
