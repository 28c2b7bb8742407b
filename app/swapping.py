"""The last step of a restore, also when it was cut off: folders change places, and the witnesses are told."""

import json
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

from app.anchoring import folder_anchor, keyring_anchor
from app.instance import ProfileLock
from app.profile import PROFILES, load_folder
from core.errors import KeyringUnavailable, ProfileInUse, Refused, SettingInvalid, StorageUnwritable
from core.storage.backup_swap import MARK, STAGED, Decision, decision_of, finish, move


def settle(root: Path) -> None:
    """Finish every restore that was cut off after its decision, and clear away those cut off before.

    Raises:
        StorageError: a folder could not be moved; the next start tries again.
    """
    parent = root / PROFILES
    names = {path.name.removesuffix(".lock") for path in parent.glob(f"{STAGED}*")}
    for staged in sorted(parent / name for name in names):
        lock = staged.with_name(f"{staged.name}.lock")
        try:
            with ProfileLock(lock):
                _settle(staged)
        except ProfileInUse:  # one that is being made
            continue
        lock.unlink(missing_ok=True)
    for mark in sorted(parent.glob(f"[!.]*/{MARK}")):
        _tell_witnesses(mark.parent)


def _settle(staged: Path) -> None:
    decision = decision_of(staged)
    if decision is None:
        shutil.rmtree(staged, ignore_errors=True)
        return
    target = staged.parent / decision.target
    with ExitStack() as held:
        if target.exists() and sys.platform != "win32":
            held.enter_context(ProfileLock(target / "lock"))
        move(staged, decision)


def put(staged: Path, decision: Decision) -> None:
    """Carry a decision out.

    Raises:
        Refused, StorageUnwritable: what stood there stands there, and nothing is decided any more.
    """
    try:
        _tell_witnesses(move(staged, decision))
    except (Refused, StorageUnwritable):
        # What stood there stands there, so it is as if nothing had been decided.
        (staged / MARK).unlink(missing_ok=True)
        raise


def _tell_witnesses(folder: Path) -> None:
    decision = decision_of(folder)
    if decision is None:
        return
    try:
        keyring = keyring_anchor(folder, folder.name)
        if keyring is not None:
            keyring.keep(decision.anchor)
        _tell_folder(folder, decision.anchor)
    except (KeyringUnavailable, StorageUnwritable, SettingInvalid) as error:
        print(f"investiq: a witness was not told, the next start tries again: {error}", file=sys.stderr)
        return
    finish(folder)


def _tell_folder(folder: Path, anchor: str) -> None:
    export_folder = load_folder(folder).settings.anchor_folder
    if export_folder is None:
        return
    signed = json.loads(anchor)
    installation_id = str(signed["installation_id"])
    # What it knows of the chain that was replaced is no fault of the restored one, and not thrown away.
    name = f"{installation_id}.set-aside-{signed['at_us']}.jsonl"
    folder_anchor(folder, installation_id, export_folder).set_aside(name, anchor)
