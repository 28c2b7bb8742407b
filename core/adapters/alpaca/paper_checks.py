"""The questions that only a paper account can answer, each put to it once; see `docs/paper-checks.md`.

Nothing here fills: what takes a fill says that it needs a person and an open market.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from core.adapters.alpaca.paper_bench import A_CENT_MORE, SYMBOL, Bench, Placed, Question, Seen
from core.adapters.alpaca.paper_tape import Ear
from core.adapters.alpaca.request import Answer, Request
from core.adapters.alpaca.rest import DUPLICATE, refusal_words
from core.adapters.alpaca.sockets import Deadlines, Peer, Socket, deadline, open_socket
from core.domain.credentials import SecretName
from core.errors import BrokerError, BrokerUnavailable, OutcomeUnknown

_RATE_HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
# Seconds after which an answer is not waited for; the bytes of an order have left by then.
_CUT_S, _SHORTEST_CUT_S, _LONGEST_CUT_S = 0.02, 0.001, 1.0
_CUTS_PER_TRY = 3
_BUSY = 406
_TOLD_EVERY = 5


async def answer(check_id: str, bench: Bench) -> Seen:
    """Put one question, and end whatever was placed for it, also where it is stopped in the middle."""
    bench.tape.check = check_id
    try:
        return await _QUESTIONS[check_id](bench)
    except (BrokerError, TimeoutError) as error:
        return Seen(passed=False, text=str(error) or "no answer in time")
    finally:
        await bench.tidy()


async def _used_twice(bench: Bench) -> Seen:
    placed = await bench.place()
    return _as_duplicate(await bench.send(placed.body))


async def _used_after_cancel(bench: Bench) -> Seen:
    placed = await bench.place()
    ended = await bench.end(placed.client_id)
    if ended != "canceled":
        return Seen(passed=False, text=f"the order did not end by its cancel: {ended or 'not found'}")
    return _as_duplicate(await bench.send(placed.body))


def _as_duplicate(second: Answer) -> Seen:
    code, text = refusal_words(second)
    is_duplicate = second.status == 422 and code == DUPLICATE
    return Seen(is_duplicate, f"the second was answered with HTTP {second.status}, code {code}: {text}")


async def _found_at_once(bench: Bench) -> Seen:
    waits = []
    for number in range(bench.patience.tries):
        _tell_often(bench, number)
        placed = await bench.place()
        waits.append(await _until_found(bench, placed.client_id))
        await bench.end(placed.client_id)
    return _of_waits(waits, "an accepted order")


def _tell_often(bench: Bench, number: int) -> None:
    if number and number % _TOLD_EVERY == 0:
        bench.tell(f"{number} of {bench.patience.tries} orders")


async def _until_found(bench: Bench, client_id: str) -> float | None:
    begun = bench.clock.monotonic()
    while (waited := bench.clock.monotonic() - begun) <= bench.patience.find_s:
        if (await bench.look(client_id)).is_success:
            return waited
    return None


def _of_waits(waits: list[float | None], what: str) -> Seen:
    found = [wait for wait in waits if wait is not None]
    longest = f"{max(found):.3f} s after its answer" if found else "never"
    text = f"{what} was found {len(found)} of {len(waits)} times; the latest was asked for {longest}"
    return Seen(len(found) == len(waits), text)


async def _changed_while_new(bench: Bench) -> Seen:
    ear = await bench.listen()
    placed = await bench.place()
    await ear.until(_event_of(placed.order_id, "new"), bench.patience.listen_s)
    change = bench.body(limit_price=A_CENT_MORE)
    fields = {name: change[name] for name in ("qty", "limit_price", "client_order_id")}
    changed = await bench.ask("PATCH", f"/orders/{placed.order_id}", fields)
    if not changed.is_success or not isinstance(changed.content, dict):
        bench.never_left(change)
        text = f"the change was refused with HTTP {changed.status}: {refusal_words(changed)[1]}"
        is_open = await bench.is_open()
        return Seen(False if is_open else None, text if is_open else f"needs an open market; {text}")
    new = str(changed.content.get("id"))
    is_replaced = await ear.until(_event_of(placed.order_id, "replaced"), bench.patience.find_s)
    await ear.until(_event_of(new, "new"), bench.patience.listen_s)
    names = {placed.order_id: "the old", new: "the new"}
    return Seen(is_replaced, _told(ear, names))


async def _heard_again(bench: Bench) -> Seen:
    ear = await bench.listen()
    placed = await bench.place()
    await ear.until(_event_of(placed.order_id), bench.patience.listen_s)
    await ear.close()
    ended = await bench.end(placed.client_id)
    again = await bench.listen()
    await again.until(lambda _: False, bench.patience.listen_s)
    text = f"the order ended as {ended or 'nothing'} while nobody listened; heard afterwards: "
    return Seen(passed=True, text=text + _told(again, {placed.order_id: "it"}))


async def _kinds_of_frames(bench: Bench) -> Seen:
    ear = await bench.listen()
    placed = await bench.place()
    await ear.until(_event_of(placed.order_id), bench.patience.listen_s)
    await bench.end(placed.client_id)
    await ear.until(_event_of(placed.order_id, "canceled"), bench.patience.find_s)
    counts = ", ".join(f"{count} {kind}" for kind, count in sorted(Counter(ear.kinds).items()))
    return Seen(bool(ear.events), f"frames: {counts}; {len(ear.events)} of them trade updates")


async def _rate_headers(bench: Bench) -> Seen:
    found = (await bench.ask("GET", "/clock")).headers
    told = ", ".join(f"{name} {found.get(name, 'absent')}" for name in _RATE_HEADERS)
    return Seen(all(name in found for name in _RATE_HEADERS), told)


async def _cut_data_stream(bench: Bench) -> Seen:
    socket, code = await _log_in(bench)
    socket.cut()
    await socket.close()
    if code:
        return Seen(None, f"the data stream was refused with {code}: close the other program that reads it")
    begun, tries, refused = bench.clock.monotonic(), 0, ""
    while (waited := bench.clock.monotonic() - begun) <= bench.patience.reconnect_s:
        tries += 1
        socket, code = await _log_in(bench)
        await socket.close()
        if not code:
            text = f"let in {waited:.1f} s after the cut, at attempt {tries}"
            return Seen(passed=True, text=f"{text}; refused before: {refused or 'never'}")
        refused = str(code)
        await bench.clock.sleep(bench.patience.again_s)
    return Seen(passed=False, text=f"refused with {refused} for {bench.patience.reconnect_s:.0f} s")


async def _log_in(bench: Bench) -> tuple[Socket, int]:
    """Open the data stream; return it, and the code with which it refused, 0 where it did not."""
    peer = Peer("Alpaca's market data", SecretName.ALPACA_PAPER)
    socket = await open_socket(bench.addresses.data_stream_url, peer, bench.clock, Deadlines())
    is_answered = False
    try:
        keys = {"key": bench.credentials.key_id, "secret": bench.credentials.secret}
        await socket.send(json.dumps({"action": "auth", **keys}))
        async with deadline(bench.clock, Deadlines().open_s):
            code = await _let_in(bench, socket)
        is_answered = True
    finally:
        if not is_answered:
            await socket.close()
    return socket, code


async def _let_in(bench: Bench, socket: Socket) -> int:
    while True:
        messages = _read(await socket.receive())
        bench.tape.note(stream="data", heard=messages)
        for message in messages:
            if message.get("T") == "error":
                return int(str(message.get("code", _BUSY)))
            if message.get("msg") == "authenticated":
                return 0


def _read(frame: str | bytes) -> list[dict[str, Any]]:
    try:
        messages = json.loads(frame)
    except ValueError:
        messages = None
    if not isinstance(messages, list):
        raise BrokerUnavailable(f"the data stream sent {len(frame)} characters that are no list")
    return [message for message in messages if isinstance(message, dict)]


async def _fields_of_an_asset(bench: Bench) -> Seen:
    found = (await bench.ask("GET", f"/assets/{SYMBOL}")).content
    if not isinstance(found, Mapping):
        return Seen(passed=False, text=f"there is no asset {SYMBOL}")
    is_there = "is there" if "easy_to_borrow" in found else "is gone"
    return Seen(passed=True, text=f"easy_to_borrow {is_there}; fields: {', '.join(sorted(found))}")


async def _events_of_a_bracket(bench: Bench) -> Seen:
    ear = await bench.listen()
    legs = {"take_profit": {"limit_price": "2.00"}, "stop_loss": {"stop_price": "0.50"}}
    placed = await bench.place(order_class="bracket", **legs)
    await ear.until(_event_of(placed.order_id, "new"), bench.patience.listen_s)
    await ear.until(lambda _: False, bench.patience.listen_s)
    await bench.end(placed.client_id)
    await ear.until(lambda _: False, bench.patience.listen_s)
    text = _told(ear, _names(placed))
    return Seen(
        bool(ear.events), f"{text}. How the legs go on after a fill needs a person and an open market"
    )


def _names(placed: Placed) -> dict[str, str]:
    legs = [leg for leg in placed.order.get("legs") or () if isinstance(leg, Mapping)]
    named = {str(leg.get("id")): f"the {leg.get('type')} leg" for leg in legs}
    return {placed.order_id: "the entry", **named}


async def _takes_a_person(bench: Bench) -> Seen:
    state = "open" if await bench.is_open() else "closed"
    return Seen(
        None, f"needs a person and an open market (it is {state}): a part of an order has to be filled"
    )


async def _gtc_outside_hours(bench: Bench) -> Seen:
    sent = await bench.send(bench.body(time_in_force="gtc", extended_hours=True))
    code, text = refusal_words(sent)
    if sent.is_success:
        return Seen(passed=True, text=f"taken: HTTP {sent.status}")
    return Seen(sent.status == 422 or None, f"not taken: HTTP {sent.status}, code {code}: {text}")


async def _answer_was_lost(bench: Bench) -> Seen:
    waits: list[float | None] = []
    cut_s = _CUT_S
    for _ in range(bench.patience.tries * _CUTS_PER_TRY):
        if len(waits) == bench.patience.tries or cut_s < _SHORTEST_CUT_S:
            break
        _tell_often(bench, len(waits))
        body = bench.body()
        await bench.ask("GET", "/clock")  # a handshake would take the time in which the order is to leave
        try:
            await bench.lanes.submit.run(Request("POST", "/orders", body, total_s=cut_s))
            cut_s /= 2
        except OutcomeUnknown:
            waits.append(await _until_found(bench, body["client_order_id"]))
        except BrokerUnavailable:
            cut_s = min(cut_s * 2, _LONGEST_CUT_S)
            bench.never_left(body)
            continue
        await bench.end(body["client_order_id"])
    if not waits:
        return Seen(None, "no answer could be lost: they came before the connection could be dropped")
    return _of_waits(waits, "an order without an answer")


def _event_of(order_id: str, word: str = "") -> Callable[[dict[str, Any]], bool]:
    def is_wanted(data: dict[str, Any]) -> bool:
        return (data.get("order") or {}).get("id") == order_id and word in ("", data.get("event"))

    return is_wanted


def _told(ear: Ear, names: Mapping[str, str]) -> str:
    return ", ".join(_lines(ear.events, names)) or "nothing"


def _lines(events: Iterable[dict[str, Any]], names: Mapping[str, str]) -> Iterable[str]:
    for data in events:
        order_id = str((data.get("order") or {}).get("id"))
        yield f"{data.get('event')} ({names.get(order_id, 'another order')})"


_QUESTIONS: Mapping[str, Question] = {
    "P1": _used_twice,
    "P2": _used_after_cancel,
    "P3": _found_at_once,
    "P4": _changed_while_new,
    "P5": _heard_again,
    "P6": _kinds_of_frames,
    "P7": _rate_headers,
    "P8": _cut_data_stream,
    "P9": _fields_of_an_asset,
    "P10": _events_of_a_bracket,
    "P11": _takes_a_person,
    "P12": _gtc_outside_hours,
    "P13": _takes_a_person,
    "P14": _answer_was_lost,
}
