"""What the owner pays in and out, as on the broker's own page."""

from datetime import datetime

from core.adapters.simulator.books import Books
from core.domain.money import Money, plain
from core.domain.outcomes import CashFlow


class Cashier:
    """Moves cash without a trade, in the ledger first."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def move_cash(self, amount: Money) -> None:
        """Pay in, or out where it is negative."""
        pay(self._books, self._books.ledger.record("cash", {"cash": plain(amount)}), amount)
        self._books.publish()

    def flows(self, since: datetime) -> tuple[CashFlow, ...]:
        """List what was paid in and out at or after a market time, oldest first."""
        return tuple(flow for flow in self._books.flows if flow.at >= since)


def pay(books: Books, seq: int, amount: Money) -> None:
    """Fold a payment of the ledger into the books."""
    kind = "deposit" if amount > 0 else "withdrawal"
    flow = CashFlow(f"C-{seq:08d}", kind, external=True, amount=amount, symbol="", at=books.now)
    books.flows.append(flow)
    books.purse.cash += amount
