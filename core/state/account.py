"""The account as the broker confirmed it, corrected by the fills that came since."""

from decimal import Decimal

from core.clock import Clock
from core.domain.portfolio import Account


class AccountState:
    """Live truth in memory; written by the core loop only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._account: Account | None = None
        self._received = 0.0
        self._since = Decimal(0)
        self._flows = Decimal(0)
        self._expected: Decimal | None = None
        self._epoch = 0

    @property
    def epoch(self) -> int:
        """How many cash flows were booked; an answer asked for in an earlier epoch may lack one."""
        return self._epoch

    def confirm(self, account: Account, asked_in: int) -> bool:
        """Take the broker's answer, unless a fill was booked while it was on its way.

        Returns:
            Whether it was taken; if not, ask again.
        """
        if asked_in != self._epoch:
            return False
        self._account = account
        self._received = self._clock.monotonic()
        self._since = Decimal(0)
        if self._expected is None:
            self._expected = account.cash - self._flows
        return True

    @property
    def drift(self) -> Decimal | None:
        """Dollars of the last answer that neither the first one nor a fill since explains."""
        if self._account is None or self._expected is None:
            return None
        return self._account.cash - self._expected - self._flows + self._since

    def explain(self, amount: Decimal) -> None:
        """Take dollars of the drift for explained: money moved without a trade."""
        if self._expected is not None:
            self._expected += amount

    def begin_anew(self) -> None:
        """Take the next answer as the first: what differed was told."""
        self._expected = None

    def book(self, cash_flow: Decimal) -> None:
        """Add the cash of a fill that the broker's last answer cannot hold."""
        self._since += cash_flow
        self._flows += cash_flow
        self._epoch += 1

    @property
    def account(self) -> Account | None:
        """What the broker last confirmed."""
        return self._account

    @property
    def cash(self) -> Decimal | None:
        """Dollars, fills since the last answer included."""
        return None if self._account is None else self._account.cash + self._since

    @property
    def age_s(self) -> float | None:
        """Seconds since the broker last confirmed."""
        return None if self._account is None else self._clock.monotonic() - self._received
