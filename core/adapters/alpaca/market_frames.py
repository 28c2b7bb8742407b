"""The messages of Alpaca's market-data stream, and the reading of its frames.

A frame is a list of messages, MessagePack or JSON. The rates are such that a frame is read once, into exactly
the fields that are used. Prices stay the doubles that were sent until one of them is shown; then its shortest
spelling, which is what Alpaca wrote, becomes a decimal.
"""

from collections import Counter
from datetime import datetime

import msgspec

Number = int | float


class QuoteTick(msgspec.Struct, tag_field="T", tag="q", gc=False):
    """The best bid and offer; a price of 0 is no price."""

    symbol: str = msgspec.field(name="S")
    time: datetime = msgspec.field(name="t")
    bid: Number = msgspec.field(name="bp")
    ask: Number = msgspec.field(name="ap")
    bid_size: Number = msgspec.field(name="bs")
    ask_size: Number = msgspec.field(name="as")


class TradeTick(msgspec.Struct, tag_field="T", tag="t"):
    """A trade; `number` names it in a correction."""

    symbol: str = msgspec.field(name="S")
    time: datetime = msgspec.field(name="t")
    price: Number = msgspec.field(name="p")
    size: Number = msgspec.field(name="s")
    number: int | str = msgspec.field(name="i", default=0)
    conditions: list[str] | None = msgspec.field(name="c", default=None)


class _Bar(msgspec.Struct, gc=False):
    symbol: str = msgspec.field(name="S")
    time: datetime = msgspec.field(name="t")
    open: Number = msgspec.field(name="o")
    high: Number = msgspec.field(name="h")
    low: Number = msgspec.field(name="l")
    close: Number = msgspec.field(name="c")
    volume: Number = msgspec.field(name="v")


class MinuteBar(_Bar, tag_field="T", tag="b", gc=False):
    """A minute that is over."""


class UpdatedBar(_Bar, tag_field="T", tag="u", gc=False):
    """A minute that is over, with the trades that came late."""


class DailyBar(_Bar, tag_field="T", tag="d", gc=False):
    """The day so far."""


class Status(msgspec.Struct, tag_field="T", tag="s", gc=False):
    """A halt or its end; the code is that of the listing exchange."""

    symbol: str = msgspec.field(name="S")
    time: datetime = msgspec.field(name="t")
    code: str = msgspec.field(name="sc")


class Correction(msgspec.Struct, tag_field="T", tag="c", gc=False):
    """A trade was reported wrongly; `number` is that of the report."""

    symbol: str = msgspec.field(name="S")
    number: int | str = msgspec.field(name="oi")
    old_size: Number = msgspec.field(name="os")
    price: Number = msgspec.field(name="cp")
    size: Number = msgspec.field(name="cs")


class TradeCancel(msgspec.Struct, tag_field="T", tag="x", gc=False):
    """A trade that was reported is none."""

    symbol: str = msgspec.field(name="S")
    number: int | str = msgspec.field(name="i")
    size: Number = msgspec.field(name="s")


class Band(msgspec.Struct, tag_field="T", tag="l", gc=False):
    """The prices between which trading stays without a pause; a pause itself comes as a status."""

    symbol: str = msgspec.field(name="S")


class Success(msgspec.Struct, tag_field="T", tag="success"):
    """`connected`, then `authenticated`."""

    msg: str = ""


class Failure(msgspec.Struct, tag_field="T", tag="error"):
    """Something was refused."""

    code: int = 0
    msg: str = ""


class Subscription(msgspec.Struct, tag_field="T", tag="subscription"):
    """All that is delivered from now on."""

    trades: list[str] | None = None
    quotes: list[str] | None = None


Control = Success | Failure | Subscription
Message = (
    QuoteTick
    | TradeTick
    | MinuteBar
    | UpdatedBar
    | DailyBar
    | Status
    | Correction
    | TradeCancel
    | Band
    | Control
)


class FrameReader:
    """Reads frames. What cannot be read is counted by kind in `skipped`, and costs its neighbours nothing."""

    def __init__(self) -> None:
        self.skipped: Counter[str] = Counter()
        self._packed = msgspec.msgpack.Decoder(list[Message])
        self._text = msgspec.json.Decoder(list[Message])
        self._packed_each = msgspec.msgpack.Decoder(list[msgspec.Raw])
        self._text_each = msgspec.json.Decoder(list[msgspec.Raw])
        self._packed_one = msgspec.msgpack.Decoder(Message)
        self._text_one = msgspec.json.Decoder(Message)

    def read(self, frame: str | bytes) -> list[Message]:
        """Return the messages of a frame that can be read, in their order."""
        # No list of MessagePack begins with a bracket: a server that was not asked for it answers in JSON.
        is_text = isinstance(frame, str) or frame[:1] == b"["
        try:
            return self._text.decode(frame) if is_text else self._packed.decode(frame)  # type: ignore[arg-type]
        except (ValueError, RecursionError):
            return self._one_by_one(frame, is_text=is_text)

    def _one_by_one(self, frame: str | bytes, *, is_text: bool) -> list[Message]:
        each = self._text_each if is_text else self._packed_each
        one = self._text_one if is_text else self._packed_one
        try:
            parts = each.decode(frame)  # type: ignore[arg-type]
        except (ValueError, RecursionError):
            self.skipped["frame"] += 1
            return []
        found = []
        for part in parts:
            try:
                found.append(one.decode(part))
            except (ValueError, RecursionError):
                self.skipped["message"] += 1
        return found
