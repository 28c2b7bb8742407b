"""What the actions on proposals do: the sheet asks, the desk decides again."""

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from core.domain.messages import Reviewed, ReviewProposal
from core.domain.proposals import Proposal
from ui.actions.registry import Handlers
from ui.dialogs.proposal import ProposalSheet
from ui.panels.proposals import order_words
from ui.parts import Parts


class ProposalHandlers:
    """Opens the sheet of a proposal and carries the decision to the desk."""

    def __init__(self, parts: Parts, holes: Callable[[], list[QWidget]]) -> None:
        self._parts, self._holes = parts, holes
        parts.proposals.review_wanted.connect(self.review)

    def handlers(self) -> Handlers:
        """Return what is called, by the names of the catalogue."""
        return {"review_proposal": self._review_current}

    def _review_current(self) -> None:
        self._parts.blotter.show_panel(self._parts.proposals)
        if not self._parts.proposals.waiting:
            self._parts.notices.say("No proposal waits for a decision.")
        self._parts.proposals.review_current()

    def review(self, proposal: Proposal) -> None:
        """Ask for a decision."""
        parts = self._parts

        def decide(approve: bool, reason: str) -> None:
            command = ReviewProposal(proposal.proposal_id, approve, reason)
            parts.bridge.send(command, decided, refused)

        def decided(done: Reviewed) -> None:
            sheet.dismiss()
            word = "Rejected" if done.submitted is None else "Approved and sent"
            parts.notices.say(f"{word}: {order_words(done.proposal)}.")

        def refused(error: Exception) -> bool:
            sheet.refused(error)
            return True

        shown = {each.symbol: each for each in parts.watchlist.shown_quotes()}
        quote = shown.get(proposal.terms.symbol)
        sheet = ProposalSheet(parts.window, proposal, quote, decide, holes=self._holes())
        sheet.open_decision()
