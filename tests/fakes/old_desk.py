"""A profile that is old enough to archive something: records and closed lots of 2024, and a fill of now."""

import asyncio
from pathlib import Path

from app import profile as profiles
from app.anchoring import begin_anchoring
from core.audit import ledger
from core.clock import SystemClock
from core.domain.audit import AuditAction, AuditDraft
from core.storage import vault
from core.storage.store import open_store
from tests.fakes.desk_files import CHEAP, DESK, PASSPHRASE
from tests.fakes.fill_history import OLD, FillHistory, days, fill, round_trip

RECORDS = 20  # the newest of them is young
SYMBOLS = ("AAPL", "MSFT")


def make_old(root: Path) -> profiles.Profile:
    """Make a profile with 19 old records, two old round trips in two symbols, and something of now."""
    made = profiles.create(root, "desk", PASSPHRASE, cost=CHEAP)
    key = vault.unlock(made.folder, PASSPHRASE).key

    async def main() -> None:
        store = open_store(made.database, key, create=False)
        now = SystemClock().now()
        public_key = begin_anchoring(made.folder, key, store.installation_id, made.name).public_key

        def work(uow) -> None:
            ledger.append(uow, ledger.genesis(store.installation_id, 1, DESK, public_key), OLD)
            for number in range(2, RECORDS):
                ledger.append(uow, AuditDraft(AuditAction.ORDER_FILLED, DESK, f"AAPL {number}"), OLD)
            ledger.append(uow, AuditDraft(AuditAction.ORDER_FILLED, DESK, "AAPL now"), now)

        await store.write(work)
        history = FillHistory(store, key)
        for number, symbol in enumerate(SYMBOLS * 2):
            await history.book(*round_trip(f"{symbol}-{number}", OLD + days(number), symbol=symbol))
        await history.book(fill("now", at=now))
        await store.close_async()

    asyncio.run(main())
    return made
