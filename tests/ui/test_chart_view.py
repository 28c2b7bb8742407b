"""Pan, zoom, follow, price range, axis steps and stacked tags: pure figures, no pixel."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ui.chart.axes import PRICE_GAP_PX, price_ticks, time_ticks
from ui.chart.marks import ChartOrder, ChartPosition
from ui.chart.overlays import TAG_GAP, TAG_H, last_tag, order_tag, position_tag, stack
from ui.chart.viewport import Viewport
from ui.theme.tokens import load_theme

DAY = 86_400


def shown(count: int, width: float = 728) -> Viewport:
    view = Viewport(width=width)
    view.reset(count)
    return view


def test_reset_shows_the_newest_bar_with_a_margin():
    view = shown(1_000)

    assert view.follow
    assert 20 < view.width - view.x_of(999) < 40
    assert view.pitch == pytest.approx(7, abs=0.01)


def test_few_bars_stand_at_the_left():
    view = shown(5)

    assert view.x_of(0) < 20
    assert view.visible() == (0, 4)


def test_zoom_keeps_the_bar_under_the_mouse():
    view = shown(1_000)
    anchor = view.index_of(300)

    view.zoom(0.8, anchor)

    assert view.x_of(anchor) == pytest.approx(300)


def test_a_new_bar_moves_the_view_only_while_following():
    following, away = shown(1_000), shown(1_000)
    away.pan(-300)
    before = away.left

    following.grow(1_001)
    away.grow(1_001)

    assert following.right > 1_000
    assert away.left == before
    assert not away.follow


def test_panning_back_to_the_newest_bar_follows_again():
    view = shown(1_000)

    view.pan(-300)
    assert not view.follow
    view.pan(300)

    assert view.follow


@given(
    moves=st.lists(st.tuples(st.booleans(), st.floats(-2_000, 2_000)), max_size=20),
    count=st.integers(1, 5_000),
)
def test_any_sequence_of_pan_and_zoom_leaves_bars_in_view(moves, count):
    view = shown(count)

    for is_zoom, amount in moves:
        if is_zoom:
            view.zoom(2.0 ** (amount / 1_000), view.index_of(abs(amount) % view.width))
        else:
            view.pan(amount)

    assert view.visible() is not None
    assert view.pitch <= 48.001


def test_a_resize_keeps_the_pitch_once_the_view_was_moved():
    view = shown(1_000)
    view.zoom(0.5, 999)
    pitch = view.pitch

    view.resize(400)

    assert view.pitch == pytest.approx(pitch)
    assert view.follow


def test_prices_fit_near_marks_but_not_far_ones():
    view = Viewport()

    view.fit_prices(186.0, 190.0, [184.9, 100.0])

    assert 184 < view.low < 184.9
    assert view.high > 190


@pytest.mark.parametrize("price", [0.42, 189.42, 612_345.0])
def test_flat_prices_have_a_range_around_them(price):
    view = Viewport(top=28, bottom=440)

    view.fit_prices(price, price, [])

    assert view.low < price < view.high
    assert price_ticks(view.low, view.high, 412)


@given(low=st.floats(0.01, 1e5), span=st.floats(0.001, 1e4), height=st.floats(100, 1_500))
def test_price_steps_are_1_2_5_and_keep_their_distance(low, span, height):
    ticks = price_ticks(low, low + span, height)

    gaps = np.diff(ticks)
    if len(gaps):
        mantissa = float(gaps[0]) / 10.0 ** np.floor(np.log10(gaps[0]) + 1e-6)
        assert min(abs(mantissa - step) for step in (1, 2, 5)) < 1e-3
        assert gaps[0] / span * height >= PRICE_GAP_PX * 0.999


def five_minute_days(days: int) -> np.ndarray:
    starts = np.arange(days) * DAY + 20_412 * DAY + 9 * 3_600 + 1_800
    return (starts[:, None] + np.arange(78) * 300).reshape(-1)


def test_intraday_axis_names_sessions_by_date_and_hours_by_time():
    local = five_minute_days(2)[40:140]
    x = np.arange(100) * 7.0

    ticks = time_ticks(local, local // DAY, x, is_intraday=True, has_first=False)

    assert [tick.text for tick in ticks if tick.is_session] == ["Fri 21 Nov"]
    assert {"14:00", "15:00", "11:00"} <= {tick.text for tick in ticks}


def test_many_sessions_are_named_by_date_alone():
    local = five_minute_days(60)
    x = np.linspace(0, 700, len(local))

    ticks = time_ticks(local, local // DAY, x, is_intraday=True, has_first=True)

    assert 2 <= len(ticks) <= 10
    assert not any(":" in tick.text for tick in ticks)


def test_daily_axis_names_months_and_the_year_they_begin():
    local = np.arange(200) * DAY + 20_412 * DAY
    x = np.arange(200) * 3.6

    ticks = time_ticks(local, local // DAY, x, is_intraday=False, has_first=False)

    assert [tick.text for tick in ticks] == ["Dec", "2026", "Feb", "Mar", "Apr", "May", "Jun"]
    assert [tick.text for tick in ticks if tick.is_major] == ["2026"]


def tag_at(y: float, *, fixed: bool = False):
    tag = last_tag(Decimal(100), None, load_theme())
    return replace(tag, price=1_000 - y, y=y, is_fixed=fixed)


@given(places=st.lists(st.floats(-500, 900), min_size=1, max_size=12), fixed=st.floats(150, 290))
def test_stacked_tags_never_overlap_and_the_last_price_stays(places, fixed):
    tags = [tag_at(place) for place in places[:5]] + [tag_at(fixed, fixed=True)]

    found = stack(tags, 37, 430)

    spots = sorted(tag.y for tag in found)
    assert all(gap >= TAG_H + TAG_GAP - 1e-6 for gap in np.diff(spots))
    assert next(tag.y for tag in found if tag.is_fixed) == fixed


def test_order_tag_says_what_is_left_and_can_be_cancelled():
    colours = load_theme()
    part = ChartOrder("IQ-1", True, Decimal(20), Decimal(40), "limit", Decimal("187.80"))
    whole = ChartOrder("IQ-2", False, Decimal(60), Decimal(60), "stop", Decimal("184.90"), is_stop=True)

    tags = [order_tag(each, colours) for each in (part, whole)]

    assert [tag.text for tag in tags] == ["Buy 20 of 40, limit", "Sell 60, stop"]
    assert [tag.label for tag in tags] == ["187.80", "184.90"]
    assert [tag.cl_ord_id for tag in tags] == ["IQ-1", "IQ-2"]
    assert tags[0].dashes != tags[1].dashes


@pytest.mark.parametrize(
    ("qty", "pnl", "text", "value"),
    [
        (Decimal(60), Decimal("165.20"), "Long 60", "+165.20"),
        (Decimal(-60), Decimal("-1.5"), "Short 60", "\u22121.50"),
        (Decimal(5), None, "Long 5", "—"),
        (Decimal(5), Decimal("0.001"), "Long 5", "0.00"),
    ],
)
def test_position_tag_writes_side_and_pnl(qty, pnl, text, value):
    tag = position_tag(ChartPosition(qty, Decimal("186.67"), pnl), load_theme())

    assert (tag.text, tag.value) == (text, value)
