"""A profile on the disk with something of everything in it, and the command line as its user types it."""

import asyncio
import io
import sys
from collections.abc import Callable
from pathlib import Path

from app import cli
from app import profile as profiles
from app.admission import record
from core.audit.verify import Verifier
from core.clock import ManualClock
from core.domain.access import Actor, Origin
from core.domain.audit import AuditAction, AuditDraft, AuditRecord
from core.domain.credentials import SecretName, lines
from core.storage import vault
from core.storage.secrets import SecretFile
from core.storage.store import open_store

CHEAP = vault.Cost(memory_kib=8, passes=1, lanes=1)
PASSPHRASE, OTHER = "correct horse battery", "staple of another user"
DESK = Actor("owner", "admin", Origin.DESK, "s1")
SECRET = "aSecretOfSomeLength"
PAIR = lines("PKTESTKEYID0001", SECRET)
Run = Callable[..., tuple[int, str, str]]


def make(root: Path, name: str = "desk") -> profiles.Profile:
    """Make a profile that was used."""
    made = profiles.create(root, name, PASSPHRASE, cost=CHEAP)
    SecretFile(made.folder, key_of(made), ManualClock()).set(SecretName.ALPACA_PAPER, PAIR)
    note(made, "before")
    made.ledger.write_text('{"n":1}\n')
    made.emergency.write_text('{"action":"x"}\n')
    return made


def key_of(desk: profiles.Profile) -> vault.Key:
    """Unlock a profile."""
    return vault.unlock(desk.folder, PASSPHRASE).key


def note(desk: profiles.Profile, word: str) -> None:
    """Append a record to a profile's chain."""
    draft = AuditDraft(AuditAction.PROGRAM_STARTED, DESK, word)
    record(desk.database, desk.folder, key_of(desk), [draft])


def records_of(desk: profiles.Profile) -> tuple[AuditRecord, ...]:
    """Return a profile's whole chain, which holds."""

    async def read():
        store = open_store(desk.database, key_of(desk), create=False)
        assert not (await Verifier(store).verify()).faults
        found = await store.read(lambda reader: reader.audit_records(0, 1000))
        await store.close_async()
        return found

    return asyncio.run(read())


def files_of(folder: Path) -> dict[str, bytes]:
    """Read everything in a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def runner(tmp_path: Path, monkeypatch, capsys) -> Run:
    """Return what runs a command on the data folder `root`, as whoever knows a passphrase."""

    def run(*words: object, by: str = PASSPHRASE, name: str | None = "desk") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        secret = tmp_path / "passphrase"
        secret.touch(mode=0o600)
        secret.write_text(by + "\n")
        first = ["--data-dir", str(tmp_path / "root"), "--passphrase-file", str(secret)]
        profile = [] if name is None else ["--profile", name]
        code = cli.main([*first, *profile, *(str(word) for word in words)])
        out, err = capsys.readouterr()
        assert SECRET not in out + err
        return code, out, err

    return run
