"""What the audit record of an order costs, on top of the durable commit of all else that is written ahead.

Two encrypted databases are written in turn, in small batches: an order with its body and its idempotency row,
with the record and without it. The bar is held against the difference of the two; what sealing the record and
putting it into the transaction takes by itself is told with it. It prints and never fails.
"""

import argparse
import asyncio
from pathlib import Path
from statistics import median

from benchmarks.harness import Row, head, interval, keep, report, scratch, spread
from benchmarks.vault import AT_ONCE, WARM, Writer
from core.storage import vault
from core.storage.store import open_store

COMMITS, BAR_US = 3_000, 250.0


async def measure(folder: Path, commits: int) -> tuple[Writer, Writer]:
    """Write both, and return them with their samples: with the record and without it."""
    key = vault.create(folder, None)
    stores = [open_store(folder / name, key, create=True) for name in ("audited.db", "silent.db")]
    writers = [Writer(stores[0]), Writer(stores[1], is_audited=False)]
    for done in range(0, WARM + commits, AT_ONCE):
        # In turn, and each first as often as the other.
        for writer in writers if done // AT_ONCE % 2 else reversed(writers):
            await writer.write(AT_ONCE)
    for store in stores:
        await store.close_async()
    return writers[0], writers[1]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--commits", type=int, default=COMMITS)
    with scratch() as folder:
        audited, silent = asyncio.run(measure(folder, options.parse_args().commits))
    with_us = [1e3 * each for each in audited.samples_ms[WARM:]]
    without_us = [1e3 * each for each in silent.samples_ms[WARM:]]
    alone_us = audited.appends_us[WARM:]
    keep("audit_append", {"with_us": with_us, "without_us": without_us, "alone_us": alone_us})
    more = median(with_us) - median(without_us)
    p50, p99, _ = spread(alone_us)
    detail = {
        "commit_with_p50_us": round(median(with_us), 1),
        "ci_p50_us": interval(with_us, 50),
        "commit_without_p50_us": round(median(without_us), 1),
        "without_ci_p50_us": interval(without_us, 50),
        "alone_p50_us": round(p50, 1),
        "alone_p99_us": round(p99, 1),
        "commits": len(with_us),
    }
    head()
    report(
        Row(
            "audit append, on top of the commit, p50",
            more,
            BAR_US,
            "limit",
            BAR_US,
            "us",
            more <= BAR_US,
            detail,
        )
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
