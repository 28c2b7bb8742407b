"""How many shares to take: what was typed and the facts of now, put to the arithmetic of sizing."""

import re
from dataclasses import replace
from decimal import Decimal

from core.domain.access import Actor
from core.domain.messages import Sized, SizeOrder
from core.domain.money import Qty
from core.domain.risk import RuleResult, Verdict
from core.domain.terms import OrderTerms
from core.errors import RefusalCode, Refused
from core.ids import Symbol
from core.orders.daily_bars import DailyBars
from core.orders.gather import Gatherer, LiveState, Source
from core.orders.throttle import Throttle
from core.risk.marketable import as_sent
from core.risk.parameters import malformed
from core.risk.parse import parse_draft
from core.risk.rules import judge
from core.risk.sizing import Risk, Size, StopAway, Unsized, size
from core.risk.words import dollars, share_word, shares

WAIT_S = 5.0
_LOT = 1
_MOST_PCT, _MOST_TIMES, _MOST_DOLLARS = Decimal(100), Decimal(100), Decimal(10) ** 12
_NUMBER = re.compile(r"[0-9]{1,13}(\.[0-9]{1,9})?")


class Sizer:
    """Answers `SizeOrder`. Runs on the core loop; nothing is counted, stored or sent."""

    def __init__(self, state: LiveState, gatherer: Gatherer, throttle: Throttle, bars: DailyBars) -> None:
        self._state = state
        self._gatherer = gatherer
        self._throttle = throttle
        self._bars = bars

    async def size(self, command: SizeOrder, actor: Actor) -> Sized:
        """Size an order by what it may lose, capped by every limit.

        Raises:
            Refused: `MALFORMED` with the field; `RISK` where there is no size, with the field and the reason.
        """
        terms = self._terms(command)
        risk = Risk(
            dollars=_number("risk", command.risk, _MOST_DOLLARS),
            pct=_number("risk_pct", command.risk_pct, _MOST_PCT),
        )
        stop = StopAway(stop_px=_number("stop_px", command.stop_px, _MOST_DOLLARS))
        times = _number("atr_times", command.atr_times, _MOST_TIMES)
        if times is not None:
            stop = replace(stop, atr=await self._true_range(terms.symbol), times=times)
        limits = self._state.limits_for(actor.origin)
        figures = self._throttle.figures(self._state.limits)
        facts = self._gatherer.facts(terms, figures, None, Source(actor.origin))
        sent = as_sent(terms, limits, facts)
        found = size(sent, limits, facts, risk, stop, _LOT)
        if isinstance(found, Unsized):
            raise Refused(RefusalCode.RISK, found.text, {"field": found.field})
        now = judge(replace(sent, order_qty=found.order_qty), limits, facts)
        more = judge(replace(sent, order_qty=Qty(found.order_qty + _LOT)), limits, facts)
        return _sized(found, stop.atr, _binding(found, now, more))

    def _terms(self, command: SizeOrder) -> OrderTerms:
        draft = replace(command.draft, order_qty=str(_LOT), cash_order_qty="")
        terms = parse_draft(draft)
        if isinstance(terms, OrderTerms):
            return terms
        raise malformed(terms[0].field.value, terms[0].text)

    async def _true_range(self, symbol: Symbol) -> Decimal:
        await self._bars.settled([symbol], WAIT_S)
        found = self._bars.get(symbol)
        if found is None:
            raise Refused(RefusalCode.RISK, self._bars.missing(symbol), {"field": "atr_times"})
        if found.true_range is None:
            text = f"{symbol} has too few daily bars for an average true range: {len(found.closes)}."
            raise Refused(RefusalCode.RISK, text, {"field": "atr_times"})
        return found.true_range


def _number(field: str, text: str, most: Decimal) -> Decimal | None:
    typed = text.strip()
    if not typed:
        return None
    if not _NUMBER.fullmatch(typed) or not 0 < Decimal(typed) <= most:
        raise malformed(
            field, f"{field}: expected a number above 0 and at most {most:f}, found {typed[:40]!r}."
        )
    return Decimal(typed)


def _binding(found: Size, now: tuple[RuleResult, ...], more: tuple[RuleResult, ...]) -> RuleResult | None:
    # What one more lot breaks, and this many do not.
    if found.order_qty == found.by_risk:
        return None
    broken = {result.code for result in Verdict(now).breaches}
    return next((result for result in Verdict(more).breaches if result.code not in broken), None)


def _sized(found: Size, atr: Decimal | None, binding: RuleResult | None) -> Sized:
    qty = f"{shares(found.order_qty)} {share_word(found.order_qty)}"
    if binding is None:
        text = f"{qty}: the risk of {dollars(found.amount)} allows no more."
    else:
        text = f"{qty}: the risk would allow {shares(found.by_risk)}, but of one more: {binding.text}"
    return Sized(
        order_qty=found.order_qty,
        by_risk=found.by_risk,
        loss=found.loss,
        risk=found.amount,
        stop_px=found.stop_px,
        atr=atr,
        binding=None if binding is None else binding.code,
        text=text,
    )
