"""How many shares to take: so that a stop at a distance loses no more than was set out to be risked."""

from dataclasses import dataclass, replace
from decimal import Decimal

from core.domain.limits import Limits
from core.domain.money import Qty
from core.domain.risk import Verdict
from core.domain.terms import OrderTerms
from core.risk.checks.numbers import MAX_QTY
from core.risk.facts import Facts
from core.risk.nearest import most_that_passes
from core.risk.pricing import HUNDRED, worst_price
from core.risk.rules import judge
from core.risk.words import dollars


@dataclass(frozen=True, slots=True)
class Risk:
    """What one trade may lose: dollars, or percent of the equity at the start of the day; one of the two."""

    dollars: Decimal | None = None
    pct: Decimal | None = None


@dataclass(frozen=True, slots=True)
class StopAway:
    """Where the loss is stopped: at a price, or at so many average true ranges away; one of the two.

    Attributes:
        stop_px: dollars a share, on the losing side of the entry.
        atr: dollars a share; the average true range.
        times: how many of them away.
    """

    stop_px: Decimal | None = None
    atr: Decimal | None = None
    times: Decimal = Decimal(2)


@dataclass(frozen=True, slots=True)
class Size:
    """How many shares, and what they risk.

    Attributes:
        order_qty: shares, a whole number of lots.
        by_risk: shares that the risk alone would allow, a whole number of lots.
        loss: dollars that are lost when the stop fills at its price, fees of both ways included.
        amount: dollars that were set out to be risked.
        stop_px: dollars a share; where the loss is stopped.
    """

    order_qty: Qty
    by_risk: Qty
    loss: Decimal
    amount: Decimal
    stop_px: Decimal


@dataclass(frozen=True, slots=True)
class Unsized:
    """Why there is no size: which of what was given or known, and one plain sentence."""

    field: str
    text: str


def size(
    terms: OrderTerms, limits: Limits, facts: Facts, risk: Risk, stop: StopAway, lot: int = 1
) -> Size | Unsized:
    """Size an order that opens a position; its own quantity is not looked at.

    shares = risk / (entry at its worst - stop + fees of both ways), rounded down to the lot, and at most
    what passes every rule. Where not one lot does there is no size: never one share just the same.
    """
    entry, amount = worst_price(terms, facts.quote), _dollars(risk, facts)
    if entry is None:
        return Unsized("symbol", f"There is no price of {terms.symbol} to size by.")
    if isinstance(amount, Unsized):
        return amount
    stop_px = _stop(terms, entry, stop)
    if isinstance(stop_px, Unsized):
        return stop_px
    each = abs(entry - stop_px) + (entry + stop_px) * facts.fee_rate_pct / HUNDRED
    # Whole numbers of lots by a division that never rounds up: the risk is a limit, not an aim.
    by_risk = _lots(MAX_QTY, lot) if amount >= each * MAX_QTY else _lots(amount // each, lot)
    if by_risk <= 0:
        words = f"A risk of {dollars(amount)} carries no {_unit(lot)}: {dollars(each)} a share would be lost."
        return Unsized("risk", words)
    most = most_that_passes(replace(terms, order_qty=by_risk), limits, facts)
    if most is None or _lots(most, lot) <= 0:
        return Unsized(
            "order_qty", f"No {_unit(lot)} passes the rules. {_first_breach(terms, limits, facts, lot)}"
        )
    qty = _lots(most, lot)
    return Size(qty, by_risk, qty * each, amount, stop_px)


def _dollars(risk: Risk, facts: Facts) -> Decimal | Unsized:
    if (risk.dollars is None) == (risk.pct is None):
        return Unsized("risk", "Expected what the trade may lose, in dollars or in percent of equity.")
    start, amount = facts.start_equity, risk.dollars
    if risk.pct is not None:
        if start is None:
            return Unsized(
                "risk_pct", "The equity at the start of the day is not known, so no percent of it."
            )
        amount = risk.pct * start / HUNDRED
    if amount is None or amount <= 0:
        return Unsized("risk", "Expected a risk above 0.")
    return amount


def _stop(terms: OrderTerms, entry: Decimal, stop: StopAway) -> Decimal | Unsized:
    if (stop.stop_px is None) == (stop.atr is None):
        return Unsized(
            "stop_px", "Expected where the loss is stopped: a price, or a number of average ranges."
        )
    if stop.stop_px is not None:
        stop_px, field = stop.stop_px, "stop_px"
    else:
        stop_px, field = entry - (stop.atr or 0) * stop.times * terms.side.sign, "atr_times"
    if stop_px <= 0 or (entry - stop_px) * terms.side.sign <= 0:
        side = "below" if terms.side.sign > 0 else "above"
        words = f"The stop at {dollars(stop_px)} must be above 0 and {side} the entry at {dollars(entry)}."
        return Unsized(field, words)
    return stop_px


def _first_breach(terms: OrderTerms, limits: Limits, facts: Facts, lot: int) -> str:
    breaches = Verdict(judge(replace(terms, order_qty=Qty(lot)), limits, facts)).breaches
    return breaches[0].text if breaches else ""


def _unit(lot: int) -> str:
    return "share" if lot == 1 else f"lot of {lot} shares"


def _lots(qty: Decimal, lot: int) -> Qty:
    return Qty(qty // lot * lot)
