"""What a request's body may hold: exactly these fields, with numbers of money and shares as text."""

import json
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec

from core.domain.risk import RuleCode
from core.domain.terms import Contingency, OrderDraft, OrdType, Side, TimeInForce
from core.errors import RefusalCode, Refused

B = TypeVar("B", bound=msgspec.Struct)

Text = Annotated[str, msgspec.Meta(max_length=64)]
Reason = Annotated[str, msgspec.Meta(max_length=500)]


class Decision(StrEnum):
    """What a person decides on a proposal."""

    APPROVE = "approve"
    REJECT = "reject"


_WORDS: Mapping[str, type[StrEnum]] = {
    "side": Side,
    "ord_type": OrdType,
    "time_in_force": TimeInForce,
    "acknowledged": RuleCode,
    "decision": Decision,
    "order.side": Side,
    "order.ord_type": OrdType,
    "order.time_in_force": TimeInForce,
    "order.acknowledged": RuleCode,
}
_PLACE = re.compile(r"(?P<words>.*) - at `\$\.?(?P<place>[^`]*)`", re.DOTALL)
_FIELD = re.compile(r"Object (?P<what>contains unknown|missing required) field `(?P<field>.*)`", re.DOTALL)
_NUMBER = re.compile(r"Expected `str.*got `(int|float)`")
_SHOWN = 64


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class TakeProfitBody(_Body, frozen=True):
    """The leg that takes the profit."""

    price: Text


class StopLossBody(_Body, frozen=True):
    """The leg that stops the loss."""

    stop_px: Text
    price: Text | None = None


class BracketBody(_Body, frozen=True):
    """Both legs; they begin when the order has filled."""

    take_profit: TakeProfitBody
    stop_loss: StopLossBody


class OrderBody(_Body, frozen=True):
    """A new order."""

    symbol: Text
    side: Side
    ord_type: OrdType
    order_qty: Text | None = None
    cash_order_qty: Text | None = None
    price: Text | None = None
    stop_px: Text | None = None
    trail_px: Text | None = None
    trail_pct: Text | None = None
    time_in_force: TimeInForce = TimeInForce.DAY
    extended_hours: bool = False
    bracket: BracketBody | None = None
    acknowledged: frozenset[RuleCode] = frozenset()

    def draft(self) -> OrderDraft:
        """Return the order as if it had been typed.

        Raises:
            Refused: `MALFORMED`: neither a number of shares nor an amount, or both.
        """
        if (self.order_qty is None) == (self.cash_order_qty is None):
            refuse("expected either order_qty or cash_order_qty", "order_qty")
        bracket = self.bracket
        return OrderDraft(
            symbol=self.symbol,
            side=self.side,
            ord_type=self.ord_type,
            time_in_force=self.time_in_force,
            order_qty=self.order_qty or "",
            price=self.price or "",
            stop_px=self.stop_px or "",
            trail_px=self.trail_px or "",
            trail_pct=self.trail_pct or "",
            extended_hours=self.extended_hours,
            cash_order_qty=self.cash_order_qty or "",
            contingency=None if bracket is None else Contingency.BRACKET,
            take_profit="" if bracket is None else bracket.take_profit.price,
            stop_loss="" if bracket is None else bracket.stop_loss.stop_px,
            stop_loss_limit="" if bracket is None else bracket.stop_loss.price or "",
        )


class ReplaceBody(_Body, frozen=True):
    """New terms of a working order; what is not named stays as it is."""

    order_qty: Text | None = None
    price: Text | None = None
    stop_px: Text | None = None
    trail_px: Text | None = None
    trail_pct: Text | None = None
    acknowledged: frozenset[RuleCode] = frozenset()


class AcknowledgedBody(_Body, frozen=True):
    """The soft rules that are answered."""

    acknowledged: frozenset[RuleCode] = frozenset()


class ReasonBody(_Body, frozen=True):
    """Why something is done; it is kept in the record."""

    reason: Reason = ""


class KillBody(_Body, frozen=True):
    """The kill switch: why, and whether positions are closed too."""

    reason: Reason = ""
    flatten: bool = False


class ProposalBody(_Body, frozen=True):
    """An order that a program proposes: who it is, and why."""

    order: OrderBody
    source: Text
    thesis: Reason


class ReviewBody(_Body, frozen=True):
    """A decision on a proposal, with its reason."""

    decision: Decision
    reason: Reason = ""


class ParametersBody(_Body, frozen=True):
    """Risk parameters by name, of everybody and of the agent; each value is text, as it is answered."""

    reason: Reason = ""
    all: dict[str, Any] = {}
    agent: dict[str, Any] = {}


class TargetBody(_Body, frozen=True):
    """The risk that is aimed at; what is not named stays as it is."""

    reason: Reason = ""
    market: Text | None = None
    volatility: Text | None = None
    liquidity: Text | None = None
    event: Text | None = None
    concentration: Text | None = None
    sentiment: Text | None = None


def parse(raw: bytes, kind: type[B]) -> B:
    """Read a body; an empty one is an object without fields.

    Raises:
        Refused: `MALFORMED`, with the field where it is known.
    """
    found = _plain(raw) if raw.strip() else {}
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        _explain(str(error))


def _plain(raw: bytes) -> object:
    try:
        text = raw.decode("utf-8")
        found: object = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
        # An escaped half of a surrogate pair is no character, and nothing could be stored of it.
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError:
        refuse("expected UTF-8 text")
    except UnicodeEncodeError:
        refuse("a text holds half of a surrogate pair")
    except RecursionError:
        refuse("the body is nested too deeply")
    except ValueError as error:
        refuse(f"expected JSON: {str(error)[:_SHOWN]}")
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field stands there twice")
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number of JSON")


def _explain(words: str) -> NoReturn:
    found = _PLACE.fullmatch(words)
    words, place = (found["words"], found["place"]) if found else (words, "")
    if about := _FIELD.fullmatch(words):
        name = _shown(f"{place}.{about['field']}".lstrip("."))
        what = "is unknown here" if about["what"] == "contains unknown" else "is missing"
        refuse(f"{name} {what}", name)
    if _NUMBER.match(words):
        refuse(f'{place}: expected text in quotes such as "10.50", found a number', place)
    if words.startswith("Invalid enum value"):
        expected = _WORDS[re.sub(r"\[.*\]$", "", place)]
        refuse(f"{place}: expected one of {', '.join(expected)}", place)
    refuse(f"{place or 'the body'}: {_shown(words.replace('`', ''))}", place)


def _shown(text: str) -> str:
    plain = "".join(each if each.isprintable() else "?" for each in text)
    return plain if len(plain) <= 2 * _SHOWN else f"{plain[: 2 * _SHOWN]}…"


def refuse(words: str, field: str = "") -> NoReturn:
    """Refuse a request that cannot be one.

    Raises:
        Refused: `MALFORMED`, always.
    """
    raise Refused(RefusalCode.MALFORMED, words, {"field": field} if field else None)
