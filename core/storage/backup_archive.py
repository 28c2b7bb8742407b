"""The file of a backup: a zip whose members are stored as they are, and a manifest that vouches for each.

Nothing in it is compressed, so that nothing can grow when it is taken out; its members are a list that is
known beforehand, so that no name in it decides where a byte is written. The manifest is authenticated under
a key that is derived from the profile's: whoever has no passphrase of it can neither make nor change one.
"""

import hashlib
import hmac
import json
import re
import shutil
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from core.domain.audit import AuditHead
from core.errors import BadInput, StorageUnwritable
from core.storage import anchors, secrets, vault
from core.storage.archive_folder import FOLDER as ARCHIVES
from core.storage.private_file import replacing
from core.storage.vault import Key

DATABASE = "investiq.db"
SETTINGS = "profile.toml"
LEDGER = "exchange.ledger"
EMERGENCY = "emergency.jsonl"
NEEDED = (vault.FILE, SETTINGS, DATABASE)
MEMBERS = (*NEEDED, secrets.FILE, anchors.KEY_FILE, anchors.FILE, EMERGENCY, LEDGER)
MANIFEST, MAC = "manifest.json", "manifest.mac"

_FORMAT = 1
_LABEL = b"investiq backup manifest v1"
_MAC_BYTES = 64
_LARGEST = {MANIFEST: 1024 * 1024, MAC: _MAC_BYTES, vault.FILE: 1024 * 1024}
_CHUNK = 1024 * 1024
_ARCHIVE = re.compile(rf"{ARCHIVES}/[A-Za-z0-9][A-Za-z0-9._-]{{0,120}}")
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the manifest says when; a zip would say it in nobody's zone
# What the standard library raises for a zip that is none.
_UNREADABLE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError,
    ValueError, OverflowError, struct.error,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a backup.

    Attributes:
        size: bytes.
        sha256: 64 hexadecimal digits.
    """

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        made_at: our time, UTC.
        profile: its name where it was made.
        installation_id: what the database calls itself.
        schema: revision of the database.
        head: where its audit chain stands.
    """

    made_at: datetime
    profile: str
    installation_id: str
    schema: str
    head: AuditHead
    members: tuple[Member, ...]

    @property
    def total_bytes(self) -> int:
        """What all members take on a disk."""
        return sum(member.size for member in self.members)

    def member(self, name: str) -> Member | None:
        """Return a member; None where it has none of that name."""
        return next((member for member in self.members if member.name == name), None)


def files_of(folder: Path) -> tuple[str, ...]:
    """List what of a profile's folder belongs into a backup, by name within it."""
    archives = sorted(f"{ARCHIVES}/{path.name}" for path in (folder / ARCHIVES).glob("*"))
    there = (name for name in MEMBERS if (folder / name).exists())
    return (*there, *(name for name in archives if _ARCHIVE.fullmatch(name)))


def measured(folder: Path) -> tuple[Member, ...]:
    """Measure the files of a folder that belong into a backup.

    Raises:
        OSError: one cannot be read.
    """
    found = []
    for name in files_of(folder):
        path = folder / name
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        found.append(Member(name, path.stat().st_size, digest))
    return tuple(found)


def pack(folder: Path, manifest: Manifest, key: Key, path: Path) -> None:
    """Write the members of a folder into a backup, mode 0600: whole, or not at all.

    Raises:
        StorageUnwritable: nothing was written.
    """
    text = json.dumps(
        {"format": _FORMAT, **asdict(manifest), "made_at": manifest.made_at.isoformat()}, indent=1
    )
    content = text.encode()
    with replacing(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_info(MANIFEST), content)
        archive.writestr(_info(MAC), _mac(content, key))
        for member in manifest.members:
            info = _info(member.name)
            info.file_size = member.size  # says whether the long form is needed
            with (folder / member.name).open("rb") as source, archive.open(info, "w") as target:
                shutil.copyfileobj(source, target, _CHUNK)


def _info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _FIRST_DAY)
    info.external_attr = (stat.S_IFREG | 0o600) << 16
    return info


def _mac(content: bytes, key: Key) -> bytes:
    return hmac.digest(key.derived(_LABEL), content, "sha256").hex().encode()


class Archive:
    """A backup that is open, of which the list of members holds; its manifest is a claim until `check`."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self.path = path
        self._file = file
        self._content = self._small(MANIFEST)
        self.manifest = _parsed(path, self._content)
        self._check_sizes()

    def extract_keys(self, folder: Path) -> None:
        """Write its key file, of which only the key in it can tell whether it is right.

        Raises:
            BadInput, StorageUnwritable: nothing was written.
        """
        content = self._small(vault.FILE)
        with replacing(folder / vault.FILE) as file:
            file.write(content)

    def check(self, key: Key) -> None:
        """Hold the manifest against the key that came out of the key file.

        Raises:
            BadInput: something else than this program, or another profile, wrote or changed it.
        """
        if not hmac.compare_digest(_mac(self._content, key), self._small(MAC)):
            raise BadInput(
                str(self.path),
                "its manifest was not written under the key of this backup: it was changed. "
                "Nothing was taken from it; use another backup",
            )

    def extract(self, folder: Path) -> None:
        """Write every member into a folder, each held against the manifest.

        Raises:
            BadInput: a member is not what the manifest says; whoever asked discards the folder.
            StorageUnwritable: the disk takes nothing.
        """
        self._check_room(folder)
        for member in self.manifest.members:
            if member.name.startswith(ARCHIVES):
                (folder / ARCHIVES).mkdir(mode=0o700, exist_ok=True)
            with replacing(folder / member.name) as file:
                self._copy(member, file)

    def verify(self) -> None:
        """Read every member and hold it against the manifest.

        Raises:
            BadInput: one is not what the manifest says.
        """
        for member in self.manifest.members:
            self._copy(member, None)

    def _copy(self, member: Member, target: IO[bytes] | None) -> None:
        digest = hashlib.sha256()
        for chunk in self._chunks(member):
            digest.update(chunk)
            if target is not None:
                target.write(chunk)
        if digest.hexdigest() != member.sha256:
            raise BadInput(
                str(self.path),
                f"its member {member.name} is not the one that the manifest vouches for: it was exchanged "
                "or damaged. Use another backup",
            )

    def _chunks(self, member: Member) -> Iterator[bytes]:
        # Only reading is watched here: an error of whoever writes what is read has another cause.
        with self._reading():
            source = self._file.open(member.name)
        with source:
            left = member.size
            while left:
                with self._reading():
                    chunk = source.read(min(left, _CHUNK))
                if not chunk:
                    return
                left -= len(chunk)
                yield chunk

    def _small(self, name: str) -> bytes:
        with self._reading():
            if self._file.getinfo(name).file_size > _LARGEST[name]:
                raise BadInput(
                    str(self.path), f"its member {name} is far too large; nothing was taken from it"
                )
            return self._file.read(name)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except _UNREADABLE as error:
            raise _cut(self.path) from error

    def _check_sizes(self) -> None:
        there = {info.filename: info.file_size for info in self._file.infolist()}
        said = {member.name: member.size for member in self.manifest.members}
        if len(said) != len(self.manifest.members) or said != {
            name: size for name, size in there.items() if name not in (MANIFEST, MAC)
        }:
            raise BadInput(
                str(self.path), "its members are not those that its manifest names; nothing was taken from it"
            )

    def _check_room(self, folder: Path) -> None:
        needed, free = self.manifest.total_bytes, shutil.disk_usage(folder).free
        if free < needed:
            raise StorageUnwritable(
                f"{folder} has {free >> 20} MB free, and what is in the backup needs {needed >> 20} MB"
            )


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a backup, and check the list of its members before anything of it is read.

    Raises:
        BadInput: it is no backup, was cut off, or holds what no backup holds; says which.
    """
    try:
        file = zipfile.ZipFile(path)
    except FileNotFoundError as error:
        raise BadInput(str(path), "there is no such file") from error
    except _UNREADABLE as error:
        raise _cut(path) from error
    with file:
        _check_members(path, file.infolist())
        yield Archive(path, file)


def _cut(path: Path) -> BadInput:
    return BadInput(str(path), "it is no backup of this program, or it was cut off. Use another backup")


def _check_members(path: Path, infos: Sequence[zipfile.ZipInfo]) -> None:
    for info in infos:
        fault = _fault(info)
        if fault is not None:
            raise BadInput(str(path), f"its member {info.orig_filename!r} {fault}; nothing was taken from it")
    names: set[str] = set()
    for info in infos:
        if info.filename in names:
            raise BadInput(str(path), f"it has the member {info.filename!r} twice; nothing was taken from it")
        names.add(info.filename)
    missing = next((name for name in (MANIFEST, MAC, *NEEDED) if name not in names), None)
    if missing is not None:
        raise BadInput(str(path), f"it has no member {missing!r}: it is no whole backup. Use another one")
    if sum(info.file_size for info in infos) > path.stat().st_size:
        raise BadInput(str(path), "its members claim more bytes than it has; nothing was taken from it")


def _fault(info: zipfile.ZipInfo) -> str | None:
    name = info.orig_filename
    if name.startswith(("/", "\\")) or name[1:2] == ":":
        return "has an absolute path"
    if ".." in name.replace("\\", "/").split("/"):
        return "leads out of its folder"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is a link or a folder, not a file"
    if name not in (*MEMBERS, MANIFEST, MAC) and not _ARCHIVE.fullmatch(name):
        return "is none that a backup has"
    if info.flag_bits & 1:
        return "is encrypted by the zip"
    if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
        return "is compressed, and a backup stores its members as they are"
    return None


def _parsed(path: Path, content: bytes) -> Manifest:
    try:
        return _manifest(json.loads(content))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(
            str(path), "its manifest is none that this program writes; nothing was taken from it"
        ) from error


def _manifest(found: Mapping[str, Any]) -> Manifest:
    if found["format"] != _FORMAT:
        raise ValueError("format")
    made_at = datetime.fromisoformat(str(found["made_at"]))
    if made_at.tzinfo is None:
        raise ValueError("a time without a zone")
    members = tuple(
        Member(str(each["name"]), int(each["size"]), str(each["sha256"])) for each in found["members"]
    )
    head = AuditHead(int(found["head"]["seq"]), str(found["head"]["digest"]))
    profile, installation_id, schema = (str(found[name]) for name in ("profile", "installation_id", "schema"))
    return Manifest(made_at, profile, installation_id, schema, head, members)
