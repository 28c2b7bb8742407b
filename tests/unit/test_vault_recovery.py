"""The recovery key on paper: what is typed from it comes back, and a slip is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import Refused
from core.storage.vault import recovery

KEYS = st.binary(min_size=20, max_size=20)


@given(KEYS)
def test_printed_key_comes_back_however_it_is_typed(raw):
    text = recovery.printed(raw)

    assert len(text.split("-")) == 9
    for typed in (
        text,
        text.lower(),
        text.replace("-", " "),
        f" {text}\t",
        text.replace("0", "O").replace("1", "l"),
    ):
        assert recovery.read(typed) == raw


@given(KEYS, st.integers(0, 35), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_wrong_letter_is_found_or_was_right(raw, place, letter):
    text = recovery.printed(raw).replace("-", "")
    typed = text[:place] + letter + text[place + 1 :]

    if typed == text:
        assert recovery.read(typed) == raw
        return
    try:
        found = recovery.read(typed)
    except Refused:
        return
    assert found != raw  # once in a million; the slot then does not open


@pytest.mark.parametrize("text", ["", "abc", "U" * 36, "0" * 35, "é" * 36, "0000-" * 9 + "0"])
def test_text_that_is_no_recovery_key_is_refused_with_its_form(text):
    with pytest.raises(Refused, match="9 groups of 4"):
        recovery.read(text)


def test_new_keys_differ():
    assert len({recovery.new_recovery() for _ in range(100)}) == 100
