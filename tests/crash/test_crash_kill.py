"""SIGKILL anywhere: no order twice, none forgotten, and the book re-adds to the exchange's own ledger."""

import json
import random
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from tests import scale
from tests.crash import child
from tests.crash.warm import LONGEST_S, begin
from tests.fakes.oracle import read_oracle
from tests.fakes.rig import lay_out

USUAL_KILLS = 20
KILLS_A_PROFILE = 20
# Each place, and the pass at which the process dies there.
PLACES = (
    ("gate.asked", 3),
    ("gate.confirmed", 3),
    ("oms.before_intent", 4),
    ("oms.after_intent", 4),
    ("oms.before_send", 4),
    ("oms.after_send", 3),
    ("oms.before_report", 6),
    ("oms.after_report", 6),
    ("store.before_commit", 12),
    ("store.after_commit", 12),
    ("reconcile.before", 2),
    ("reconcile.middle", 2),
    ("simulator.ledger.before_write", 5),
    ("simulator.ledger.after_write", 5),
)


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


def _recover(folder: Path, seed: int) -> dict:
    process = begin(child.recovery, folder, seed)
    process.join(LONGEST_S)
    assert process.exitcode == 0
    return json.loads((folder / "book.json").read_text())


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _agrees(folder: Path, answer: dict) -> None:
    oracle, book = read_oracle(folder / "exchange.jsonl"), answer["last"]

    assert answer["sent_by_itself"] == 0
    assert answer["second"] == answer["first"]
    assert not [text for text in answer["alarms"] if "Outcome unknown" not in text]
    _orders_agree(oracle, book)
    _money_agrees(oracle, book)
    _decisions_agree(folder, oracle, answer)


def _orders_agree(oracle, book: dict) -> None:
    assert oracle.twice == set()
    assert set(oracle.ours()) <= set(book["orders"])
    for cl_ord_id, (status, cum_qty, order_qty) in book["orders"].items():
        if cl_ord_id in oracle.orders:
            assert order_qty == oracle.orders[cl_ord_id]["order_qty"]
            assert Decimal(cum_qty) == oracle.cum.get(cl_ord_id, Decimal(0))
            assert status in (oracle.status[cl_ord_id], "PENDING_CANCEL", "PENDING_REPLACE")
        else:
            assert status in ("UNKNOWN", "REJECTED")


def _money_agrees(oracle, book: dict) -> None:
    assert {key: Decimal(qty) for key, (_, qty) in book["fills"].items()} == {
        key: qty for key, (_, _, qty, _) in oracle.fills.items()
    }
    for positions in (book["positions"], book["in_memory"]):
        for symbol, qty in positions.items():
            assert Decimal(qty) == oracle.position(symbol)
        assert {symbol for _, symbol, _, _ in oracle.fills.values()} == set(positions)
    assert Decimal(book["cash"]) == oracle.cash
    assert book["faults"] == []


def _decisions_agree(folder: Path, oracle, answer: dict) -> None:
    decided = [json.loads(line)[0] for line in _lines(folder / "decided.jsonl")]
    new = [cl_ord_id for cl_ord_id in oracle.ours() if oracle.orig[cl_ord_id] is None]
    assert len(new) <= len(set(decided))
    assert set(_lines(folder / "answered.txt")) <= set(answer["first"]["orders"])
    assert {cl_ord_id for _, cl_ord_id in answer["repeated"]} <= set(answer["last"]["orders"])


@pytest.mark.parametrize(("place", "passes"), PLACES, ids=[place for place, _ in PLACES])
def test_kill_at_a_named_place_leaves_a_book_that_agrees(tmp_path: Path, place: str, passes: int) -> None:
    lay_out(tmp_path)

    _kill_at(tmp_path, 1, place, passes)

    _agrees(tmp_path, _recover(tmp_path, 1))


@pytest.mark.timeout(0)
def test_kills_at_random_moments_leave_a_book_that_agrees_each_time(tmp_path: Path) -> None:
    rng = random.Random(2026)

    for cycle in range(max(1, scale.torture(USUAL_KILLS) - len(PLACES))):
        # A profile lives through some kills; then a new one, so that the book stays of a usual size.
        folder = tmp_path / str(cycle // KILLS_A_PROFILE)
        folder.mkdir(exist_ok=True)
        lay_out(folder)
        seed = cycle % KILLS_A_PROFILE + 1
        _kill_after(folder, seed, rng.uniform(0.02, 0.4))

        _agrees(folder, _recover(folder, seed))
