"""What every refusal, rule and limit means, in one line for a person; `docs/` is printed from here."""

from collections.abc import Mapping

from core.domain.risk import RuleCode
from core.errors import RefusalCode

REFUSALS: Mapping[RefusalCode, str] = {
    RefusalCode.NOT_PERMITTED: "Your role, this mode or the file's owner does not allow it.",
    RefusalCode.UNKNOWN_ROLE: "The role is not viewer, trader or admin, so nothing is allowed.",
    RefusalCode.MALFORMED: "A value is missing, too long or not of the kind that is expected.",
    RefusalCode.UNKNOWN_SYMBOL: "The symbol is not traded here.",
    RefusalCode.UNKNOWN_ORDER: "There is no order under this id.",
    RefusalCode.ORDER_NOT_OPEN: "The order has ended, so it can be neither changed nor canceled.",
    RefusalCode.ORDER_BUSY: "A change or cancel of the order is on its way; wait for its answer.",
    RefusalCode.ORDER_NOT_UNKNOWN: "The order's state is known, so it needs no sending again or giving up.",
    RefusalCode.STILL_ASKING: "The broker is still being asked about the order; wait until its time is over.",
    RefusalCode.RISK: "A hard rule says no; the verdict names it, with its numbers.",
    RefusalCode.NEEDS_ACKNOWLEDGEMENT: "A soft rule wants your yes first; confirm it and send again.",
    RefusalCode.THROTTLED: "Orders come faster than the pace allows; wait as long as it says.",
    RefusalCode.IDEMPOTENCY_CONFLICT: "The key belongs to another order; use a new key for a new decision.",
    RefusalCode.IN_FLIGHT: "The same decision is on its way already; it will not be sent twice.",
    RefusalCode.NOT_CONFIRMED: "The confirmation was answered with no, or closed; nothing was sent.",
    RefusalCode.CONFIRMATION_EXPIRED: "Nobody answered the confirmation in time; nothing was sent.",
    RefusalCode.CONFIRMATION_STALE: "The market moved while the confirmation stood; look at the new figures.",
    RefusalCode.NO_WINDOW: "It must be answered in the window, and none is open.",
    RefusalCode.NO_POSITION: "Nothing is held of the symbol.",
    RefusalCode.BROKER_REFUSED: "It was asked of the broker, and the broker declined.",
    RefusalCode.HALTED: "Trading is halted; cancels pass, orders do not.",
    RefusalCode.RECORD_UNWRITABLE: "It could not be recorded, so it was not sent.",
    RefusalCode.NOT_READY: "No profile is open, the start is not over, or the window is catching up.",
    RefusalCode.REASON_MISSING: "It needs a reason, which is kept in the audit record.",
    RefusalCode.NAME_TAKEN: "The name is in use; nothing was overwritten.",
    RefusalCode.NOT_FOUND: "What was named does not exist.",
}

RULES: Mapping[RuleCode, str] = {
    RuleCode.ROLE: "Your role may place this order.",
    RuleCode.TRADING_STATE: "Trading is active; while reducing, only a proven exit passes.",
    RuleCode.FACTS: "Quote, position, account and clock are known, and fresh enough to judge on.",
    RuleCode.INSTRUMENT: "The symbol is known and tradable, in parts of a share where the order has such.",
    RuleCode.SESSION: "The market takes this type of order at this time of day.",
    RuleCode.NUMBERS: "Quantity and prices are sound numbers, and those that the order type has.",
    RuleCode.TERMS: "Type, time in force, hours, amount and legs of the order go together.",
    RuleCode.TICK: "Each price is a whole number of the symbol's price steps.",
    RuleCode.PRICE_COLLAR: "A limit price stays within the collar around the market; asks, then refuses.",
    RuleCode.STOP_SIDE: "A stop stands on its side of the market, so that it does not trigger at once.",
    RuleCode.ORDER_QTY: "One order has no more shares than the limit; asks, then refuses.",
    RuleCode.ORDER_NOTIONAL: "One order is worth no more than the limit; asks, then refuses.",
    RuleCode.POSITION_LIMIT: "Position and working orders together stay within the symbol's share of equity.",
    RuleCode.BUYING_POWER: "The worst cost, fees included, can be paid for whatever else fills.",
    RuleCode.SELL_HELD: "No more is sold than is held and not yet being sold, unless short sales are on.",
    RuleCode.DUPLICATE: "The order does not repeat another within seconds; asks, then refuses.",
    RuleCode.THROTTLE: "Orders a second, a minute and a day stay within the pace.",
}

LIMITS: Mapping[str, str] = {
    "collar_soft_pct": "percent through the market above which a limit price is asked about",
    "collar_hard_pct": "percent through the market above which a limit price is refused",
    "order_qty_soft": "shares in one order above which it is asked about",
    "order_qty_hard": "shares in one order above which it is refused",
    "notional_soft": "dollars in one order above which it is asked about",
    "notional_soft_pct": "the same in percent of the day's first equity; the lower of the two counts",
    "notional_hard": "dollars in one order above which it is refused",
    "notional_hard_pct": "the same in percent of the day's first equity; the lower of the two counts",
    "position_pct": "percent of the day's first equity that one symbol may have",
    "gross_pct": "percent of equity for all positions together; shown, and refuses nothing yet",
    "daily_loss_pct": "percent of the day's first equity that may be lost; shown, and refuses nothing yet",
    "duplicate_soft_s": "seconds within which the same order again is asked about",
    "duplicate_hard_s": "seconds in which repeats are counted",
    "duplicate_hard_count": "how many of the same order in those seconds are too many",
    "per_second": "attempts a second, on average",
    "burst": "attempts that may come at once",
    "per_minute": "attempts a minute, refused ones included",
    "per_day": "attempts a day, refused ones included",
    "account_age_s": "seconds after which the account's figures are too old to judge on",
    "quote_age_s": "seconds after which a quote is too old to judge on",
    "short_sales": "whether shares that are not held may be sold, where the broker lends them",
}
