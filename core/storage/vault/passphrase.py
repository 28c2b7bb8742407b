"""The rules of a new passphrase: NIST SP 800-63B-4, section 3.1.1.2.

Long enough, and none that would be tried first. No rule of composition, no rule of age; spaces and every
letter of Unicode count, and pasting is welcome.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache

from core.errors import RefusalCode, Refused
from resources import ROOT

SHORTEST_PASSPHRASE = 15  # for a passphrase that is the only factor
LONGEST_PASSPHRASE = 1024
_FEWEST_LETTERS = 5  # different ones
_LEAST_OF_ITS_OWN = 5  # characters that are left without the words that everybody tries
_LONGEST_PIECE = 8  # that is said again and again
_YEAR = 4  # digits
_RUNS = (
    "abcdefghijklmnopqrstuvwxyz",
    "0123456789",
    "1234567890qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
)


def check_passphrase(passphrase: str, context: Iterable[str] = ()) -> None:
    """Hold a new passphrase against the rules.

    Args:
        context: what an attacker knows: the names of user and profile.

    Raises:
        Refused: it is too short, too long or among the first that would be tried; it is not quoted.
    """
    text = spelled(passphrase)
    if len(text) < SHORTEST_PASSPHRASE:
        raise _refused(
            f"a passphrase has at least {SHORTEST_PASSPHRASE} characters; four or five plain words do well"
        )
    if len(text) > LONGEST_PASSPHRASE:
        raise _refused(f"a passphrase has at most {LONGEST_PASSPHRASE} characters")
    letters = _letters(text)
    if len(set(text.casefold())) < _FEWEST_LETTERS or _is_repeated(letters) or _is_run(letters):
        raise _refused("this passphrase repeats itself or runs along the keyboard; it would be tried early")
    if not _is_of_its_own(text, letters, context):
        raise _refused(
            "this passphrase is among the first that would be tried, as it is well known or made of the "
            "names of the program, the user and the profile; take four or five words that nobody expects"
        )


def spelled(passphrase: str) -> str:
    """Give one spelling whatever the keyboard sends for an accented letter."""
    return unicodedata.normalize("NFKC", passphrase)


def coded(passphrase: str) -> bytes:
    """Return what a passphrase is stretched from."""
    return spelled(passphrase).encode("utf-8", "surrogatepass")


def _refused(words: str) -> Refused:
    return Refused(RefusalCode.WEAK_PASSPHRASE, words)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.casefold())


def _is_repeated(letters: str) -> bool:
    return any(
        letters == (letters[:size] * len(letters))[: len(letters)]
        for size in range(1, min(_LONGEST_PIECE, len(letters) // 2) + 1)
    )


def _is_run(letters: str) -> bool:
    ways = [way * 3 for run in _RUNS for way in (run, run[::-1])]
    return bool(letters) and any(letters in way for way in ways)


def _is_of_its_own(text: str, letters: str, context: Iterable[str]) -> bool:
    words, phrases = _blocked()
    if letters in phrases or letters.strip("0123456789") in phrases:
        return False
    known = {*words, *(_letters(each) for each in context)} - {""}
    for word in sorted(known, key=len, reverse=True):
        letters = letters.replace(word, "\n")
    signs = len(set(re.findall(r"[^\w\s]|_", text)))
    return signs + sum(map(_counted, re.findall(r"\d+|[^\W\d]+", letters))) >= _LEAST_OF_ITS_OWN


def _counted(part: str) -> int:
    # A year, 1234 or 2121 behind a word is what everybody puts there.
    is_usual = part.isdecimal() and (len(part) <= _YEAR or _is_run(part) or _is_repeated(part))
    return 0 if is_usual else len(part)


@cache
def _blocked() -> tuple[frozenset[str], frozenset[str]]:
    text = (ROOT / "blocked_passphrases.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    folded = {_letters(line) for line in lines}
    words = frozenset(each for each in folded if len(each) < SHORTEST_PASSPHRASE)
    return words, frozenset(folded - words)
