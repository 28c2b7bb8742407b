"""Which passphrases are taken: long ones that nobody would try first, of whatever letters."""

import pytest

from core.errors import RefusalCode, Refused
from core.storage.vault import check_passphrase
from core.storage.vault.passphrase import LONGEST_PASSPHRASE, spelled


@pytest.mark.parametrize(
    "text",
    [
        "correct horse battery",
        "staple of another user",
        "four plain words now",
        "k7Qp2xWm9Zt4Rb6",
        "849302758102937",
        "!?%&/=()[]{}<>|+*~#;",
        "zwölf Boxkämpfer jagen",
        "рыбы не умеют говорить",
        "馬 電池 正しい ホチキス 静かな 森の中 遠い",
        "a long passphrase of more than sixty-four characters is taken as it is, all of it counts",
    ],
)
def test_passphrase_that_nobody_expects_is_taken(text):
    check_passphrase(text, ("kim", "desk"))


@pytest.mark.parametrize("length", [64, 200, LONGEST_PASSPHRASE])
def test_passphrase_of_any_length_up_to_the_bound_is_taken(length):
    check_passphrase(("walnut ceiling grammar harbour otter " * 40)[:length])


def test_passphrase_beyond_the_bound_is_refused():
    with pytest.raises(Refused, match="at most"):
        check_passphrase(("walnut ceiling grammar harbour " * 40)[: LONGEST_PASSPHRASE + 1])


@pytest.mark.parametrize("text", ["", " ", "fourteen chars", "ﬁfteen chars.."])
def test_passphrase_is_counted_in_characters_of_one_spelling(text):
    if len(spelled(text)) >= 15:  # the ligature is two letters
        check_passphrase(text)
        return
    with pytest.raises(Refused, match="15") as refused:
        check_passphrase(text)
    assert refused.value.code is RefusalCode.WEAK_PASSPHRASE


@pytest.mark.parametrize(
    "text",
    [
        "correct horse battery staple",
        "Correct-Horse-Battery-Staple1",
        "CORRECTHORSEBATTERYSTAPLE",
        "to be or not to be that is the question",
        "passwordpassword",
        "Password123456789",
        "password!!!!!!!!!!!!",
        "investiq investiq",
        "InvestIQ-2026-trading",
        "admin admin admin",
        "kim-kim-desk-desk-kim",
        "welcome desk 2026!",
        "letmein letmein 1234",
        "aaaaaaaaaaaaaaaaaaaa",
        "abababababababab",
        "horse7horse7horse7",
        "123456789012345",
        "abcdefghijklmnopqrst",
        "qwertyuiopasdfghjkl",
        "lkjhgfdsapoiuytrewq",
        "1qaz2wsx3edc4rfv5tgb",
        "               ",
        "1212121212121212121",
    ],
)
def test_passphrase_that_would_be_tried_first_is_refused_and_not_quoted(text):
    with pytest.raises(Refused) as refused:
        check_passphrase(text, ("kim", "desk"))

    assert refused.value.code is RefusalCode.WEAK_PASSPHRASE
    assert text not in refused.value.message or not text.strip()


def test_names_that_an_attacker_knows_count_only_where_they_are_known():
    check_passphrase("marguerite-marguerite-desk7", ())

    with pytest.raises(Refused):
        check_passphrase("marguerite-marguerite-desk7", ("marguerite", "desk"))
