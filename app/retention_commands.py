"""The command that archives what is past its keep-by date."""

import asyncio
from datetime import timedelta

from app.admission import admit, held_alone
from app.opening import Invocation, used_profile
from core.access.policy import Duty
from core.clock import SystemClock


def run(invocation: Invocation, *, is_dry: bool) -> int:
    """Archive the audit records and fills that are due, or say which these are; both print the same lines."""
    from core.audit.journal import AuditJournal
    from core.audit.sealing import Sealer, due_before
    from core.bus import Bus
    from core.portfolio.archiving import FillArchiver
    from core.storage.fill_files import fill_files_of
    from core.storage.segments import archives_of
    from core.storage.store import open_store

    profile = used_profile(invocation)
    clock = SystemClock()
    with held_alone(profile):
        person = admit(profile, invocation, Duty.RUN_RETENTION)
        store = open_store(profile.database, person.key, create=False)
        try:
            journal = AuditJournal(store, clock, Bus(), profile.emergency)
            sealer = Sealer(store, journal, archives_of(store.path))
            archiver = FillArchiver(store, journal, fill_files_of(store.path))
            before = due_before(clock.now(), timedelta(days=profile.settings.keep_audit_days))
            filled_before = due_before(clock.now(), timedelta(days=profile.settings.keep_fill_days))
            due, fills = asyncio.run(sealer.due(before)), asyncio.run(archiver.due(filled_before))
            if not is_dry:
                asyncio.run(sealer.run(before, clock.now(), person.actor))
                asyncio.run(archiver.run(filled_before, clock.now(), person.actor))
        finally:
            store.close()
    for span in due:
        print(f"records {span.first_seq} to {span.last_seq}: {span.records}")
    print(f"{sum(span.records for span in due)} audit records from before {before:%Y-%m-%d} UTC")
    for each in fills:
        print(f"{each.symbol}: {each.fills} fills, {len(each.closes)} closed pieces")
    print(f"{sum(each.fills for each in fills)} fills from before {filled_before:%Y-%m-%d} UTC")
    print(
        "dry run: nothing was changed"
        if is_dry
        else "they stand in archives now, and their seals in the database"
    )
    return 0
