"""Rules, limits and effects in the words and figures of ticket, risk panel and confirmation sheet."""

from decimal import Decimal

from core.domain.risk import EffectLine, EffectName, LimitUse, Outcome, RuleCode, RuleResult, Unit, Verdict
from core.domain.terms import OrderTerms, OrdType, Side
from ui import format as fmt

_RULES = {
    RuleCode.ROLE: "Your role",
    RuleCode.TRADING_STATE: "Trading state",
    RuleCode.FACTS: "What must be known",
    RuleCode.INSTRUMENT: "The symbol",
    RuleCode.SESSION: "Market hours",
    RuleCode.NUMBERS: "The numbers",
    RuleCode.TERMS: "What goes together",
    RuleCode.TICK: "Price step",
    RuleCode.PRICE_COLLAR: "Price against market",
    RuleCode.STOP_SIDE: "Stop against market",
    RuleCode.SPREAD: "Spread",
    RuleCode.ORDER_QTY: "Shares in one order",
    RuleCode.ORDER_VOLUME: "Part of the volume",
    RuleCode.ORDER_NOTIONAL: "Order value",
    RuleCode.GROSS_EXPOSURE: "Gross exposure",
    RuleCode.SECTOR: "Sector",
    RuleCode.BUYING_POWER: "Buying power",
    RuleCode.SELL_HELD: "Shares held",
    RuleCode.SELF_TRADE: "Own orders",
    RuleCode.DUPLICATE: "Same order again",
    RuleCode.THROTTLE: "Orders a minute",
    RuleCode.WORKING_ORDERS: "Working orders",
    RuleCode.TURNOVER: "Traded today",
    RuleCode.ENTRIES: "Entries by automation",
    RuleCode.DAILY_LOSS: "Daily loss",
    RuleCode.DRAWDOWN: "Drawdown",
    RuleCode.PAUSED: "Paused ways in",
    RuleCode.PROPOSAL: "The proposal",
}
_REFUSED_BY = {
    RuleCode.ROLE: "Refused: your role may not",
    RuleCode.TRADING_STATE: "Refused by the trading state",
    RuleCode.FACTS: "Refused: too little is known",
    RuleCode.INSTRUMENT: "Refused: not traded here",
    RuleCode.SESSION: "Refused by market hours",
    RuleCode.NUMBERS: "Refused: check the numbers",
    RuleCode.TERMS: "Refused: it does not go together",
    RuleCode.TICK: "Refused by the price step",
    RuleCode.PRICE_COLLAR: "Refused by the price collar",
    RuleCode.STOP_SIDE: "Refused: stop on the wrong side",
    RuleCode.SPREAD: "Refused by the spread",
    RuleCode.ORDER_QTY: "Refused by the size limit",
    RuleCode.ORDER_VOLUME: "Refused by the usual volume",
    RuleCode.ORDER_NOTIONAL: "Refused by the order value limit",
    RuleCode.POSITION_LIMIT: "Refused by the position limit",
    RuleCode.GROSS_EXPOSURE: "Refused by the exposure limit",
    RuleCode.SECTOR: "Refused by the sector limit",
    RuleCode.BUYING_POWER: "Refused by buying power",
    RuleCode.SELL_HELD: "Refused: more than is held",
    RuleCode.SELF_TRADE: "Refused: it meets another order",
    RuleCode.DUPLICATE: "Refused as the same order again",
    RuleCode.THROTTLE: "Refused by the order rate",
    RuleCode.WORKING_ORDERS: "Refused by the number of orders",
    RuleCode.TURNOVER: "Refused by the day's turnover",
    RuleCode.ENTRIES: "Refused: too many entries",
    RuleCode.DAILY_LOSS: "Refused by the daily loss",
    RuleCode.DRAWDOWN: "Refused by the drawdown",
    RuleCode.PAUSED: "Refused: this way in is paused",
    RuleCode.PROPOSAL: "Refused: the proposal has run out",
}
_LIMITS = {
    "daily_loss": "Daily loss",
    "drawdown": "Drawdown",
    "gross_exposure": "Gross exposure",
    "orders_today": "Orders today",
    "orders_per_minute": "Orders a minute",
}
_HUNDRED = Decimal(100)


def rule_name(code: RuleCode, symbol: str) -> str:
    """Return the short name of a rule."""
    return f"{symbol or 'Position'} weight" if code is RuleCode.POSITION_LIMIT else _RULES[code]


def refused_by(code: RuleCode) -> str:
    """Return the title of a refusal."""
    return _REFUSED_BY[code]


def limit_name(name: str) -> str:
    """Return the words for a limit's machine value, such as ``weight:AAPL``."""
    kind, _, of = name.partition(":")
    return f"{of} {kind}" if of else _LIMITS.get(name, name.replace("_", " ").capitalize())


def figure(value: Decimal | None, unit: Unit) -> str:
    """Write a measured number without its unit, as short as a limit can be read."""
    if value is None:
        return fmt.UNKNOWN
    if unit is Unit.PERCENT:
        return fmt.money(value, 1 if abs(value) >= 1 or value == 0 else 2)
    if unit is Unit.SECONDS:
        return fmt.money(value, 1)
    return fmt.money(value, 0) if unit is Unit.DOLLARS else fmt.qty(value)


def bound(limit: Decimal | None, unit: Unit) -> str:
    """Write a limit with its unit, trailing zeros left out."""
    if limit is None:
        return fmt.UNKNOWN
    if unit is Unit.PERCENT:
        return f"{fmt.qty(limit)}{fmt.THIN_SPACE}%"
    if unit is Unit.SECONDS:
        return f"{fmt.qty(limit)} s"
    return fmt.money(limit, 0) if unit is Unit.DOLLARS else fmt.qty(limit)


def share_of(value: Decimal | None, limit: Decimal | None) -> float | None:
    """Return how much of a limit is used, 1.0 being all; None where that is not known or has no meaning."""
    if value is None or limit is None or limit <= 0:
        return None
    return float(min(value / limit, _HUNDRED))


def use_share(use: LimitUse) -> float | None:
    """Return how much of a limit of the account is used."""
    return share_of(use.used, use.limit)


def by_severity(verdict: Verdict) -> list[RuleResult]:
    """Return the breaches: hard ones first, and in both the one that is farthest over its limit first."""

    def over(result: RuleResult) -> float:
        return share_of(result.value, result.limit) or 0.0

    found = sorted(verdict.breaches, key=over, reverse=True)
    return sorted(found, key=lambda result: result.outcome is not Outcome.HARD)


def nearest_limits(verdict: Verdict, count: int = 3) -> list[RuleResult]:
    """Return the passed rules whose limit is used most."""
    used = [(share_of(result.value, result.limit), result) for result in verdict.results]
    known = [(share, result) for share, result in used if share is not None]
    return [result for _, result in sorted(known, key=lambda pair: -pair[0])[:count]]


def effect_name(name: EffectName, symbol: str) -> str:
    """Return the words of a before-and-after line."""
    return {
        EffectName.POSITION: f"{symbol or 'Position'} incl. working",
        EffectName.WEIGHT: f"{symbol or 'Position'} weight",
        EffectName.GROSS_EXPOSURE: "Gross exposure",
        EffectName.BUYING_POWER: "Buying power",
        EffectName.DAILY_LOSS_LEFT: "Daily loss left",
    }[name]


def effect_figure(line: EffectLine, value: Decimal | None) -> str:
    """Write one figure of a before-and-after line."""
    if line.unit is Unit.PERCENT:
        return fmt.percent(value)
    return fmt.money(value) if line.unit is Unit.DOLLARS else fmt.qty(value)


def order_words(terms: OrderTerms) -> str:
    """Say what an order does, without its price: ``Buy 20 AAPL``."""
    if terms.cash_order_qty is not None:
        return f"{fmt.word(terms.side)} ${fmt.money(terms.cash_order_qty)} of {terms.symbol}"
    return f"{fmt.word(terms.side)} {fmt.qty(terms.order_qty)} {terms.symbol}"


def price_words(terms: OrderTerms) -> str:
    """Say at what price an order may trade."""
    if terms.ord_type is OrdType.MARKET:
        return "at market"
    if terms.ord_type is OrdType.STOP:
        return f"at market once {fmt.price(terms.stop_px)} trades"
    if terms.ord_type is OrdType.TRAILING_STOP:
        return f"at market once the price turns by {trail_words(terms)}"
    better = f"at {fmt.price(terms.price)} or better"
    return better if terms.ord_type is OrdType.LIMIT else f"{better}, once {fmt.price(terms.stop_px)} trades"


def trail_words(terms: OrderTerms) -> str:
    """Say by how much a trailing stop follows."""
    if terms.trail_pct is not None:
        return f"{terms.trail_pct.normalize():f}%"
    return fmt.exact(terms.trail_px)


def cost_words(verdict: Verdict, side: Side) -> str:
    """Say what an order may cost at most; nothing where that is not known."""
    if verdict.worst_cost is not None:
        return f"Costs {fmt.money(verdict.worst_cost)} at most."
    is_held = any(
        each.code is RuleCode.SELL_HELD and each.outcome is Outcome.PASS for each in verdict.results
    )
    return "Sells what is held: only fees are paid." if side is Side.SELL and is_held else ""
