"""The movers: a ranking of what is followed."""

from core.domain.market import Quote
from tests.ui import pretend
from ui.panels.movers import ranked


def quotes(*lasts: str) -> list[Quote]:
    return [pretend.quote(f"S{number}", last, "100") for number, last in enumerate(lasts)]


def test_movers_are_ranked_from_both_ends() -> None:
    up, down = ranked(quotes("101", "105", "99", "100", "90", "103", "98", "100.001", "102", "97"))

    assert [quote.symbol for quote in up] == ["S1", "S5", "S8", "S0"]
    assert [quote.symbol for quote in down] == ["S4", "S9", "S6", "S2"]


def test_movers_of_a_few_symbols_are_no_ranking() -> None:
    assert ranked(quotes("101", "99")) == ([], [])
