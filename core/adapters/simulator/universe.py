"""The 30 US large caps of the synthetic session. Prices, volatilities and volumes are plausible, not real."""

from dataclasses import dataclass

from core.domain.instrument import Instrument
from core.ids import Symbol


@dataclass(frozen=True, slots=True)
class Listing:
    """One stock of the session.

    Attributes:
        price: dollars at the start of the history.
        sigma_pct: percent, standard deviation of a day's return.
        volume_m: millions of shares on a usual day.
        spread: cents between bid and ask at most times.
    """

    symbol: Symbol
    name: str
    exchange: str
    sector: str
    price: float
    sigma_pct: float
    volume_m: float
    spread: int

    @property
    def instrument(self) -> Instrument:
        """The stock as it is traded."""
        return Instrument(
            self.symbol, self.name, self.exchange, self.sector, fractionable=True, shortable=True
        )


_IT, _COM, _DIS, _STA = (
    "Information Technology",
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
)
_HEA, _FIN, _IND, _ENE, _UTI = "Health Care", "Financials", "Industrials", "Energy", "Utilities"
_MAT, _REA = "Materials", "Real Estate"
_Q, _N = "NASDAQ", "NYSE"

UNIVERSE: tuple[Listing, ...] = tuple(
    Listing(Symbol(symbol), name, exchange, sector, price, sigma_pct, volume_m, spread)
    for symbol, name, exchange, sector, price, sigma_pct, volume_m, spread in (
        ("AAPL", "Apple Inc.", _Q, _IT, 228.40, 1.5, 48.0, 1),
        ("MSFT", "Microsoft Corporation", _Q, _IT, 431.20, 1.4, 20.0, 2),
        ("NVDA", "NVIDIA Corporation", _Q, _IT, 141.70, 2.7, 190.0, 1),
        ("AVGO", "Broadcom Inc.", _Q, _IT, 178.30, 2.4, 24.0, 2),
        ("ORCL", "Oracle Corporation", _N, _IT, 176.90, 1.9, 9.5, 2),
        ("CSCO", "Cisco Systems, Inc.", _Q, _IT, 57.80, 1.2, 18.0, 1),
        ("GOOGL", "Alphabet Inc. Class A", _Q, _COM, 172.60, 1.7, 26.0, 1),
        ("META", "Meta Platforms, Inc.", _Q, _COM, 561.10, 2.0, 12.5, 3),
        ("NFLX", "Netflix, Inc.", _Q, _COM, 812.40, 2.0, 3.4, 3),
        ("DIS", "The Walt Disney Company", _N, _COM, 112.20, 1.6, 9.8, 1),
        ("AMZN", "Amazon.com, Inc.", _Q, _DIS, 204.90, 1.8, 38.0, 1),
        ("TSLA", "Tesla, Inc.", _Q, _DIS, 298.70, 3.2, 85.0, 2),
        ("HD", "The Home Depot, Inc.", _N, _DIS, 402.30, 1.4, 3.4, 3),
        ("MCD", "McDonald's Corporation", _N, _DIS, 291.60, 1.1, 3.3, 2),
        ("PG", "The Procter & Gamble Company", _N, _STA, 170.50, 0.9, 6.9, 1),
        ("KO", "The Coca-Cola Company", _N, _STA, 63.40, 0.9, 14.5, 1),
        ("WMT", "Walmart Inc.", _N, _STA, 84.90, 1.1, 16.5, 1),
        ("COST", "Costco Wholesale Corporation", _Q, _STA, 921.80, 1.3, 1.9, 3),
        ("LLY", "Eli Lilly and Company", _N, _HEA, 776.50, 1.9, 3.1, 3),
        ("UNH", "UnitedHealth Group Incorporated", _N, _HEA, 591.30, 1.5, 3.6, 3),
        ("JNJ", "Johnson & Johnson", _N, _HEA, 154.80, 1.0, 7.4, 1),
        ("JPM", "JPMorgan Chase & Co.", _N, _FIN, 243.10, 1.4, 9.1, 1),
        ("BAC", "Bank of America Corporation", _N, _FIN, 46.20, 1.5, 35.0, 1),
        ("V", "Visa Inc. Class A", _N, _FIN, 309.40, 1.1, 5.8, 2),
        ("CAT", "Caterpillar Inc.", _N, _IND, 388.60, 1.6, 2.7, 3),
        ("GE", "GE Aerospace", _N, _IND, 181.20, 1.7, 5.2, 2),
        ("XOM", "Exxon Mobil Corporation", _N, _ENE, 120.70, 1.4, 14.0, 1),
        ("NEE", "NextEra Energy, Inc.", _N, _UTI, 77.30, 1.4, 10.5, 1),
        ("LIN", "Linde plc", _Q, _MAT, 452.90, 1.1, 1.9, 3),
        ("PLD", "Prologis, Inc.", _N, _REA, 116.40, 1.6, 3.5, 1),
    )
)
