"""Instruments: what was counted is told, whatever the thread; labels stay few."""

import threading
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics import (
    MOST_LABELS,
    OTHERS,
    Counter,
    Histogram,
    Kind,
    Registry,
    Sample,
    Stopwatch,
    one_of,
    watched,
)


def told(instrument) -> dict[tuple[str, ...], float]:
    return {sample.labels: sample.value for sample in instrument.family().samples}


def test_counter_without_labels_begins_at_zero():
    counter = Counter("x", "X.")

    before = told(counter)
    counter.count()
    counter.count(by=2)

    assert (before, told(counter)) == ({(): 0.0}, {(): 3.0})


def test_counter_shows_its_words_before_any_was_counted():
    counter = Counter("x", "X.", "code", words=("a", "b"))

    counter.count("b")

    assert told(counter) == {("a",): 0.0, ("b",): 1.0}


def test_labels_beyond_the_most_are_counted_together():
    counter, histogram = Counter("x", "X.", "code"), Histogram("y", "Y.", "code")

    for number in range(MOST_LABELS + 50):
        counter.count(str(number))
        histogram.observe(1.0, str(number))

    assert told(counter)[(OTHERS,)] == 50.0
    (others,) = (each for each in histogram.family().spreads if each.labels == (OTHERS,))
    assert others.counts[-1] == 50


@given(st.lists(st.floats(min_value=0, max_value=100, allow_nan=False)))
def test_histogram_counts_each_size_under_every_bound_that_is_not_below_it(sizes):
    histogram = Histogram("x", "X.", bounds=(0.5, 1.0, 10.0))

    for size in sizes:
        histogram.observe(size)

    family = histogram.family()
    assert family.bounds == (0.5, 1.0, 10.0, float("inf"))
    assert family.spreads[0].counts == tuple(sum(s <= bound for s in sizes) for bound in family.bounds)
    assert family.spreads[0].total == pytest.approx(sum(sizes))


def test_counting_in_many_threads_loses_nothing():
    counter, histogram = Counter("x", "X."), Histogram("y", "Y.")

    def work() -> None:
        for _ in range(2_000):
            counter.count()
            histogram.observe(1.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert told(counter) == {(): 8_000.0}
    assert histogram.family().spreads[0].counts[-1] == 8_000


def test_lap_leaves_the_pause_out():
    histogram, ticks = Histogram("x", "X."), count(0.0, 1.0)
    lap = Stopwatch(histogram, lambda: next(ticks)).begin()  # 0

    lap.pause()  # 1
    for _ in range(5):
        next(ticks)
    lap.go_on()  # 7
    lap.end()  # 8

    assert histogram.family().spreads[0].total == 2.0


@pytest.mark.parametrize(("value", "samples"), [(None, ()), (2.5, (Sample((), 2.5),))])
def test_watched_number_that_is_unknown_shows_nothing(value, samples):
    assert watched("x", "X.", lambda: value).family().samples == samples


def test_state_is_one_for_the_word_that_holds():
    assert one_of(("up", "down"), "down", "feed") == [
        Sample(("feed", "up"), 0.0),
        Sample(("feed", "down"), 1.0),
    ]


def test_registry_tells_its_instruments_in_order():
    registry = Registry()
    registry.add(Counter("a", "A."), Histogram("b", "B."))
    registry.add(watched("c", "C.", lambda: 1.0))

    assert [(each.name, each.kind) for each in registry.families()] == [
        ("a", Kind.COUNTER),
        ("b", Kind.HISTOGRAM),
        ("c", Kind.GAUGE),
    ]
