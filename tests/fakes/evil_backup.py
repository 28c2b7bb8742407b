"""Backups that somebody meddled with, each in one way, and the words by which it is refused."""

import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

Members = list[tuple[zipfile.ZipInfo, bytes]]


def members_of(path: Path) -> Members:
    """Read all members of a zip."""
    with zipfile.ZipFile(path) as archive:
        return [(info, archive.read(info)) for info in archive.infolist()]


def write(path: Path, members: Members) -> Path:
    """Write a zip of members, each as its own info says."""
    with zipfile.ZipFile(path, "w") as archive:
        for info, content in members:
            made = zipfile.ZipInfo(info.filename)
            made.filename = info.filename  # as it is, also where a system would write it differently
            made.external_attr, made.compress_type = info.external_attr, info.compress_type
            archive.writestr(made, content)
    return path


def named(name: str, kind: int = stat.S_IFREG, compress: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    """Make the info of a member."""
    info = zipfile.ZipInfo("x")
    info.filename, info.external_attr, info.compress_type = name, (kind | 0o600) << 16, compress
    return info


def _with(info: zipfile.ZipInfo, content: bytes = b"x") -> Callable[[Path, Path], None]:
    return lambda good, bad: write(bad, [*members_of(good), (info, content)]) and None


def _changed(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path, Path], None]:
    def meddle(good: Path, bad: Path) -> None:
        write(
            bad, [(info, change(all_) if info.filename == name else all_) for info, all_ in members_of(good)]
        )

    return meddle


def _without(name: str) -> Callable[[Path, Path], None]:
    return lambda good, bad: (
        write(bad, [each for each in members_of(good) if each[0].filename != name]) and None
    )


def _compressed(name: str) -> Callable[[Path, Path], None]:
    def meddle(good: Path, bad: Path) -> None:
        found = members_of(good)
        for info, _ in found:
            if info.filename == name:
                info.compress_type = zipfile.ZIP_DEFLATED
        write(bad, found)

    return meddle


def _of_kind(name: str, kind: int) -> Callable[[Path, Path], None]:
    def meddle(good: Path, bad: Path) -> None:
        found = members_of(good)
        write(bad, [(named(name, kind) if info.filename == name else info, all_) for info, all_ in found])

    return meddle


def _bomb(good: Path, bad: Path) -> None:
    found = [each for each in members_of(good) if each[0].filename != "exchange.ledger"]
    write(bad, [*found, (named("exchange.ledger", compress=zipfile.ZIP_DEFLATED), bytes(8_000_000))])


def _doubled(good: Path, bad: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile's own
        write(bad, [*members_of(good), (named("keys.json"), b"{}")])


def _half(good: Path, bad: Path) -> None:
    content = good.read_bytes()
    bad.write_bytes(content[: len(content) // 2])


def _flipped(good: Path, bad: Path) -> None:
    # In the middle of the database, and behind the check sum of the zip's own.
    content = bytearray(good.read_bytes())
    content[len(content) // 2] ^= 1
    bad.write_bytes(content)


def _patched(offset: int, value: bytes) -> Callable[[Path, Path], None]:
    # In the list at the end of the zip, of its last member.
    def meddle(good: Path, bad: Path) -> None:
        content = bytearray(good.read_bytes())
        place = content.rindex(b"PK\x01\x02") + offset
        content[place : place + len(value)] = value
        bad.write_bytes(content)

    return meddle


def _exchanged(content: bytes) -> bytes:
    return content[:-4096] + bytes(4096)


def _other_time(content: bytes) -> bytes:
    return content.replace(b"20", b"19", 1)


EVIL: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "leads out": (_with(named("../investiq.db")), "leads out of its folder"),
    "leads out, backwards": (_with(named("..\\evil")), "leads out of its folder"),
    "absolute": (_with(named("/tmp/evil")), "has an absolute path"),
    "drive": (_with(named("C:evil")), "has an absolute path"),
    "link": (_of_kind("exchange.ledger", stat.S_IFLNK), "is a link or a folder"),
    "folder": (_of_kind("emergency.jsonl", stat.S_IFDIR), "is a link or a folder"),
    "unknown": (_with(named("lock")), "is none that a backup has"),
    "unmentioned": (_without("exchange.ledger"), "not those that its manifest names"),
    "doubled": (_doubled, "twice"),
    "compressed": (_compressed("keys.json"), "is compressed"),
    "bomb": (_bomb, "is compressed"),
    "inflated": (_patched(20, b"\0\0\0\x10" * 2), "claim more bytes than it has"),
    "locked by the zip": (_patched(8, b"\x01"), "is encrypted by the zip"),
    "no database": (_without("investiq.db"), "has no member 'investiq.db'"),
    "no manifest": (_without("manifest.json"), "has no member 'manifest.json'"),
    "half": (_half, "cut off"),
    "empty": (lambda _, bad: bad.write_bytes(b"") and None, "cut off"),
    "text": (lambda _, bad: bad.write_text("hello") and None, "cut off"),
    "flipped": (_flipped, "cut off"),
    "exchanged member": (_changed("investiq.db", _exchanged), "investiq.db is not the one"),
    "exchanged settings": (
        _changed("profile.toml", lambda all_: all_.replace(b"sim", b"pap")),
        "profile.toml",
    ),
    "changed manifest": (_changed("manifest.json", _other_time), "manifest was not written under the key"),
    "wrong seal": (_changed("manifest.mac", lambda all_: b"0" * len(all_)), "manifest was not written"),
    "seal of bytes": (_changed("manifest.mac", lambda all_: b"\xff" * len(all_)), "manifest was not written"),
    "manifest of nonsense": (_changed("manifest.json", lambda _: b"[1]"), "manifest is none"),
    "huge manifest": (_changed("manifest.json", lambda _: b" " * 2_000_000), "far too large"),
}
