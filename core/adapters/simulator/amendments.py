"""Fills that the exchange takes back or corrects, as its staff would after an erroneous trade."""

from core.adapters.simulator.books import Books
from core.adapters.simulator.floor import Floor
from core.domain.money import Price
from core.errors import BrokerRejected
from core.ids import ExecId


class Amendments:
    """Busts and corrections; cash and shares follow exactly.

    An order that has ended does not work again, one that is open works for what was taken back. The count
    of a replacement that took a fill over from the order before it stays as it is.
    """

    def __init__(self, books: Books, floor: Floor) -> None:
        self._books = books
        self._floor = floor

    def bust(self, exec_id: ExecId) -> None:
        """Take a fill back as if it had never been.

        Raises:
            BrokerRejected: there is no such fill, or it was taken back before.
        """
        self._amend(exec_id, None)

    def correct(self, exec_id: ExecId, price: Price) -> None:
        """Change the price of a fill; the fee follows.

        Raises:
            BrokerRejected: there is no such fill, or it was taken back before.
        """
        self._amend(exec_id, price)

    def _amend(self, exec_id: ExecId, price: Price | None) -> None:
        found = self._books.orders.fill(exec_id)
        if found is None:
            raise BrokerRejected(f"{exec_id} is no fill that counts")
        self._floor.amend(*found, price)
        self._books.publish()
