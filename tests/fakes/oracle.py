"""The exchange's ledger file read by hand: dictionaries, Decimal, and nothing of the program's own code."""

import json
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path


@dataclass
class Oracle:
    """What the exchange wrote down.

    Attributes:
        orders: terms of each accepted order by client id.
        twice: client ids that were accepted more than once.
        cum: shares filled in all, by client id.
        status: the last state written, by client id.
        fills: signed shares and cash flow of each fill by its `exec_id`.
    """

    cash: Decimal = Decimal(0)
    orders: dict[str, dict] = field(default_factory=dict)
    orig: dict[str, str | None] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)
    cum: dict[str, Decimal] = field(default_factory=dict)
    status: dict[str, str] = field(default_factory=dict)
    fills: dict[str, tuple[str, str, Decimal, Decimal]] = field(default_factory=dict)

    def position(self, symbol: str) -> Decimal:
        return sum((qty for _, of, qty, _ in self.fills.values() if of == symbol), Decimal(0))

    def ours(self) -> dict[str, dict]:
        return {cl_ord_id: body for cl_ord_id, body in self.orders.items() if cl_ord_id.startswith("IQ-")}

    def open(self) -> dict[str, Decimal]:
        """Shares that may still fill, by client id."""
        ended = {"FILLED", "CANCELED", "EXPIRED", "REJECTED", "REPLACED"}
        return {
            cl_ord_id: Decimal(body["order_qty"]) - self.cum.get(cl_ord_id, Decimal(0))
            for cl_ord_id, body in self.orders.items()
            if self.status.get(cl_ord_id, "NEW") not in ended
        }

    def _fact(self, fact: dict) -> None:
        if fact["kind"] == "genesis":
            self.cash = Decimal(fact["cash"])
        elif fact["kind"] == "order":
            cl_ord_id = fact["cl_ord_id"]
            if cl_ord_id in self.orders:
                self.twice.add(cl_ord_id)
            self.orders[cl_ord_id] = fact["terms"]
            self.orig[cl_ord_id] = fact["orig_cl_ord_id"]
        elif fact["kind"] == "report":
            self._report(fact["report"])

    def _report(self, report: dict) -> None:
        cl_ord_id = report["cl_ord_id"]
        self.status[cl_ord_id] = report["ord_status"]
        self.cum[cl_ord_id] = Decimal(report["cum_qty"])
        if report["exec_type"] != "trade":
            return
        sign = 1 if report["terms"]["side"] == "buy" else -1
        qty, px, fee = (Decimal(report[name]) for name in ("last_qty", "last_px", "fee"))
        flow = -sign * qty * px - fee
        self.fills[report["exec_id"]] = (cl_ord_id, report["terms"]["symbol"], sign * qty, flow)
        self.cash += flow


def read_oracle(path: Path) -> Oracle:
    """Read a ledger; a torn last line was never answered for."""
    oracle = Oracle()
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    for line in whole.splitlines():
        for fact in json.loads(line)["facts"]:
            oracle._fact(fact)
    return oracle
