"""Verifying the audit chain: records a second, and memory, of the program's verifier and of the script.

The chain stands in a real encrypted database, an order id on every fourth record. Ours reads it in pages; the
script reads the export of it. Each runs in a process of its own: what counts is its own processor time, since
the machine is shared (the seconds on the wall stand beside), and its greatest resident size compared with
that of the same process on half of the records (by then the page caches of the two read connections, 64 MB
each, are full). It prints and never fails.
"""

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

from sqlalchemy import insert

from app.anchoring import Anchoring, begin_anchoring
from benchmarks.harness import ROOT, Row, head, keep, report, scratch
from core.audit import ledger
from core.audit.chain import START
from core.audit.export import export_chain
from core.audit.verify import Verifier
from core.bus import Bus
from core.clock import SystemClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft, AuditHead, AuditRecord, AuditReport, payload_of
from core.ids import CountedIds, mint_cl_ord_id
from core.storage import engine
from core.storage import tables as t
from core.storage.anchors import signing_key
from core.storage.private_file import replacing
from core.storage.rows import audit_values
from core.storage.store import SqlStore, open_store
from core.storage.vault import Key

RECORDS, BAR_ROWS_PER_S, BAR_GROWTH_MB = 1_000_000, 100_000, 10.0
AT_ONCE = 5_000
KEY = Key(bytes(range(32)))
DESK = Actor("demo", "trader", Origin.DESK, "s1")
BEGIN = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
DATABASE, EXPORT = "investiq.db", "export.jsonl"


def chain(installation_id: str, public_key: str, count: int) -> Iterator[AuditRecord]:
    """Yield a chain as a desk makes it."""
    record = ledger.seal(START, ledger.genesis(installation_id, 1, DESK, public_key), BEGIN)
    yield record
    ids = CountedIds()
    for number in range(1, count):
        above = AuditHead(record.seq, record.digest)
        order = mint_cl_ord_id(ids, record.digest) if number % 4 == 1 else ""
        action = AuditAction.ORDER_PREPARED if order else AuditAction.ORDER_FILLED
        facts = {"symbol": "AAPL", "side": "BUY", "order_qty": "20", "price": "189.43", "n": number}
        draft = AuditDraft(action, DESK, f"AAPL buy {number}", payload_of(facts), "b-1", order)
        record = ledger.seal(above, draft, BEGIN + timedelta(seconds=number))
        yield record


def build(folder: Path, count: int) -> None:
    """Fill a database, anchor its head and export it."""
    store = open_store(folder / DATABASE, KEY, create=True)
    public_key = signing_key(folder, KEY).public_key.hex()
    writer = engine.writing_engine(store.path, KEY)
    with writer.connect() as connection, connection.begin():
        batch: list[AuditRecord] = []

        def flush() -> None:
            connection.execute(insert(t.audit_log), [audit_values(each) for each in batch])
            rows = [{"seq": each.seq, "payload": each.payload} for each in batch]
            connection.execute(insert(t.audit_payload), rows)
            batch.clear()

        for record in chain(store.installation_id, public_key, count):
            batch.append(record)
            if len(batch) == AT_ONCE or record.seq == count:
                flush()
    writer.dispose()
    store.close()


async def _export(store: SqlStore, anchoring: Anchoring, path: Path) -> AuditReport:
    await anchoring.writing(store, SystemClock(), Bus()).anchor()
    with replacing(path) as file:
        known = anchoring.reading().ask()
        return await export_chain(store, anchoring.signer, known, file, SystemClock().now())


def child(work: str, folder: Path) -> None:
    """Export or verify the database, and print what it took."""
    store = open_store(folder / DATABASE, KEY, create=False)
    anchoring = begin_anchoring(folder, KEY, store.installation_id, None)
    begin, begin_cpu = perf_counter(), process_time()
    if work == "export":
        found = asyncio.run(_export(store, anchoring, folder / EXPORT))
    else:
        found = asyncio.run(Verifier(store, anchoring.reading()).verify())
    wall, cpu = perf_counter() - begin, process_time() - begin_cpu
    store.close()
    size = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    mb = int(size.split()[1]) / 1024
    print(json.dumps({"ok": not found.faults, "records": found.head.seq, "wall": wall, "cpu": cpu, "mb": mb}))


# The script is run as it is; around it stands only what reads the clocks.
SCRIPT = """
import json, runpy, sys, time
from pathlib import Path
begin, begin_cpu = time.perf_counter(), time.process_time()
sys.argv = [sys.argv[1], sys.argv[2], "--json"]
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as end:
    wall, cpu = time.perf_counter() - begin, time.process_time() - begin_cpu
    size = next(line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
    print(json.dumps({"ok": end.code == 0, "wall": wall, "cpu": cpu, "mb": int(size.split()[1]) / 1024}))
"""


def measure(folder: Path) -> dict[str, dict[str, float]]:
    """Export and verify, each in a process of its own."""
    module = [sys.executable, "-m", "benchmarks.verify_audit", "--folder", str(folder), "--child"]
    script = [sys.executable, "-I", "-S", "-c", SCRIPT, str(ROOT / "resources" / "verify_audit.py")]
    commands = {
        "export": [*module, "export"],
        "verifier": [*module, "verify"],
        "script": [*script, str(folder / EXPORT)],
    }
    found = {}
    for name, command in commands.items():
        ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        found[name] = json.loads(ran.stdout.splitlines()[-1])
    return found


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=RECORDS)
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--child", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child is not None:
        child(given.child, given.folder)
        return 0
    found = []
    for count in (max(1, given.rows // 2), given.rows):
        with scratch() as folder:
            build(folder, count)
            found.append(measure(folder))
    keep("verify_audit", found)
    tell(given.rows, *found)
    return 0


def tell(count: int, small: dict[str, dict[str, float]], large: dict[str, dict[str, float]]) -> None:
    """Print the table."""
    head()
    detail: dict[str, object] = {"records": count}
    for name, each in large.items():
        detail[f"{name}_rows_per_cpu_s"] = round(count / each["cpu"])
        detail[f"{name}_rows_per_s"] = round(count / each["wall"])
    ours, script = (1e6 * large[name]["cpu"] / count for name in ("verifier", "script"))
    bar = 1e6 / BAR_ROWS_PER_S
    is_met = ours <= bar and bool(large["verifier"]["ok"])
    name = f"verify {count:,} records, processor time"
    report(Row(name, ours, script, "stand-alone script", bar, "us/record", is_met, detail))
    for part, each in large.items():
        growth = each["mb"] - small[part]["mb"]
        sizes = {"half_mb": round(small[part]["mb"], 1), "all_mb": round(each["mb"], 1)}
        is_flat = growth < BAR_GROWTH_MB and bool(each["ok"])
        name = f"memory of the {part}, twice the records"
        report(Row(name, growth, BAR_GROWTH_MB, "limit", BAR_GROWTH_MB, "MB more", is_flat, sizes))


if __name__ == "__main__":
    raise SystemExit(main())
