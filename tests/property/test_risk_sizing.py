"""What holds of every size: the risk is kept, every limit is kept, and more risk never means fewer shares."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from core.domain.limits import Limits
from core.domain.money import Price
from core.risk.engine import evaluate
from core.risk.sizing import Risk, Size, StopAway, size
from tests.property.test_risk_properties import calm_facts
from tests.risk_builders import FACTS, limit

LIMITS = Limits()
amounts = st.decimals(min_value="0.01", max_value=100_000, places=2)
stops = st.decimals(min_value="0.01", max_value="99.99", places=2).map(lambda px: StopAway(Price(px)))
ranges = st.tuples(
    st.decimals(min_value="0.001", max_value=60, places=3),
    st.decimals(min_value="0.1", max_value=5, places=1),
).map(lambda pair: StopAway(atr=pair[0], times=pair[1]))
aways = st.one_of(stops, ranges)


@given(amounts, aways, calm_facts(), st.integers(1, 100))
def test_a_size_loses_no_more_than_the_risk_and_passes_every_rule(dollars, away, known, lot):
    found = size(limit(), LIMITS, known, Risk(dollars=dollars), away, lot)
    if not isinstance(found, Size):
        return

    assert 0 < found.order_qty <= found.by_risk
    assert found.order_qty % lot == 0
    assert found.loss <= dollars
    assert not evaluate(replace(limit(), order_qty=found.order_qty), LIMITS, known).is_refused


@given(amounts, amounts, aways, st.integers(1, 50))
def test_more_risk_never_means_fewer_shares(one, other, away, lot):
    less, more = sorted([one, other])

    small = size(limit(), LIMITS, FACTS, Risk(dollars=less), away, lot)
    large = size(limit(), LIMITS, FACTS, Risk(dollars=more), away, lot)

    assert not isinstance(small, Size) or (isinstance(large, Size) and small.order_qty <= large.order_qty)


@given(amounts, stops, st.decimals(min_value=0, max_value=50, places=2))
def test_a_wider_stop_never_means_more_shares(dollars, near, wider):
    if near.stop_px - wider <= 0:
        return
    wide = StopAway(Price(near.stop_px - wider))

    close = size(limit(), LIMITS, FACTS, Risk(dollars=dollars), near)
    far = size(limit(), LIMITS, FACTS, Risk(dollars=dollars), wide)

    assert not isinstance(far, Size) or (isinstance(close, Size) and far.order_qty <= close.order_qty)


@given(st.integers(1, 1000), aways)
def test_percent_of_equity_is_the_same_as_its_dollars(tenths, away):
    pct = Decimal(tenths) / 10
    dollars = pct * FACTS.start_equity / 100

    assert size(limit(), LIMITS, FACTS, Risk(pct=pct), away) == size(
        limit(), LIMITS, FACTS, Risk(dollars=dollars), away
    )
