"""An export folder finds what was put back together with its side file; while it is away nothing stops."""

import asyncio
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from app import profile as profiles
from app.anchoring import begin_anchoring
from core.adapters import keychain
from core.audit import ledger
from core.bus import Bus
from core.clock import ManualClock
from core.domain.audit import AuditAction, AuditDraft
from core.domain.messages import Notice, Severity
from core.ids import CountedIds, mint_cl_ord_id
from core.storage import engine
from core.storage import tables as t
from core.storage.anchors import FILE
from core.storage.store import open_store
from tests.fakes.desk_files import CHEAP, DESK, PASSPHRASE, Run, files_of, key_of, runner
from tests.integration.test_verify_audit import script

NOW = ManualClock().now()


@pytest.fixture(autouse=True)
def _no_keyring(monkeypatch) -> None:
    monkeypatch.setattr(keychain, "find", lambda: keychain.Found(None, "there is none here"))


@pytest.fixture
def share(tmp_path: Path) -> Path:
    made = tmp_path / "share"
    made.mkdir()
    return made


@pytest.fixture
def desk(tmp_path: Path, share: Path) -> profiles.Profile:
    made = profiles.create(tmp_path / "root", "desk", PASSPHRASE, cost=CHEAP)
    with (made.folder / "profile.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[audit]\nanchor_folder = "{share}"\n')
    return profiles.load(tmp_path / "root", "desk")


@pytest.fixture
def run(tmp_path: Path, monkeypatch, capsys) -> Run:
    return runner(tmp_path, monkeypatch, capsys)


def trade(profile: profiles.Profile, count: int, symbol: str = "AAPL") -> list[Notice]:
    """Go on with the chain up to so many records, and show every witness its head, as a desk does."""
    key, ids, told = key_of(profile), CountedIds(), list[Notice]()

    async def main() -> None:
        store = open_store(profile.database, key, create=False)
        folder = profile.settings.anchor_folder
        made = begin_anchoring(profile.folder, key, store.installation_id, profile.name, folder)
        bus = Bus()
        bus.subscribe(Notice, told.append)

        def work(uow) -> None:
            if uow.audit_head().seq == 0:
                begun = ledger.genesis(store.installation_id, store.created_at_us, DESK, made.public_key)
                ledger.append(uow, begun, NOW)
            while uow.audit_head().seq < count:
                order = mint_cl_ord_id(ids, uow.audit_head().digest)
                draft = AuditDraft(AuditAction.ORDER_PREPARED, DESK, f"{symbol} buy 20", cl_ord_id=order)
                ledger.append(uow, draft, NOW)

        await store.write(work)
        await made.writing(store, ManualClock(), bus).anchor()
        await store.close_async()

    asyncio.run(main())
    return told


def kept(share: Path) -> Path:
    (found,) = share.glob(f"*.{FILE}")
    return found


class Earlier:
    """A copy of what is in the profile, put back by whoever could copy it."""

    def __init__(self, profile: profiles.Profile, folder: Path) -> None:
        self._profile = profile
        shutil.copytree(profile.folder, folder)
        self._folder = folder

    def put_back(self, *names: str) -> None:
        for name in names:
            shutil.copyfile(self._folder / name, self._profile.folder / name)


def tamper(profile: profiles.Profile, *statements) -> None:
    writer = engine.writing_engine(profile.database, key_of(profile))
    with writer.connect() as connection, connection.begin():
        for table in ("audit_log", "audit_payload"):
            for event in ("UPDATE", "DELETE"):
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_{event}")
        for statement in statements:
            connection.execute(statement)
    writer.dispose()


def cut(profile: profiles.Profile, after: int) -> None:
    tamper(
        profile,
        t.audit_payload.delete().where(t.audit_payload.c.seq > after),
        t.audit_log.delete().where(t.audit_log.c.seq > after),
    )


def cut_lines(file: Path, after: int) -> None:
    lines = [line for line in file.read_text().splitlines(keepends=True) if json.loads(line)["seq"] <= after]
    file.write_text("".join(lines))


def rolled_back(desk: profiles.Profile, tmp_path: Path) -> None:
    trade(desk, 10)
    earlier = Earlier(desk, tmp_path / "copy")
    trade(desk, 25)
    earlier.put_back("investiq.db", FILE)


def truncated(desk: profiles.Profile, _: Path) -> None:
    trade(desk, 10)
    trade(desk, 25)
    cut(desk, 10)
    cut_lines(desk.folder / FILE, 10)


def wiped(desk: profiles.Profile, _: Path) -> None:
    trade(desk, 25)
    cut(desk, 0)
    (desk.folder / FILE).write_text("")


def forked(desk: profiles.Profile, tmp_path: Path) -> None:
    trade(desk, 10)
    earlier = Earlier(desk, tmp_path / "copy")
    trade(desk, 25)
    earlier.put_back("investiq.db", FILE)
    apart = replace(desk, settings=replace(desk.settings, anchor_folder=None))
    trade(apart, 40, "MSFT")
    cut_lines(desk.folder / FILE, 0)


def deleted(desk: profiles.Profile, _: Path) -> None:
    trade(desk, 25)
    cut(desk, 24)
    cut_lines(desk.folder / FILE, 24)


@pytest.mark.parametrize(
    ("done", "record"),
    [(rolled_back, 11), (truncated, 11), (wiped, 1), (deleted, 25)],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_what_was_done_to_database_and_side_file_together_is_found_by_the_folder(
    desk, run, share, tmp_path, done, record
):
    done(desk, tmp_path)

    code, _, err = run("audit", "verify")

    assert code == 4
    assert (
        f"record {record}: records up to 25 are known to have existed and are missing (export folder)" in err
    )


def test_other_history_from_some_record_on_is_found_by_the_folder(desk, run, tmp_path):
    forked(desk, tmp_path)

    code, _, err = run("audit", "verify")

    assert code == 4
    assert "record 25: another record stands here than the one that is known to have existed" in err
    assert "(export folder)" in err


def test_roll_back_is_an_alarm_when_the_profile_is_next_opened(desk, tmp_path, share, expected_log):
    expected_log("anchor.missed")
    rolled_back(desk, tmp_path)
    before = kept(share).read_bytes()

    told = trade(desk, 12)

    assert [(each.severity, each.text.partition(":")[0]) for each in told] == [
        (Severity.ALARM, "export folder")
    ]
    assert kept(share).read_bytes() == before


def test_stand_alone_verifier_takes_the_file_of_the_folder(desk, run, share, tmp_path):
    rolled_back(desk, tmp_path)
    apart = kept(share).rename(tmp_path / "kept.jsonl")

    run("audit", "export", str(tmp_path / "e.jsonl"))
    alone = script(str(tmp_path / "e.jsonl"), "--json")
    with_folder = script(str(tmp_path / "e.jsonl"), "--anchors", str(apart), "--json")

    assert json.loads(alone.stdout)["faults"] == []
    (fault,) = json.loads(with_folder.stdout)["faults"]
    assert (fault["kind"], fault["seq"], with_folder.returncode) == ("rolled back", 11, 1)


def test_export_carries_what_the_folder_keeps(desk, run, tmp_path):
    rolled_back(desk, tmp_path)

    run("audit", "export", str(tmp_path / "e.jsonl"))
    done = script(str(tmp_path / "e.jsonl"), "--json")

    assert [each["seq"] for each in json.loads(done.stdout)["faults"]] == [11]


def test_folder_that_is_away_stops_nothing_and_is_caught_up(desk, run, share, tmp_path, expected_log):
    expected_log("anchor.missed")
    trade(desk, 10)
    share.rename(tmp_path / "away")

    told = trade(desk, 20)
    code, out, err = run("audit", "verify")
    (tmp_path / "away").rename(share)
    back = trade(desk, 30)

    assert [(each.severity, "is not there" in each.text) for each in told] == [(Severity.WARNING, True)]
    assert (code, "held against: side file, cl_ord_id" in out) == (0, True)
    assert f"could not be asked: export folder: {share} is not there" in err
    assert back == []
    assert [json.loads(line)["seq"] for line in kept(share).read_text().splitlines()] == [10, 30]


def test_doctor_tells_what_the_folder_keeps_and_when_it_is_away(desk, run, share, tmp_path):
    trade(desk, 10)

    _, there, _ = run("doctor", "--json")
    share.rename(tmp_path / "away")
    code, gone, _ = run("doctor", "--json")

    assert check(there, "anchor folder") == (
        True,
        f"1 signed heads in {share}; it is on the disk of the profile, and would be lost with it",
    )
    assert check(there, "audit chain") == (
        True,
        "verified to 10; held against: side file, export folder, cl_ord_id",
    )
    assert (code, *check(gone, "anchor folder")) == (1, False, f"{share} is not there")
    assert check(gone, "audit chain")[1].endswith(f"no answer from export folder: {share} is not there")


def check(report: str, name: str) -> tuple[bool, str]:
    found = next(each for each in json.loads(report)["checks"] if each["name"] == name)
    return found["passed"], found["found"]


def test_restore_sets_aside_what_the_folder_knows_and_begins_it_anew(desk, run, share):
    trade(desk, 10)
    assert (run("backup", "create"))[0] == 0
    _, listed, _ = run("backup", "list")
    trade(desk, 25)
    before = kept(share).read_text()

    code, _, err = run("backup", "restore", listed.split("\t")[0])

    assert (code, err) == (0, "")
    (aside,) = share.glob("*.set-aside-*.jsonl")
    assert aside.read_text() == before
    assert len(kept(share).read_text().splitlines()) == 1
    assert (run("audit", "verify"))[0] == 0
    assert trade(desk, 30) == []
    (note,) = desk.folder.glob("anchors.set-aside-*.jsonl")
    assert [json.loads(line)["seq"] for line in note.read_text().splitlines()] == [25]


def test_restore_while_the_folder_is_away_tells_it_at_the_next_start(desk, run, share, tmp_path):
    trade(desk, 10)
    run("backup", "create")
    _, listed, _ = run("backup", "list")
    trade(desk, 25)
    share.rename(tmp_path / "away")

    code, _, err = run("backup", "restore", listed.split("\t")[0])
    (tmp_path / "away").rename(share)

    assert (code, "the next start tries again" in err) == (0, True)
    assert (run("audit", "verify"))[0] == 0
    assert len(list(share.glob("*.set-aside-*.jsonl"))) == 1


def test_drill_elsewhere_leaves_the_heads_of_the_profile_alone(desk, run, share, tmp_path):
    trade(desk, 10)
    run("backup", "create")
    _, listed, _ = run("backup", "list")
    trade(desk, 25)
    before = files_of(share)

    drill = ("--data-dir", tmp_path / "drill", "--profile", "drill")

    code, _, err = run(*drill, "backup", "restore", listed.split("\t")[0], name=None)

    assert (code, err) == (0, "")
    assert before.items() <= files_of(share).items()
    assert len(files_of(share)) == 2
