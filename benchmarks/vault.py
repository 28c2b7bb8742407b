"""What the cipher and the vault cost: a durable commit beside the same code without a key, and an unlock.

The commit is the write-ahead of an order: order with body, idempotency row and audit record, one
after the other. Both databases are written in turn, in small batches, so that the disk of a shared machine is
as slow for the one as for the other. An unlock is everything from the passphrase to a database that answers,
without the seconds inside Argon2id, which are wanted. It prints and never fails.
"""

import argparse
import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any
from unittest.mock import patch

from sqlcipher3 import dbapi2

from app import profile as profiles
from benchmarks.harness import Row, head, interval, keep, report, scratch, spread
from core.audit import ledger
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.domain.records import IdempotencyRecord
from core.ids import ClOrdId, CountedIds, IdempotencyKey, mint_cl_ord_id
from core.storage import engine, vault
from core.storage.store import SqlStore, open_store
from core.storage.vault import Key, slots
from tests.ui import pretend

COMMITS, AT_ONCE, WARM = 1_500, 25, 100
UNLOCKS = 40
BAR_RATIO, BAR_UNLOCK_MS = 1.35, 50.0
PASSPHRASE = "walnut ceiling grammar"
DESK = Actor("demo", "trader", Origin.WINDOW, "s1")
NOW = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
BODY = '{"client_order_id":"IQ-0123456789","qty":"20","side":"buy","symbol":"AAPL","type":"limit"}'
VERDICT = '{"outcome":"pass","rules":[' + ",".join(['{"code":"numbers","outcome":"pass"}'] * 20) + "]}"


def _without_key(path: Path, _key: Key, mode: str) -> dbapi2.Connection:
    return dbapi2.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )


@contextmanager
def plain() -> Iterator[None]:
    """Let the same code and library write without a key."""
    with (
        patch.object(engine, "_open", _without_key),
        patch.object(engine, "check_file", lambda _path: None),
        patch.object(engine, "check_pages", lambda _path, _key: None),
    ):
        yield


class Writer:
    """Writes orders ahead into one database, and times each commit.

    Args:
        store: the database.
        is_audited: with the record that belongs to each; without it only to find out what it costs.
    """

    def __init__(self, store: SqlStore, *, is_audited: bool = True) -> None:
        self._store = store
        self._is_audited = is_audited
        self._ids = CountedIds()
        self._count = 0
        self.samples_ms: list[float] = []
        self.appends_us: list[float] = []

    async def write(self, commits: int) -> None:
        for _ in range(commits):
            self._count += 1
            number = self._count

            def work(uow: Any, number: int = number) -> None:
                above = uow.audit_head()
                cl_ord_id = ClOrdId(mint_cl_ord_id(self._ids, above.digest))
                uow.insert_order(pretend.order(cl_ord_id), BODY, VERDICT)
                uow.insert_idempotency(
                    IdempotencyRecord(IdempotencyKey(f"k{number}"), "f" * 64, cl_ord_id, 1)
                )
                if not self._is_audited:
                    return
                facts = {"symbol": "AAPL", "order_qty": "20", "price": "189.43", "n": str(number)}
                draft = AuditDraft(
                    AuditAction.ORDER_PREPARED, DESK, "AAPL buy 20", payload_of(facts), "", cl_ord_id
                )
                began = perf_counter()
                ledger.append(uow, draft, NOW)
                self.appends_us.append(1e6 * (perf_counter() - began))

            began = perf_counter()
            await self._store.write(work)
            self.samples_ms.append(1e3 * (perf_counter() - began))


async def _commits(folder: Path, commits: int) -> tuple[list[float], list[float]]:
    key = vault.create(folder, None)
    keyed = open_store(folder / "keyed.db", key, create=True)
    with plain():
        bare = open_store(folder / "plain.db", key, create=True)
    writers = [Writer(keyed), Writer(bare)]
    for done in range(0, WARM + commits, AT_ONCE):
        # In turn, and each first as often as the other.
        for writer in writers if done // AT_ONCE % 2 else reversed(writers):
            await writer.write(AT_ONCE)
    await keyed.close_async()
    await bare.close_async()
    if not (folder / "plain.db").read_bytes().startswith(b"SQLite format 3"):
        raise RuntimeError("the other database is encrypted too")
    return writers[0].samples_ms[WARM:], writers[1].samples_ms[WARM:]


def commits(count: int) -> None:
    with scratch() as folder:
        ours, bare = asyncio.run(_commits(folder, count))
    keep("vault_commits", {"keyed": ours, "plain": bare})
    with_key, without = median(ours), median(bare)
    detail = {
        "ratio_p50": round(with_key / without, 3),
        "ratio_p99": round(spread(ours)[1] / spread(bare)[1], 3),
        "ci_p50_ms": interval(ours, 50),
        "plain_ci_p50_ms": interval(bare, 50),
        "commits": len(ours),
    }
    bar = round(BAR_RATIO * without, 4)
    row = Row(
        f"durable commit with cipher, p50 (at most {BAR_RATIO:g} of plain)",
        with_key,
        without,
        "the same code and library without a key",
        bar,
        "ms",
        with_key <= bar,
        detail,
    )
    report(row)


def unlocks(count: int) -> None:
    inside_s = 0.0
    real = slots.stretched

    def timed(*given: Any) -> bytes:
        nonlocal inside_s
        began = perf_counter()
        found = real(*given)
        inside_s += perf_counter() - began
        return found

    samples: list[float] = []
    argon: list[float] = []
    with scratch() as folder, patch.object(slots, "stretched", timed):
        made = profiles.create(folder, "desk", PASSPHRASE)
        for _ in range(count):
            inside_s, began = 0.0, perf_counter()
            opened = profiles.open_profile(made.folder, PASSPHRASE)
            samples.append(1e3 * (perf_counter() - began - inside_s))
            argon.append(1e3 * inside_s)
            opened.store.close()
            opened.lock.release()
    keep("vault_unlocks", samples)
    p50, p99, _ = spread(samples)
    detail = {
        "p50": round(p50, 1),
        "first_with_imports": round(samples[0], 1),
        "argon2id_p50": round(median(argon), 1),
        "unlocks": len(samples),
    }
    is_met = p99 <= BAR_UNLOCK_MS
    report(
        Row("unlock, Argon2id aside, p99", p99, BAR_UNLOCK_MS, "limit", BAR_UNLOCK_MS, "ms", is_met, detail)
    )


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--commits", type=int, default=COMMITS)
    options.add_argument("--unlocks", type=int, default=UNLOCKS)
    given = options.parse_args()
    head()
    commits(given.commits)
    unlocks(given.unlocks)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
