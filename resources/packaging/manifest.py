"""The signed list of what a release consists of; resources/verify_release.py checks it (docs/release.md)."""

import hashlib
import json
import secrets
import stat
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from resources.packaging.facts import BuildFacts

FORMAT, VERSION = "investiq-release", 1
NAME, SIGNATURE, SUMS = "MANIFEST.json", "MANIFEST.json.sig", "SHA256SUMS"
LABEL = b"investiq-release-v1"
UNOFFICIAL = (
    "Signed with a key that was made for this build and thrown away: "
    "it proves that the files belong together, not whose they are."
)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What a manifest is signed with.

    Attributes:
        is_official: whether somebody keeps it; a thrown-away one says nothing about who built it.
    """

    private: Ed25519PrivateKey
    is_official: bool

    @property
    def public_hex(self) -> str:
        """The public key, 64 figures."""
        return self.private.public_key().public_bytes_raw().hex()


def signing_key(path: Path | None) -> SigningKey:
    """Read the release key, or make one for this build only.

    Args:
        path: a file of 64 hexadecimal figures, the seed of RFC 8032, that nobody else may read.

    Raises:
        SystemExit: the file is not that. The key itself is never shown.
    """
    if path is None:
        return SigningKey(Ed25519PrivateKey.from_private_bytes(secrets.token_bytes(32)), is_official=False)
    if sys.platform != "win32" and stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise SystemExit(f"packaging: {path} can be read by others; run: chmod 600 {path}")
    try:
        return SigningKey(
            Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip())), is_official=True
        )
    except ValueError:
        raise SystemExit(f"packaging: {path} is no release key: expected 64 hexadecimal figures") from None


def sha256_of(path: Path) -> str:
    """Return the digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path, files: Iterable[Path], facts: BuildFacts, key: SigningKey) -> None:
    """Write SHA256SUMS, the manifest and its signature beside the files of a release."""
    found = sorted(files)
    sums = folder / SUMS
    sums.write_text("".join(f"{sha256_of(path)}  {path.name}\n" for path in found))
    listed = [
        {"name": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in [*found, sums]
    ]
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "release": {
            "version": facts.version,
            "label": facts.label,
            "commit": facts.commit,
            "date": facts.at.date().isoformat(),
        },
        "official": key.is_official,
        "note": "" if key.is_official else UNOFFICIAL,
        "public_key": key.public_hex,
        "files": listed,
    }
    raw = (json.dumps(manifest, indent=1, ensure_ascii=True) + "\n").encode()
    (folder / NAME).write_bytes(raw)
    (folder / SIGNATURE).write_text(key.private.sign(signed_bytes(raw)).hex() + "\n")


def signed_bytes(raw: bytes) -> bytes:
    """Return what is signed: a label of its own, so that no other signature of a key can be shown for it."""
    return LABEL + len(raw).to_bytes(8, "big") + raw
