"""What the account is worth, and what of it is free."""

from decimal import Decimal

from core.adapters.simulator.books import Books
from core.adapters.simulator.entry import SHORT_RESERVE
from core.domain.money import Money, Price
from core.domain.portfolio import Account
from core.ids import Symbol


def equity(books: Books) -> Decimal:
    """Return cash and the value of all positions at their last prices, dollars."""
    return books.purse.cash + books.purse.value(_lasts(books))


def free_cash(books: Books) -> Decimal:
    """Return dollars that new orders may cost.

    What working orders hold is taken off, and for what is owed its proceeds and the reserve of a short sale.
    """
    bound = books.purse.set_aside(_lasts(books), SHORT_RESERVE)
    return books.purse.cash - books.orders.held_cash() - bound


def account(books: Books, *, may_short: bool) -> Account:
    """Return cash, buying power and equity."""
    return Account(
        account_id="SIM-000001",
        cash=Money(books.purse.cash),
        buying_power=Money(free_cash(books)),
        equity=Money(equity(books)),
        start_equity=Money(books.start_equity),
        may_short=may_short,
    )


def _lasts(books: Books) -> dict[Symbol, Price]:
    lasts = {symbol: depth.tick.last for symbol, depth in books.matching.depths.items()}
    return {symbol: last for symbol, last in lasts.items() if last is not None}
