"""How late a feed is: measured from its fastest message, and by the whole where two clocks differ."""

from datetime import UTC, datetime, timedelta

import pytest

from core.adapters.lateness import Lateness

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("behind", "late"),
    [
        ([0.1], [0]),
        ([0.1, 0.9, 20.1, 0.2], [0, 0, 20, 0]),
        ([1.9, 1.9], [0, 0]),
        ([10, 10, 15], [10, 10, 15]),
        ([-10, -10], [10, 10]),
        ([900, 900.5], [900, 900]),
    ],
)
def test_messages_are_as_late_as_the_fastest_one_does_not_explain(behind, late):
    lateness = Lateness()

    found = [lateness.of(NOON, NOON - timedelta(seconds=each)) for each in behind]

    assert found == pytest.approx(late)
    assert lateness.skew_s == min(behind)
