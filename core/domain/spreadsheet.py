"""What another program may be handed as a cell: a text that no spreadsheet takes for a formula."""

# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV injection), the wide signs of an East
# Asian keyboard too, and some take away first what cannot be seen.
_FORMULA_STARTS = frozenset("=+-@\uff1d\uff0b\uff0d\uff20")
_UNSEEN_STARTS = ("\t", "\r", "\n")


def neutral(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    first = next((each for each in text if each.isprintable() and not each.isspace()), "")
    return f"'{text}" if first in _FORMULA_STARTS or text.startswith(_UNSEEN_STARTS) else text
