"""Which price values a position: the last trade, or the last close while the market rests."""

from core.domain.figures import PriceBasis, PriceUsed
from core.domain.market import Bar, MarketSession, Quote, SessionPhase
from core.ids import Symbol


def price_used(
    symbol: Symbol, quote: Quote | None, session: MarketSession | None, bar: Bar | None = None
) -> PriceUsed | None:
    """Choose the price of a symbol.

    On a weekend, on a holiday and in the night before a market day it is the last close, as the feed tells
    it; otherwise the last trade. Where neither came with a quote, it is the close of the newest daily bar.

    Args:
        quote: the last one; None if there never was one.
        session: None while market time is unknown; then the last trade counts.
        bar: the newest daily bar; None if nobody asked for it.

    Returns:
        None where no price is known at all.
    """
    if quote is not None:
        rests = session is not None and session.phase is SessionPhase.CLOSED and session.now < session.opens
        if quote.prev_close is not None and (rests or quote.last is None):
            # What is newer than the close is not its time.
            at = quote.time if rests else None
            return PriceUsed(symbol, quote.prev_close, PriceBasis.CLOSE, at, quote.received)
        if quote.last is not None:
            return PriceUsed(symbol, quote.last, PriceBasis.LIVE, quote.time, quote.received)
    return None if bar is None else PriceUsed(symbol, bar.close, PriceBasis.CLOSE, bar.time, None)
