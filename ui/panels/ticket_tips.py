"""The first minute in the temporary demo: one line that says what to try next."""

from decimal import Decimal

from core.domain.access import Mode
from core.domain.messages import ProfileFacts
from core.domain.risk import Outcome, RuleCode, Verdict
from ui import format as fmt


class FirstMinute:
    """Three tips, each waiting for what the one before it suggested."""

    def __init__(self) -> None:
        self._is_on = False
        self._step = 0

    def begin(self, profile: ProfileFacts, *, has_filled: bool) -> None:
        """Speak in a throwaway simulator only; a profile that has traded needs no first tip."""
        self._is_on = profile.temporary and profile.mode is Mode.SIM
        if has_filled:
            self.filled()

    def filled(self) -> None:
        """Go on after the first fill."""
        self._step = max(self._step, 1)

    def judged(self, verdict: Verdict) -> None:
        """Go on after the first refusal by the position limit."""
        hard = {result.code for result in verdict.results if result.outcome is Outcome.HARD}
        if self._step == 1 and RuleCode.POSITION_LIMIT in hard:
            self._step = 2

    def text(self, qty: Decimal | None) -> str:
        """Return the tip for now, empty outside the demo.

        Args:
            qty: the shares that Ctrl+Enter sends; None where it sends nothing.
        """
        if not self._is_on:
            return ""
        shares = f"{fmt.qty(qty)} share{'' if qty == 1 else 's'}"
        return (
            f"Ctrl+Enter sends {shares} to the simulator" if qty is not None else "",
            "Now try 500 shares: the position limit refuses it and says what passes",
            "Every step is in the audit log, verified",
        )[self._step]
