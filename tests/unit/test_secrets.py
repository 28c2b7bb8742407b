"""Credentials: taken apart line by line, bound to a mode, and never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.clock import ManualClock
from core.domain import credentials as c
from core.domain.access import Mode
from core.domain.credentials import SecretName
from core.errors import RefusalCode, Refused

KEY_ID, SECRET = "PKTESTKEYID0001", "aSecretOfSomeLengthForATest/0001"
PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=c.LONGEST)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_key_pair_of_two_lines_is_read(end):
    text = KEY_ID + (end or "\n") + SECRET + end

    assert c.parse_alpaca(SecretName.ALPACA_PAPER, text) == c.AlpacaCredentials(KEY_ID, SECRET)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_polygon_key_of_one_line_is_read(end):
    assert c.parse_polygon(SECRET + end) == c.PolygonKey(SECRET)


@given(PRINTABLE, PRINTABLE)
def test_key_pair_that_is_written_is_read_back(key_id, secret):
    read = c.parse_alpaca(SecretName.ALPACA_LIVE, c.lines(key_id, secret))

    assert (read.key_id, read.secret) == (key_id, secret)


BAD_PAIRS = [
    "", "\n", KEY_ID, f"{KEY_ID}\n", f"\n{SECRET}", f"{KEY_ID}\n\n", f"{KEY_ID}\n{SECRET}\n\n",
    f"{KEY_ID}\n{SECRET}\nmore", f"{KEY_ID} \n{SECRET}", f"{KEY_ID}\n {SECRET}", f"{KEY_ID}\t\n{SECRET}",
    f"{KEY_ID}\n{SECRET}\x00", f"{KEY_ID}\n{SECRET}é", f"\ufeff{KEY_ID}\n{SECRET}", f"{KEY_ID}\r{SECRET}",
    f"{KEY_ID}\u2028{SECRET}", f"{KEY_ID}\n{SECRET}\x7f", f"{KEY_ID}\n" + SECRET * 9,
]  # fmt: skip


@pytest.mark.parametrize("text", BAD_PAIRS)
def test_text_that_is_no_key_pair_is_refused_without_being_quoted(text):
    with pytest.raises(Refused, match=r"^alpaca\.paper") as refused:
        c.parse_alpaca(SecretName.ALPACA_PAPER, text)

    assert refused.value.code is RefusalCode.MALFORMED
    assert "PKTEST" not in str(refused.value)
    assert "aSecret" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "two\nlines", "a b", "x" * (c.LONGEST + 1)])
def test_text_that_is_no_polygon_key_is_refused(text):
    with pytest.raises(Refused, match="polygon"):
        c.parse_polygon(text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_refusal_of_a_key_pair_never_quotes_it(key_id, secret):
    marked = f"QXJ{key_id}QXJ \nQXJ{secret}QXJ"

    with pytest.raises(Refused) as refused:
        c.parse_alpaca(SecretName.ALPACA_PAPER, marked)

    assert "QXJ" not in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        c.AlpacaCredentials(KEY_ID, SECRET),
        c.PolygonKey(SECRET),
        c.Secret(c.lines(KEY_ID, SECRET), ManualClock().now()),
    ],
)
def test_credential_does_not_show_in_its_repr(value):
    shown = f"{value!r} {value}"

    assert KEY_ID not in shown
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        (SecretName.ALPACA_PAPER, {Mode.PAPER}),
        (SecretName.ALPACA_LIVE, {Mode.LIVE}),
        (SecretName.POLYGON, set(Mode)),
    ],
)
def test_credential_is_taken_by_the_modes_it_is_for_only(name, fits):
    for mode in fits:
        c.check_mode(name, mode)
    for mode in set(Mode) - fits:
        with pytest.raises(Refused) as refused:
            c.check_mode(name, mode)
        assert refused.value.code is RefusalCode.NOT_PERMITTED


def test_mode_names_its_own_key_pair_and_the_simulator_none():
    assert c.alpaca_name(Mode.PAPER) is SecretName.ALPACA_PAPER
    assert c.alpaca_name(Mode.LIVE) is SecretName.ALPACA_LIVE
    with pytest.raises(Refused):
        c.alpaca_name(Mode.SIM)


def test_every_name_has_its_parts():
    assert set(c.PARTS) == set(SecretName)
    assert [name.value for name in SecretName] == ["alpaca.paper", "alpaca.live", "polygon"]
