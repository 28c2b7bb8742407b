"""Ages in words, as the rules and the panel show them."""

import math

import pytest

from core.risk.words import seconds


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0.0 s"), (2.0, "2.0 s"), (9.9, "9.9 s"), (9.91, "10.0 s"), (10.0, "10 s"), (10.01, "10.1 s"),
        (10.1, "10.1 s"), (11.0, "11 s"), (60.0, "60 s"), (60.95, "61 s"), (math.inf, "unknown seconds"),
        (math.nan, "unknown seconds"),
    ],
)  # fmt: skip
def test_an_age_is_written_to_the_next_tenth_and_never_below_itself(value: float, words: str) -> None:
    assert seconds(value) == words
