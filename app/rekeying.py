"""A profile under a new key: the rotation, and its record in the same breath."""

from collections.abc import Sequence
from pathlib import Path

from app.admission import Admitted, Work, record
from core.clock import SystemClock
from core.domain.audit import AuditAction, AuditDraft, payload_of
from core.storage import rotation, vault
from core.storage.vault import Key


def rekey(
    admitted: Admitted,
    drafts: Sequence[AuditDraft] = (),
    work: Work = lambda _: None,
    *,
    without: str | None = None,
) -> Key:
    """Re-encrypt a profile that is held, and record it in what takes the old one's place.

    Args:
        drafts: what is recorded beside the new key, and `work` is what they tell of.
        without: a user whose slots are left out.

    Raises:
        StorageError: the profile is as it was.
        Refused: its key file has its first format still.
    """
    folder = admitted.profile.folder
    facts = {"generation": vault.generation(folder) + 1, "without": without or ""}
    rotated = AuditDraft(AuditAction.KEY_ROTATED, admitted.actor, admitted.profile.name, payload_of(facts))

    def note(staged: Path, new: Key) -> None:
        # The signing key is sealed under the old one until the moment of decision.
        record(staged, folder, new, [*drafts, rotated], work, signed_under=admitted.key)

    return rotation.rotate(
        folder, admitted.profile.database, admitted.key, SystemClock().now(), note, without=without
    )
