"""Checks that files are what InvestIQ released, with nothing but Python's standard library (3.10 or newer).

    python verify_release.py MANIFEST.json --key HEX [FILE ...]

MANIFEST.json.sig stands beside the manifest, and so do the files that it lists; name some to check only
these.
The key is the public one that the project publishes: take it from another place than the files.
It imports nothing of the program, and was written from docs/release.md.

Exit code 0: all of it holds. 1: something does not, and each fault is told. 2: wrong usage, or a file
cannot be read.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]
Point = tuple[int, int, int, int]

# Ed25519 of RFC 8032: the curve of 5.1, points as in 5.1.4, decoding as in 5.1.3, verifying as in 5.1.7.
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def point_add(a: Point, b: Point) -> Point:
    """Add two points (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z (5.1.4)."""
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * D % P
    h = 2 * a[2] * b[2] % P
    x, z, t, y = f - e, h - g, h + g, f + e
    return x * z % P, t * y % P, z * t % P, x * y % P


def point_decode(raw: bytes) -> Point | None:
    """Return the point that 32 bytes stand for; None if they stand for none (5.1.3)."""
    y = int.from_bytes(raw, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= P:
        return None
    u, v = y * y - 1, D * y * y + 1
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P == -u % P:
        x = x * SQRT_M1 % P
    if v * x * x % P != u % P or (x == 0 and sign):
        return None
    x = x if x & 1 == sign else P - x
    return x, y, 1, x * y % P


def point_encode(a: Point) -> bytes:
    """Return the 32 bytes of a point (5.1.2)."""
    inverse = pow(a[2], P - 2, P)
    return (a[1] * inverse % P | (a[0] * inverse % P & 1) << 255).to_bytes(32, "little")


BASE = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")) or NEUTRAL


def is_signed(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether an Ed25519 signature is that of a key: [S]B - [k]A = R (5.1.7)."""
    point = point_decode(public_key) if len(public_key) == 32 and len(signature) == 64 else None
    s = int.from_bytes(signature[32:], "little")
    if point is None or s >= ORDER:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % ORDER
    minus = (P - point[0], point[1], 1, P - point[3])
    table = (NEUTRAL, BASE, minus, point_add(BASE, minus))
    found = NEUTRAL
    for bit in range(252, -1, -1):
        found = point_add(found, found)
        which = (s >> bit & 1) + 2 * (k >> bit & 1)
        found = point_add(found, table[which]) if which else found
    return point_encode(found) == signature[:32]


def signed_bytes(raw: bytes) -> bytes:
    """Return what is signed: a label, the length of the manifest in 8 bytes, the manifest."""
    return b"investiq-release-v1" + len(raw).to_bytes(8, "big") + raw


def read_manifest(raw: bytes) -> Json:
    """Return the manifest that bytes stand for; an empty one where they are none of this version."""
    try:
        found = json.loads(raw)
        is_ours = (found["format"], found["version"]) == ("investiq-release", 1)
        names = [file["name"] for file in found["files"]]
        is_ours = is_ours and all(
            type(file["bytes"]) is int and len(file["sha256"]) == 64 for file in found["files"]
        )
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    is_plain = all(
        isinstance(name, str) and name not in ("", ".", "..") and "/" not in name and "\\" not in name
        for name in names
    )
    return found if is_ours and is_plain and len(set(names)) == len(names) else {}


def fault_of(file: Json, folder: Path) -> str | None:
    """Say what is wrong with one listed file; None if nothing is."""
    path = folder / file["name"]
    if not path.is_file():
        return f"{file['name']} is not there"
    digest = hashlib.sha256()
    with path.open("rb") as opened:
        while piece := opened.read(1 << 20):
            digest.update(piece)
    if path.stat().st_size != file["bytes"] or digest.hexdigest() != file["sha256"]:
        return f"{file['name']} is not the file that was released"
    return None


def faults_of(manifest: Path, key: bytes, names: list[str]) -> tuple[list[str], Json]:
    """Check a manifest and the files beside it; nothing of it is believed before its signature holds."""
    raw = manifest.read_bytes()
    try:
        signature = bytes.fromhex(
            manifest.with_name(manifest.name + ".sig").read_text(encoding="ascii").strip()
        )
    except ValueError:
        signature = b""
    if not is_signed(key, signed_bytes(raw), signature):
        return ["the manifest was not signed with this key, or was changed since"], {}
    found = read_manifest(raw)
    if not found:
        return ["the manifest is signed, and is none that this version reads"], {}
    listed = {file["name"]: file for file in found["files"]}
    faults = [f"{name} is not in the manifest" for name in names if name not in listed]
    wanted = [listed[name] for name in names or listed if name in listed]
    return [*faults, *filter(None, (fault_of(file, manifest.parent) for file in wanted))], found


def main() -> int:
    """Read the command line and tell what was found."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("manifest", type=Path, metavar="MANIFEST.json")
    options.add_argument(
        "files", nargs="*", metavar="FILE", help="check these only; names as the manifest has them"
    )
    options.add_argument("--key", required=True, metavar="HEX", help="the public key, 64 figures")
    asked = options.parse_intermixed_args()
    try:
        key = bytes.fromhex(asked.key)
    except ValueError:
        key = b""
    if len(key) != 32:
        options.error("--key: expected 64 hexadecimal figures")
    try:
        faults, found = faults_of(asked.manifest, key, asked.files)
    except OSError as error:
        print(f"verify_release: {error}", file=sys.stderr)
        return 2
    for fault in faults:
        print(f"FAIL  {fault}")
    if faults:
        print("Do not install it.")
        return 1
    release = found["release"]
    count = len(asked.files or found["files"])
    print(f"ok    {count} files of InvestIQ {release['label']}, commit {release['commit']}")
    if not found["official"]:
        print("note  UNOFFICIAL: its key was made for this build alone, so it does not tell who built it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
