"""The commands about the audit chain: check it, and write it out for whoever does not trust this program."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from app.admission import held_alone
from app.opening import Invocation, let_in, schema_of, used_profile
from app.profile import Profile
from core.clock import SystemClock
from core.domain.audit import AuditReport
from core.errors import RefusalCode, Refused
from core.storage.vault import Key

if TYPE_CHECKING:
    from core.portfolio.archive_check import FillsReport
    from core.storage.store import SqlStore

CHAIN_BROKEN = 4
_TOLD_EVERY = 100_000


def verify_audit(invocation: Invocation, *, as_json: bool) -> int:
    """Check the audit chain of a profile, and its archived fills; 4 where they do not hold."""
    from app.anchoring import find_anchoring
    from core.audit.verify import Verifier
    from core.portfolio.archive_check import FillCheck
    from core.storage.fill_files import fill_files_of
    from core.storage.segments import archives_of

    with _opened(invocation) as (profile, key, store):
        anchoring = find_anchoring(
            profile.folder, key, store.installation_id, profile.name, profile.settings.anchor_folder
        )
        witnesses = anchoring.reading() if anchoring else None
        verifier = Verifier(store, witnesses, archives_of(store.path))
        report = asyncio.run(_with_progress(store, "checked", verifier.verify))
        fills = asyncio.run(FillCheck(store, fill_files_of(store.path)).run(report))
    holds = not report.faults and not fills.faults
    public_key = anchoring.public_key if anchoring else ""
    if as_json:
        facts = {"ok": holds, **asdict(report), "archived_fills": asdict(fills), "public_key": public_key}
        print(json.dumps(facts))
    else:
        _tell(report)
        _tell_fills(fills)
        if public_key:
            print(f"public key: {public_key}")
    return 0 if holds else CHAIN_BROKEN


def export_audit(invocation: Invocation, path: Path) -> int:
    """Write the audit chain of a profile into a signed file; 4 where it does not hold, and is written too."""
    from app.anchoring import begin_anchoring
    from core.audit.export import export_chain
    from core.storage.private_file import replacing
    from core.storage.segments import archives_of

    if path.exists():
        raise Refused(RefusalCode.NAME_TAKEN, f"{path} exists already; nothing was overwritten")
    with _opened(invocation) as (profile, key, store):
        anchoring = begin_anchoring(
            profile.folder, key, store.installation_id, profile.name, profile.settings.anchor_folder
        )
        known = anchoring.reading().ask()
        with replacing(path) as file:
            now = SystemClock().now()
            report = asyncio.run(
                _with_progress(
                    store,
                    "written",
                    lambda progress: export_chain(
                        store, anchoring.signer, known, file, now, progress, archives_of(store.path)
                    ),
                )
            )
    _tell(report)
    print(f"{report.head.seq} records written to {path}, signed; public key: {anchoring.public_key}")
    return CHAIN_BROKEN if report.faults else 0


@contextmanager
def _opened(invocation: Invocation) -> "Iterator[tuple[Profile, Key, SqlStore]]":
    from core.storage.store import open_store

    profile = used_profile(invocation)
    with held_alone(profile):
        key = let_in(profile, invocation).key
        if not schema_of(profile.database, key).is_current:
            raise Refused(
                RefusalCode.NOT_READY, "the database is older than this program: run db upgrade first"
            )
        store = open_store(profile.database, key, create=False)
        try:
            yield profile, key, store
        finally:
            store.close()


async def _with_progress(
    store: "SqlStore", done: str, work: Callable[[Callable[[int], None]], Awaitable[AuditReport]]
) -> AuditReport:
    head = await store.read(lambda reader: reader.audit_head())
    told = 0

    def tell(seq: int) -> None:
        nonlocal told
        if seq - told >= _TOLD_EVERY:
            told = seq
            print(f"{done}: {seq:,} of {head.seq:,} records", file=sys.stderr, flush=True)

    return await work(tell)


def _tell_fills(report: "FillsReport") -> None:
    for words in report.absent:
        print(f"investiq: {words}; its seal alone was checked", file=sys.stderr)
    for words in report.faults:
        print(f"investiq: archived fills: {words}", file=sys.stderr)
    if report.archives and not report.faults:
        print(f"archived fills hold: {report.fills} in {report.archives} archives, and positions add up")


def _tell(report: AuditReport) -> None:
    anchors = ", ".join(report.anchors) or "nothing outside itself yet"
    head = f"record {report.head.seq}, digest {report.head.digest}"
    for words in report.silent:
        print(f"investiq: could not be asked: {words}", file=sys.stderr)
    if report.absent:
        print(
            f"investiq: sealed to {report.sealed_to}; of these the seals alone were checked where:",
            file=sys.stderr,
        )
    for words in report.absent:
        print(f"  {words}", file=sys.stderr)
    if not report.faults:
        print(
            f"the audit chain holds: verified to {report.verified_to}; head: {head}; held against: {anchors}"
        )
        return
    print(
        f"investiq: the audit chain does not hold: verified to {report.verified_to}; head: {head}; "
        f"held against: {anchors}",
        file=sys.stderr,
    )
    for fault in report.faults:
        where = f"record {fault.seq}" if fault.seq else "anchors"
        print(f"  {where}: {fault.reason}", file=sys.stderr)
