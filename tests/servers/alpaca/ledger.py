"""What the exchange has done, in a file: a JSON line per operation, on the disk before the answer."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers.alpaca.book import Execution, Order, plain, revived
from tests.servers.alpaca.clock import rfc3339

if TYPE_CHECKING:
    from tests.servers.alpaca.exchange import Exchange

Json = dict[str, Any]


class Ledger:
    """An append-only file. A line that a kill has torn is not counted, and is cut off before the next."""

    def __init__(self, path: Path) -> None:
        self.path = path
        whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(len(whole) + 1 if whole else 0)
        self._file.seek(0, os.SEEK_END)
        self._entries = 0
        self._activities = 0

    def rows(self) -> list[Json]:
        return read(self.path)

    def remember(self, ex: "Exchange") -> None:
        """Take what the exchange holds now as written."""
        self._entries = len(ex.account.entries)
        self._activities = len(ex.activities)

    def write(self, ex: "Exchange", operation: str, facts: Json) -> None:
        """Append one line and wait until it is on the disk."""
        book = ex.book
        symbols = {book.orders[i].symbol for i in ex.touched if i in book.orders}
        row = {
            "at": rfc3339(ex.clock.now_ns()),
            "op": operation,
            **facts,
            "orders": [plain(book.orders[i]) for i in sorted(ex.touched) if i in book.orders],
            "executions": [plain(book.executions[i]) for i in sorted(ex.touched) if i in book.executions],
            "entries": [[kind, ref, str(value)] for kind, ref, value in ex.account.entries[self._entries :]],
            "activities": ex.activities[self._activities :],
            "cash": str(ex.account.cash),
            "account": [
                ex.account.id,
                ex.account.number,
                str(ex.account.opening_cash),
                ex.account.created_ns,
            ],
            "marks": {
                s: [str(ex.market.quotes[s].bid), str(ex.market.quotes[s].ask)]
                for s in sorted(symbols & ex.market.quotes.keys())
            },
            "now_ns": ex.clock.now_ns(),
        }
        self._file.write(json.dumps(row).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.remember(ex)

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> list[Json]:
    """The whole lines of a ledger file."""
    text = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    return [json.loads(line) for line in text.splitlines()]


def orders(path: Path) -> dict[str, Json]:
    """The last state of each order by client_order_id, for comparing a client's book with the exchange's."""
    return {order["client_order_id"]: order for row in read(path) for order in row["orders"]}


def executions(path: Path) -> dict[str, Json]:
    """The last state of each execution by its id."""
    return {execution["id"]: execution for row in read(path) for execution in row["executions"]}


def restore(ex: "Exchange", rows: list[Json]) -> None:
    """Put an exchange where the ledger left it."""
    arrived: dict[str, Json] = {}
    for row in rows:
        arrived.update({order["id"]: order for order in row["orders"]})
        for execution in row["executions"]:
            ex.book.executions[execution["id"]] = revived(Execution, execution)
        ex.account.entries.extend((kind, ref, Decimal(value)) for kind, ref, value in row["entries"])
        ex.activities.extend(row["activities"])
        for renamed in (ref.split() for kind, ref, _ in row["entries"] if kind == "rename"):
            ex.market.rename(*renamed)
        for symbol, (bid, ask) in row["marks"].items():
            ex.market.show_quote(symbol, Decimal(bid), Decimal(ask), 1000, 1000)
    for order in arrived.values():
        ex.book.add(revived(Order, order))
    if rows:
        ident, number, opening, created = rows[-1]["account"]
        ex.account.id, ex.account.number, ex.account.created_ns = ident, number, created
        ex.account.opening_cash = Decimal(opening)
        ex.clock.after(rows[-1]["now_ns"])
        # The seed would deal out the ids of before once more.
        ex.rng.seed(rows[-1]["now_ns"])
    ex.account.rebuild(ex.book.executions)
    if ex.ledger is not None:
        ex.ledger.remember(ex)
