"""What a profile leaves beside its database can be read by its owner alone."""

import stat

from core.adapters.simulator.ledger import Ledger
from core.audit.journal import AuditJournal
from core.bus import Bus
from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_ledger_of_the_exchange_is_private(tmp_path):
    ledger = Ledger(tmp_path / "exchange.ledger", fsync=False)

    ledger.close()

    assert mode_of(tmp_path / "exchange.ledger") == 0o600


def test_emergency_file_is_private(tmp_path):
    path = tmp_path / "emergency.jsonl"
    journal = AuditJournal(None, ManualClock(), Bus(), path)
    actor = Actor("demo", "trader", Origin.WINDOW, "s")

    journal.note(AuditDraft(AuditAction.CANCEL_REQUESTED, actor, "AAPL buy 10"))

    assert mode_of(path) == 0o600
    assert path.read_bytes().count(b"\n") == 1
