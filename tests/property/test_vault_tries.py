"""However the clock is set back and whenever the program restarts, a guess waits for its time."""

import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from core.errors import WrongPassphrase
from core.storage.vault import tries

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), st.floats(0, 1200)),
        st.tuples(st.just("set back"), st.floats(0.001, 10_000_000)),
        st.tuples(st.just("try"), st.just(0.0)),
    ),
    max_size=60,
)


def _delay_s(count: int) -> float:
    return 0.0 if count < 3 else min(900.0, 2.0 ** (count - 3))


@given(STEPS)
def test_wrong_tries_are_never_closer_than_their_wait(steps: list[tuple[str, float]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, told, real_s = Path(name), ManualClock().now(), 0.0
        count, last_s = 0, 0.0
        for step, seconds in steps:
            if step == "pass":
                told += timedelta(seconds=seconds)
                real_s += seconds
            elif step == "set back":
                told -= timedelta(seconds=seconds)
            else:
                try:
                    before = tries.begin(folder, told)
                except WrongPassphrase:
                    continue
                assert before == count
                assert count == 0 or real_s - last_s >= _delay_s(count) - 1e-3
                count, last_s = count + 1, real_s


@given(st.integers(0, 12))
def test_try_after_its_wait_is_always_let_through(wrong: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, now = Path(name), ManualClock().now()
        for count in range(wrong + 1):
            now += timedelta(seconds=_delay_s(count))
            assert tries.begin(folder, now) == count
