"""SIGKILL anywhere, at the local Alpaca server in a process of its own: both books agree after each recovery.

The server's truth is read from its ledger file, which no code of the program has written.
"""

import json
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from core.clock import SystemClock
from tests import scale
from tests.crash import alpaca_child as child
from tests.crash.warm import LONGEST_S, begin
from tests.fakes.alpaca_rig import CASH, STATUS, WAITING
from tests.fakes.rig import lay_out
from tests.servers.alpaca import ledger

USUAL_KILLS = 5
KILLS_A_PROFILE = 20
LISTENS_WITHIN_S = 20.0
# Each place, and the pass at which the process dies there: OR-2, and the windows about it.
PLACES = (
    ("oms.after_intent", 3),
    ("oms.before_send", 3),
    ("oms.after_send", 3),
    ("oms.before_report", 5),
    ("store.before_commit", 11),
    ("reconcile.middle", 2),
)
ENDS_BY_ITSELF = frozenset({"UNKNOWN", "REJECTED"})


@contextmanager
def account(folder: Path) -> Iterator[None]:
    """Give a folder a database and a server."""
    folder.mkdir(exist_ok=True)
    lay_out(folder)
    server, clock = begin(child.serve, folder), SystemClock()
    try:
        until = clock.monotonic() + LISTENS_WITHIN_S
        while not (folder / "addresses.json").exists():
            assert clock.monotonic() < until
            server.join(0.01)
        yield
    finally:
        server.kill()
        server.join(LONGEST_S)


def _kill_at(folder: Path, seed: int, place: str, passes: int) -> None:
    process = begin(child.victim, folder, seed, place, passes)
    process.join(LONGEST_S)
    assert process.exitcode == -signal.SIGKILL


def _kill_after(folder: Path, seed: int, seconds: float) -> None:
    process = begin(child.victim, folder, seed, None, 0)
    process.join(seconds)
    assert process.exitcode is None
    process.kill()
    process.join(LONGEST_S)


def _recover(folder: Path) -> dict:
    process = begin(child.recovery, folder)
    process.join(3 * LONGEST_S)
    assert process.exitcode == 0
    return json.loads((folder / "book.json").read_text())


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _agrees(folder: Path, answer: dict) -> None:
    assert answer["sent_by_itself"] == 0
    assert answer["second"] == answer["first"]
    assert set(answer["posts"].values()) <= {1}
    assert answer["state"]["problems"] == []
    assert not [text for text in answer["alarms"] if "Outcome unknown" not in text]
    orders = ledger.orders(folder / "alpaca.jsonl")
    _orders_agree(orders, answer["last"])
    _money_agrees(folder, answer["last"])
    _decisions_agree(folder, orders, answer)


def _orders_agree(orders: dict, book: dict) -> None:
    assert set(orders) <= set(book["orders"])
    for cl_ord_id, (status, cum_qty, order_qty) in book["orders"].items():
        if cl_ord_id not in orders:
            assert status in ENDS_BY_ITSELF
            continue
        known = orders[cl_ord_id]
        assert status in {STATUS[known["status"]], *WAITING}
        assert Decimal(cum_qty) == Decimal(known["filled_qty"])
        if known["replaces"] is None:
            assert Decimal(order_qty) == Decimal(known["qty"])


def _money_agrees(folder: Path, book: dict) -> None:
    executed = ledger.executions(folder / "alpaca.jsonl").values()
    signs = {"buy": 1, "sell": -1}
    assert {(name, Decimal(qty), Decimal(px)) for name, (_, qty, px) in book["fills"].items()} == {
        (
            f"{each['order_id']}:{Decimal(each['cum_qty']).normalize():f}",
            signs[each["side"]] * Decimal(each["qty"]),
            Decimal(each["price"]),
        )
        for each in executed
    }
    held: dict[str, Decimal] = {}
    for each in executed:
        held[each["symbol"]] = held.get(each["symbol"], Decimal(0)) + signs[each["side"]] * Decimal(
            each["qty"]
        )
    for positions in (book["positions"], book["in_memory"]):
        assert {symbol: Decimal(qty) for symbol, qty in positions.items()} == held
    rows = ledger.read(folder / "alpaca.jsonl")  # empty if the kill came before the first order
    assert Decimal(book["cash"]) == Decimal(rows[-1]["cash"] if rows else CASH)
    assert book["faults"] == []


def _decisions_agree(folder: Path, orders: dict, answer: dict) -> None:
    decided = {json.loads(line)[0] for line in _lines(folder / "decided.jsonl")}
    new = [known for known in orders.values() if known["replaces"] is None]
    assert len(new) <= len(decided)
    assert set(_lines(folder / "answered.txt")) <= set(answer["first"]["orders"])
    assert {cl_ord_id for _, cl_ord_id in answer["repeated"]} <= set(answer["last"]["orders"])


@pytest.mark.parametrize(("place", "passes"), PLACES, ids=[place for place, _ in PLACES])
def test_or_2_kill_at_a_named_place_leaves_books_that_agree(tmp_path: Path, place: str, passes: int) -> None:
    with account(tmp_path / "a"):
        _kill_at(tmp_path / "a", 1, place, passes)

        _agrees(tmp_path / "a", _recover(tmp_path / "a"))


@pytest.mark.timeout(0)
def test_kills_at_random_moments_leave_books_that_agree_each_time(tmp_path: Path) -> None:
    rng = random.Random(2026)

    left, profile = scale.torture(USUAL_KILLS), 0
    while left > 0:
        profile += 1
        # A profile lives through some kills; then a new one, so that the book stays of a usual size.
        folder = tmp_path / str(profile)
        with account(folder):
            for seed in range(1, min(left, KILLS_A_PROFILE) + 1):
                _kill_after(folder, seed, rng.uniform(0.1, 1.0))

                _agrees(folder, _recover(folder))
        left -= KILLS_A_PROFILE
