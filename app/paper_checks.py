"""What only a real paper account can prove: the list, who goes through it, and what is told.

The local servers of the tests are written from documents; these checks hold them against the broker.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from app.opening import Invocation, chosen_profile, let_in
from app.profile import Profile
from app.secrets import load_alpaca, open_secrets
from core.clock import SystemClock
from core.domain.access import Mode
from core.domain.credentials import AlpacaCredentials
from core.errors import RefusalCode, Refused
from core.settings import AlpacaAddresses

if TYPE_CHECKING:
    from core.adapters.alpaca.paper_bench import Patience

GUIDE = "docs/paper-checks.md"
_WORDS = {True: "pass", False: "FAIL", None: "open"}


@dataclass(frozen=True, slots=True)
class PaperCheck:
    """One question to the broker.

    Attributes:
        id: stable; notes and fixtures are filed under it.
        proves: what is known once it is answered.
        how: what is done, on the paper account only.
    """

    id: str
    title: str
    proves: str
    how: str


@dataclass(frozen=True, slots=True)
class Finding:
    """What the broker answered to one question.

    Attributes:
        passed: whether it does what this program relies on; None where that was not found out.
    """

    passed: bool | None
    seen: str


Prove = Callable[[PaperCheck, AlpacaCredentials, AlpacaAddresses], Finding]

CHECKS: tuple[PaperCheck, ...] = (
    PaperCheck(
        "P1",
        "A client_order_id that is used twice",
        "Sending an unanswered order again cannot double it, and how the broker says so.",
        "Send a limit order far from the market, then the same body with the same client_order_id. "
        "Expect one order, and 422 with code 40010001; keep the second answer.",
    ),
    PaperCheck(
        "P2",
        "A client_order_id that is used again after a cancel",
        "An id stays taken for good, so that none of ours can ever stand for two orders.",
        "Cancel the order of P1, wait for its end, send the same client_order_id. Expect the refusal of P1.",
    ),
    PaperCheck(
        "P3",
        "An order that is looked up at once",
        "How long the broker may say not found of an order that it has accepted.",
        "Send an order and ask for it by client_order_id without a pause, twenty times. "
        "Keep the longest time until the first 200.",
    ),
    PaperCheck(
        "P4",
        "A change of an order that is new",
        "Which events a change causes, in which order, and under which order ids.",
        "Change the limit of a working order. Keep every frame of the order stream until the old one ends.",
    ),
    PaperCheck(
        "P5",
        "A reconnect of the order stream",
        "Whether events are repeated or lost across a reconnect; what was missed must come by asking.",
        "With one order working, close the stream, cancel the order over REST, and listen again. "
        "Keep what the stream sends first.",
    ),
    PaperCheck(
        "P6",
        "The frames of the order stream",
        "Whether messages come as text or as binary frames.",
        "Listen on the order stream, send and cancel an order, and note the kind of each frame.",
    ),
    PaperCheck(
        "P7",
        "The headers of the rate limit",
        "Whether the pace can be kept by what the broker says instead of by our own count.",
        "Look at the headers of any answer: X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset.",
    ),
    PaperCheck(
        "P8",
        "A second data stream after one that was cut off",
        "How long error 406 goes on after a connection that ended without a close.",
        "Cut a data stream off without a close, connect again every second, and note when 406 ends.",
    ),
    PaperCheck(
        "P9",
        "What the list of assets says about selling short",
        "Whether easy_to_borrow is still among an asset's fields.",
        "Ask for the asset SPY and keep the names of its fields.",
    ),
    PaperCheck(
        "P10",
        "The events of OCO and bracket orders",
        "In which order parents and legs are told of, and when a leg is held.",
        "By itself a bracket that does not fill is sent and cancelled. What its legs do after a fill needs a "
        "person and an open market: send a bracket that fills at once, then cancel its legs. "
        "Keep every frame of the order stream.",
    ),
    PaperCheck(
        "P11",
        "The price of a fill that comes in parts",
        "Whether the price in a fill event is that of the part or the average so far.",
        "Needs a person and an open market, as shares are bought: buy more than stand at the best offer at "
        "the market. Compare each event's price with the order's average.",
    ),
    PaperCheck(
        "P12",
        "An order until cancelled, outside market hours",
        "Whether gtc goes together with extended hours.",
        "Send a limit order far from the market with gtc and extended_hours. Keep the answer, and cancel it.",
    ),
    PaperCheck(
        "P13",
        "A change of quantity after a part has been filled",
        "Whether the new quantity is the whole order's or what remains.",
        "Needs a person and an open market, as shares are bought: with an order that is filled in part, "
        "change its quantity, and compare leaves and total afterwards.",
    ),
    PaperCheck(
        "P14",
        "An order whose answer was lost",
        "For how long not found proves nothing about an order that was sent.",
        "Send an order and drop the connection before its answer; ask for its client_order_id until it is "
        "found. Keep the time, over twenty orders.",
    ),
)


def run(invocation: Invocation, *, as_json: bool, prove: Prove | None = None) -> int:
    """Go through the list with a paper account, or print it for a person who does.

    Args:
        prove: asks the broker one of the questions; None where a person does.

    Raises:
        CredentialMissing: the profile has no paper key; says which command stores it.
        Refused: the profile is not of mode paper.
    """
    profile = chosen_profile(invocation)
    if profile.settings.mode is not Mode.PAPER:
        raise Refused(
            RefusalCode.NOT_PERMITTED,
            f"paper checks need a profile of mode paper, and {profile.name!r} is {profile.settings.mode}; "
            "run: investiq profile create NAME --mode paper",
        )
    credentials = _credentials(profile, invocation)
    if prove is None:
        _print_guide(profile, as_json=as_json)
        return 0
    findings: list[tuple[PaperCheck, Finding]] = []
    for check in CHECKS:
        found = prove(check, credentials, profile.settings.alpaca)
        findings.append((check, found))
        if not as_json:
            print(f"{_WORDS[found.passed]}  {check.id} {check.title}: {found.seen}", flush=True)
    passed = all(found.passed is not False for _, found in findings)
    if as_json:
        told = [{"id": check.id, "title": check.title, **asdict(found)} for check, found in findings]
        print(json.dumps({"ok": passed, "checks": told}))
    return 0 if passed else 1


def ask(invocation: Invocation, *, as_json: bool, record: Path | None) -> int:
    """Have the program go through the list with a paper account.

    Args:
        record: a new file for what is said, without keys; None for none.

    Raises:
        CredentialMissing, CredentialsRefused: there is no paper key, or the broker does not take it.
        Refused: the profile is not of mode paper, or there is such a file already.
    """
    with prover(record) as prove:
        return run(invocation, as_json=as_json, prove=prove)


@contextmanager
def prover(record: Path | None, patience: "Patience | None" = None) -> Iterator[Prove]:
    """Give what puts one question after the other to the broker, orders that are cancelled again included.

    Raises:
        Refused: there is a file of the record's name.
        StorageUnwritable: it cannot be written.
    """
    from core.adapters.alpaca.limiter import Limiter
    from core.adapters.alpaca.paper_bench import Bench, Patience
    from core.adapters.alpaca.paper_checks import answer

    clock, told = SystemClock(), patience or Patience()
    limiter = Limiter(clock, on_waiting=_tell_of_waiting)

    with _recording(record) as file, asyncio.Runner() as runner:

        async def put(
            check: PaperCheck, credentials: AlpacaCredentials, addresses: AlpacaAddresses
        ) -> Finding:
            bench = Bench(
                addresses,
                credentials,
                clock,
                limiter,
                file,
                lambda words: _tell(f"{check.id}: {words}"),
                told,
            )
            try:
                await bench.open()
                seen = await answer(check.id, bench)
            finally:
                await bench.close()
            return Finding(seen.passed, seen.text)

        def prove(check: PaperCheck, credentials: AlpacaCredentials, addresses: AlpacaAddresses) -> Finding:
            _tell(f"{check.id}: {check.title}")
            return runner.run(put(check, credentials, addresses))

        yield prove


@contextmanager
def _recording(record: Path | None) -> "Iterator[BinaryIO | None]":
    if record is None:
        yield None
        return
    if record.exists():
        raise Refused(RefusalCode.NAME_TAKEN, f"{record} exists already; nothing was overwritten")
    from core.storage.private_file import replacing

    with replacing(record) as file:
        yield file


def _tell(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def _tell_of_waiting(count: int, wait_s: float) -> None:
    if count:
        _tell(f"waiting {wait_s:.0f} s for the limit of requests a minute")


def _credentials(profile: Profile, invocation: Invocation) -> AlpacaCredentials:
    key = let_in(profile, invocation).key if profile.secrets.exists() else None
    return load_alpaca(profile, Mode.PAPER, open_secrets(profile, key))


def _print_guide(profile: Profile, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"by_hand": [asdict(check) for check in CHECKS]}))
        return
    for check in CHECKS:
        print(f"{check.id}  {check.title}\n      proves: {check.proves}\n      how: {check.how}")
    print(f"profile {profile.name} has a paper key; these {len(CHECKS)} are gone through by hand: {GUIDE}")
