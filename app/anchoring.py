"""What signs the head of a profile's audit chain, and who outside its database is shown it."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from core.adapters import keychain
from core.adapters.keychain import KeychainAnchor
from core.audit.anchors import Anchorer
from core.audit.witnessed import Witnesses
from core.bus import Bus
from core.clock import Clock
from core.ports.anchors import Witness
from core.storage.anchor_folder import AnchorFolder, anchor_folder
from core.storage.anchors import FILE, AnchorFile, SigningKey, find_signing_key, signing_key
from core.storage.store import SqlStore
from core.storage.vault import Key


@dataclass(frozen=True, slots=True)
class Anchoring:
    """The key of an installation, and its witnesses.

    Attributes:
        witnesses: the side file; the keyring where there is one; the folder where one is set.
    """

    installation_id: str
    signer: SigningKey
    witnesses: tuple[Witness, ...]

    @property
    def public_key(self) -> str:
        """64 hexadecimal digits: for the genesis, and for a person to note."""
        return self.signer.public_key.hex()

    def reading(self) -> Witnesses:
        """Return what the verifier asks."""
        return Witnesses(self.installation_id, self.signer.public_key, self.witnesses)

    def writing(self, store: SqlStore, clock: Clock, bus: Bus) -> Anchorer:
        """Return what shows them the head; it lives on the core loop."""
        return Anchorer(store, self.installation_id, self.signer, self.witnesses, clock, bus)


def begin_anchoring(
    folder: Path, key: Key, installation_id: str, profile: str | None, export_folder: Path | None = None
) -> Anchoring:
    """Put a profile's anchoring together; its key is made if there is none. May wait for a person.

    Args:
        folder: the profile's.
        profile: its name, for the keyring; None for a throwaway one, of which a keyring is told nothing.
        export_folder: where heads are appended hourly as well; it may be away.

    Raises:
        DatabaseDamaged: the key is gone or not ours, though heads were signed with it.
        StorageUnwritable: the key cannot be read or made.
    """
    signer = signing_key(folder, key)
    return Anchoring(installation_id, signer, _witnesses(folder, installation_id, profile, export_folder))


def find_anchoring(
    folder: Path, key: Key, installation_id: str, profile: str, export_folder: Path | None
) -> Anchoring | None:
    """Put together what can be checked against, and write nothing; None where no key was made yet.

    Raises:
        DatabaseDamaged, StorageUnwritable: as `begin_anchoring`.
    """
    signer = find_signing_key(folder, key)
    if signer is None:
        return None
    return Anchoring(installation_id, signer, _witnesses(folder, installation_id, profile, export_folder))


def keyring_anchor(folder: Path, profile: str) -> KeychainAnchor | None:
    """Return the keyring as a witness of the profile in a folder; None where there is none."""
    keyring = keychain.find()
    if keyring.backend is None:
        return None
    return KeychainAnchor(keyring.backend, f"{profile} {_place(folder)}")


def folder_anchor(folder: Path, installation_id: str, export_folder: Path) -> AnchorFolder:
    """Return a folder of the user's choice as a witness of the profile in a folder."""
    return anchor_folder(export_folder, folder, f"{installation_id}.{_place(folder)}")


def _place(folder: Path) -> str:
    # Another data folder with a profile of this name is another profile, such as a restored copy of it.
    return sha256(str(folder.resolve()).encode()).hexdigest()[:8]


def _witnesses(
    folder: Path, installation_id: str, profile: str | None, export_folder: Path | None
) -> tuple[Witness, ...]:
    found: list[Witness] = [AnchorFile(folder / FILE)]
    keyring = keyring_anchor(folder, profile) if profile is not None else None
    if keyring is not None:
        found.append(keyring)
    if export_folder is not None:
        found.append(folder_anchor(folder, installation_id, export_folder))
    return tuple(found)
