"""Checks an export of InvestIQ's audit log, with nothing but Python's standard library (3.10 or newer).

    python verify_audit.py EXPORT [--anchors FILE] [--public-key HEX] [--json]

It imports nothing of the program that wrote the export, and was written from the format (docs/audit.md), so
that a fault of the one cannot excuse the other. It reads the export once, in memory of constant size.

Exit code 0: all of it holds. 1: it does not; each fault is told with the number of its record (0 where it
is about the file as a whole). 2: wrong usage, or a file cannot be read.
"""

import argparse
import hashlib
import json
import sys
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path
from typing import Any

MOST_FAULTS = 100
LONGEST_LINE = 64 * 1024 * 1024
TRAILER = {"type", "records", "seq", "digest", "sha256", "signature"}
START = "A" * 43  # 32 zero bytes, base64url without padding
HASHED = ("actor", "role", "session", "action", "entity", "order_id", "cl_ord_id", "payload_hash")
TEXTS = (*HASHED, "prev_digest", "digest", "payload", "type")
COLUMNS = {"seq": int, "ts_utc_us": int, **dict.fromkeys(TEXTS, str)}
HEADERS = [("header", "investiq-audit-export", version) for version in (1, 2)]
SEAL_COLUMNS = {
    **dict.fromkeys(("first_seq", "last_seq", "sealed_at_us"), int),
    **dict.fromkeys(("prev_digest", "last_digest", "file", "sha256", "digest", "type"), str),
}
MINTED = ("order.prepared", "replace.requested")

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


def sized(raw: bytes) -> bytes:
    """Put the length of bytes before them: 4 bytes, big-endian."""
    return len(raw).to_bytes(4, "big") + raw


def hash_of(raw: bytes) -> str:
    """Return SHA-256 as 43 characters, base64url without padding."""
    return urlsafe_b64encode(hashlib.sha256(raw).digest())[:43].decode()


def signed_text(label: bytes, *parts: Any) -> bytes:
    """Return what is signed: a label, then each part with its length; an integer has 8 bytes."""
    raw = (part.to_bytes(8, "big", signed=True) if isinstance(part, int) else part for part in parts)
    return label + b"".join(map(sized, raw))


def digest_of(record: Json, seq: int) -> str | None:
    """Make a record's digest anew, as if it had this number; None where a value cannot have a digest."""
    try:
        parts = [b"investiq-audit-v1", sized(seq.to_bytes(8, "big"))]
        parts.append(sized(record["ts_utc_us"].to_bytes(8, "big", signed=True)))
        for name in HASHED:
            raw = record[name].encode()
            parts += (len(raw).to_bytes(4, "big"), raw)
        parts.append(sized(urlsafe_b64decode(record["prev_digest"] + "=")))
        return hash_of(b"".join(parts))
    except (ValueError, OverflowError):
        return None


def read_hex(text: str) -> bytes:
    """Read hexadecimal figures as an export writes them: small ones, and nothing between them."""
    found = bytes.fromhex(text)
    if found.hex() != text:
        raise ValueError("not written as an export does")
    return found


def read_object(line: bytes | str) -> Json:
    """Return the JSON object of a line; an empty one if it is none."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def is_record(found: Json) -> bool:
    """Say whether an object has every column of a record, each of its type, and nothing else."""
    return has_columns(found, "record", COLUMNS)


def is_segment(found: Json) -> bool:
    """Say whether an object is the seal of a segment."""
    return has_columns(found, "segment", SEAL_COLUMNS)


def has_columns(found: Json, kind: str, columns: dict[str, type]) -> bool:
    """Say whether an object has exactly these columns, each of its type."""
    has_all = found.keys() == columns.keys() and found["type"] == kind
    return has_all and all(type(found[name]) is each for name, each in columns.items())


def seal_of(segment: Json, before: str) -> str | None:
    """Make a seal's digest anew, given that of the seal before; None where a value cannot have one."""
    try:
        names = ("first_seq", "last_seq", "prev_digest", "last_digest", "sealed_at_us", "file", "sha256")
        parts = [segment[name] for name in names]
        raw = (part if isinstance(part, int) else part.encode() for part in parts)
        return hash_of(signed_text(b"investiq-segment-v1", before.encode(), *raw))
    except (ValueError, OverflowError):
        return None


class Check:
    """Walks along one export, line by line."""

    def __init__(self, public_key: bytes | None = None) -> None:
        self.faults: list[Json] = []
        self.count = self.witnesses = self.last_seq = 0
        self.head = START
        self.wanted_key, self.key = public_key, public_key or b""
        self.installation_id, self.exported_at_us = "", 0
        self.places: dict[str, int] = {}
        self.trailer: Json | None = None
        self._known: dict[int, dict[str, str]] = {}  # number, digest, place
        self._links: set[str | None] | None = {START}
        self._anchored, self._is_rewritten = 0, False
        self._gaps: list[Json] = []
        self._edited: list[tuple[Json, Json]] = []
        self._sha = hashlib.sha256()
        self.segments: list[Json] = []
        self.absent: list[Json] = []
        self._sealing = ("", 0)

    def fault(self, seq: int, kind: str, reason: str) -> Json:
        """Note what does not hold, and where; the first hundred are kept."""
        found = {"seq": seq, "kind": kind, "reason": reason}
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(found)
        return found

    def header(self, line: bytes) -> None:
        """Read the first line."""
        self._sha.update(line)
        found = read_object(line)
        is_ours, key, anchors = False, b"", []
        try:
            self.installation_id = str(found["installation_id"])
            self.exported_at_us = int(found["exported_at_us"])
            key = read_hex(found["public_key"])
            anchors = [(str(each["place"]), str(each["line"])) for each in found["anchors"]]
            is_ours = (found["type"], found["format"], found["version"]) in HEADERS
        except (KeyError, TypeError, ValueError):
            pass
        if not is_ours:
            self.fault(0, "format", "the first line is not the header of an export that this version reads")
            return
        if self.wanted_key not in (None, key):
            self.fault(0, "signature", "the export names another public key than the one that was given")
        self.key = self.wanted_key or key
        for place, text in anchors:
            self.anchor(place, text)

    def anchor(self, place: str, line: str) -> None:
        """Take a head that was signed when it stood."""
        found = read_object(line)
        try:
            seq, digest, whose = int(found["seq"]), found["digest"], found["installation_id"]
            text = signed_text(b"investiq-anchor-v1", whose.encode(), seq, digest.encode(), found["at_us"])
            is_good = is_signed(self.key, text, read_hex(found["signature"])) and found["v"] == 1
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            self.fault(0, "anchor", f"{place}: a line is no anchor")
            return
        if not is_good or whose != self.installation_id:
            self.fault(seq, "anchor", f"{place}: an anchor was not signed by this installation")
            return
        self.places[place] = self.places.get(place, 0) + 1
        self._known.setdefault(seq, {})[digest] = place

    def line(self, number: int, line: bytes) -> None:
        """Take a line after the first."""
        found = read_object(line)
        if self.trailer is not None:
            self.fault(0, "inserted", f"line {number} stands after the end of the export")
        elif found.get("type") == "trailer" and line.endswith(b"\n"):
            self.trailer = found
        elif is_segment(found) and self.count == 0:
            self._sha.update(line)
            self._segment(found)
        elif is_record(found):
            self._sha.update(line)
            self.count += 1
            self._record(found)
        else:
            self._sha.update(line)
            self.last_seq += 1
            self._links = None  # what comes next cannot be held against it
            self.fault(self.last_seq, "format", f"line {number} is not a record of an audit log")

    def _segment(self, segment: Json) -> None:
        last = self.segments[-1] if self.segments else {"last_seq": 0, "last_digest": START, "digest": ""}
        first, end = segment["first_seq"], segment["last_seq"]
        follows = (first, segment["prev_digest"]) == (last["last_seq"] + 1, last["last_digest"])
        if not follows or end < first:
            self.fault(first, "sealed", "a seal does not continue the one before it")
        elif seal_of(segment, last["digest"]) != segment["digest"]:
            self.fault(first, "sealed", f"the seal of records {first} to {end} is not what was written")
        self.segments.append(segment)

    def _leap(self, seq: int) -> None:
        """Stand at the end of segments that are not in the export, where these reach up to a record."""
        missing = [each for each in self.segments if self.last_seq < each["last_seq"] < seq]
        reaches = (
            missing and missing[0]["first_seq"] == self.last_seq + 1 and missing[-1]["last_seq"] == seq - 1
        )
        if not reaches:
            return
        for segment in missing:
            self.absent.append(segment)
            self.last_seq, self.head = segment["last_seq"], segment["last_digest"]
            for inside in [known for known in self._known if segment["first_seq"] <= known < self.last_seq]:
                del self._known[inside]
            self._anchor_met(self.last_seq, self.head)
        self._links = {self.head}

    def _sealed_here(self, seq: int, digest: str) -> None:
        for segment in self.segments:
            if segment["last_seq"] == seq and segment["last_digest"] != digest:
                self.fault(seq, "sealed", "another record stands here than its seal says")

    def _record(self, record: Json) -> None:
        seq = record["seq"]
        if self.segments and seq > self.last_seq + 1:
            self._leap(seq)
        before = self.last_seq
        if seq <= before:
            self._earlier(record)
            return
        links, is_next = self._links, seq == before + 1
        if not is_next:
            fault = self.fault(before + 1, "deleted", f"record {seq} follows record {before}")
            gap = {"fault": fault, "first": before + 1, "last": seq - 1, "left": seq - before - 1}
            self._gaps = [*self._gaps, gap][:MOST_FAULTS]
        self.last_seq, self.head = seq, record["digest"]
        self._links = {record["digest"]}
        if not self._is_intact(record):
            return
        if is_next and links is not None and record["prev_digest"] not in links:
            self.fault(seq, "forked", "it continues another record than the one that stands before it")
        if is_next and seq == 1:
            self._first(record)
        elif is_next:
            self._witness(record)
        if self.segments:
            self._sealed_here(seq, record["digest"])
        if record["action"] == "segment.sealed":
            self._sealing = str(read_object(record["payload"]).get("seal")), seq
        self._anchor_met(seq, record["digest"])

    def _earlier(self, record: Json) -> None:
        seq = record["seq"]
        for gap in self._gaps:
            if gap["first"] <= seq <= gap["last"]:
                gap["left"] -= 1
                if self._is_intact(record):
                    self._anchor_met(seq, record["digest"])
                return
        self.fault(seq, "inserted", f"a record of this number stands after record {self.last_seq}")
        if seq == self.last_seq and self._links is not None:
            self._links.add(record["digest"])

    def _is_intact(self, record: Json) -> bool:
        seq = record["seq"]
        digest = digest_of(record, seq)
        if digest != record["digest"]:
            fault = self.fault(seq, "edited", "a column is not what was recorded")
            self._edited = [*self._edited, (fault, {**record, "payload": ""})][:MOST_FAULTS]
            if self._links is not None:
                self._links.add(digest)
        elif hash_of(record["payload"].encode("utf-8", "surrogatepass")) != record["payload_hash"]:
            self.fault(seq, "payload", "the payload is not the one that was recorded")
        else:
            return True
        return False

    def _first(self, record: Json) -> None:
        facts = read_object(record["payload"])
        if record["action"] != "genesis":
            self.fault(1, "genesis", "the first record is not the genesis")
        for name, here in (("installation_id", self.installation_id), ("public_key", self.key.hex())):
            if facts.get(name, here) != here:
                self.fault(1, "genesis", f"the log was begun with another {name} than the export has")

    def _witness(self, record: Json) -> None:
        order = record["cl_ord_id"]
        if record["action"] not in MINTED or not order.startswith("IQ-") or len(order) != 36:
            return
        self.witnesses += 1
        if order[-11:] != record["prev_digest"][:11]:
            self.fault(record["seq"], "witness", f"order {order} bears witness to another record before it")

    def _anchor_met(self, seq: int, digest: str) -> None:
        known = self._known.pop(seq, None)
        if known is None or self._is_rewritten:
            return
        if set(known) == {digest}:
            self._anchored = seq
            return
        self._is_rewritten = True
        places = ", ".join(sorted(set(known.values())))
        self.fault(seq, "rewritten", f"another was anchored ({places}); it fits up to {self._anchored}")

    def end(self) -> None:
        """Settle what can be told only now."""
        for gap in self._gaps:
            if not gap["left"]:
                gap["fault"].update(kind="swapped", reason="the record stands behind a later one")
        self._name_edits()
        self._end_of_seals()
        self._end_of_chain()
        if ahead := [seq for seq in self._known if seq > self.last_seq]:
            self.fault(self.last_seq + 1, "rolled back", f"records up to {max(ahead)} were anchored")
        self.faults.sort(key=lambda each: (each["seq"] == 0, each["seq"]))

    def _name_edits(self) -> None:
        numbers = [fault["seq"] for fault, _ in self._edited]
        was = {
            fault["seq"]: next((n for n in numbers if digest_of(record, n) == record["digest"]), 0)
            for fault, record in self._edited
        }
        for fault, record in self._edited:
            seq = fault["seq"]
            if was[seq] and was.get(was[seq]) == seq:
                fault.update(kind="swapped", reason=f"here stands what was record {was[seq]}")
            elif digest_of(record, seq + 1) == record["digest"]:
                fault.update(kind="deleted", reason="a record was taken out, and the rest numbered anew")
            elif digest_of(record, seq - 1) == record["digest"]:
                fault.update(seq=seq - 1, kind="inserted", reason="put in, and the rest numbered anew")

    def _end_of_seals(self) -> None:
        newest = self.segments[-1] if self.segments else {"last_seq": 0, "digest": ""}
        named, seq = self._sealing
        if named != newest["digest"]:
            self.fault(
                seq or newest["last_seq"] + 1, "sealed", "the newest seal is not the one that was recorded"
            )
        if newest["last_seq"] > self.last_seq:
            self.fault(self.last_seq + 1, "truncated", f"records up to {newest['last_seq']} were sealed")

    def _end_of_chain(self) -> None:
        if self.trailer is None:
            self.fault(self.last_seq + 1, "truncated", "the export ends before its last line")
            return
        try:
            end = self.trailer
            seq, digest, sha = int(end["seq"]), end["digest"], read_hex(end["sha256"])
            parts = (self.installation_id.encode(), seq, digest.encode(), self.exported_at_us, sha)
            text, signature = signed_text(b"investiq-export-v1", *parts), read_hex(end["signature"])
            is_whole = set(end) == TRAILER and end["records"] == self.count
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
            self.fault(0, "format", "the last line is not the end of an export")
            return
        if not is_whole:
            self.fault(0, "format", "the last line does not tell of as many records as there are")
        if not is_signed(self.key, text, signature):
            self.fault(0, "signature", "the last line was not signed by this installation")
        if seq > self.last_seq:
            self.fault(self.last_seq + 1, "truncated", f"the export went up to record {seq}")
        elif (seq, digest) != (self.last_seq, self.head):
            self.fault(self.last_seq, "inserted", f"the export ended at record {seq}")
        if sha != self._sha.digest():
            self.fault(0, "signature", "the file is not, byte for byte, what was signed")


def check_file(path: Path, anchors: Path | None, public_key: bytes | None) -> Check:
    """Check an export, and return the finished walk."""
    check = Check(public_key)
    with path.open("rb") as file:
        check.header(file.readline(LONGEST_LINE))
        if anchors is not None:
            for text in anchors.read_text("utf-8", "replace").split("\n")[:-1]:  # a torn last line is none
                check.anchor(str(anchors), text)
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), 2):
            check.line(number, line)
    check.end()
    return check


def words_of(found: Json) -> str:
    """Return what was found, for a person."""
    faults = [f"BAD   record {each['seq']}: {each['kind']}: {each['reason']}" for each in found["faults"]]
    anchors = [f"{place} ({count})" for place, count in found["anchors"].items()]
    if found["order_ids"]:
        anchors.append(f"order ids ({found['order_ids']}; compare them with the broker's own list)")
    head = "record {seq}, digest {digest}".format_map(found["head"])
    absent = [f"      not in the export, sealed: {each}" for each in found["absent"]]
    lines = [
        *faults,
        f"{'GOOD' if found['ok'] else 'BAD '}  {found['records']} records, head: {head}",
        *absent,
        f"      held against: {', '.join(anchors) or 'nothing outside the export'}",
        f"      public key, to be compared with the one you noted: {found['public_key']}",
        f"      {found['rows_per_s']:,} records a second",
    ]
    return "\n".join(lines)


def main() -> int:
    """Run the check and return the exit code."""
    parser = argparse.ArgumentParser(description="Check an export of InvestIQ's audit log.")
    parser.add_argument("export", metavar="EXPORT", type=Path)
    parser.add_argument("--anchors", metavar="FILE", type=Path, help="signed heads that were kept elsewhere")
    parser.add_argument("--public-key", metavar="HEX", type=bytes.fromhex, help="the one that you noted")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args()
    begin = time.perf_counter()
    try:
        check = check_file(options.export, options.anchors, options.public_key)
    except OSError as error:
        parser.error(str(error))
    found = {
        "ok": not check.faults,
        "records": check.count,
        "head": {"seq": check.last_seq, "digest": check.head},
        "faults": check.faults,
        "absent": [f"records {s['first_seq']} to {s['last_seq']}, archive {s['file']}" for s in check.absent],
        "anchors": check.places,
        "order_ids": check.witnesses,
        "public_key": check.key.hex(),
        "rows_per_s": round(check.count / max(time.perf_counter() - begin, 1e-9)),
    }
    sys.stdout.write((json.dumps(found) if options.json else words_of(found)) + "\n")
    return 1 if check.faults else 0


if __name__ == "__main__":
    sys.exit(main())
