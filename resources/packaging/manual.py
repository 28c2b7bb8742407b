"""The manual page, written from the command line's own words."""

import argparse
from collections.abc import Iterator

from resources.packaging import PROGRAM
from resources.packaging.facts import BuildFacts

_FILES = r""".SH FILES
.TP
\fI~/.local/share/InvestIQ\fR
Profiles, backups, logs. Nothing is written elsewhere.
\fB--data-dir\fR or \fBINVESTIQ_DATA_DIR\fR names another place.
.TP
\fI~/.config/investiq/\fR
\fIkeys\fR and \fIpassphrase\fR of the user unit \fBinvestiq.service\fR, each mode 0600; made by the user.
.SH ENVIRONMENT
.TP
.B LIVE_TRADING_APPROVED
\fByes\fR permits a live profile to start; every order is still asked for.
.TP
.B API_KEYS_FILE, API_KEYS, REQUIRE_AUTH, RATE_LIMIT_PER_MINUTE
The keys of the local API, and what it allows.
.TP
.B INVESTIQ_DATA_DIR, INVESTIQ_PASSPHRASE_FILE, INVESTIQ_LOG_FORMAT, INVESTIQ_LOG_LEVEL
As the options of the same names.
"""


def page(parser: argparse.ArgumentParser, facts: BuildFacts) -> str:
    """Return the page in roff, section 1."""
    title = f'.TH INVESTIQ 1 "{facts.at.date().isoformat()}" "investiq {facts.version}" "User Commands"'
    lines = [
        title,
        ".SH NAME",
        f"{PROGRAM} \\- {plain(parser.description or '')}",
        ".SH SYNOPSIS",
        f".B {PROGRAM}",
        "[\\fIoptions\\fR] [\\fIcommand\\fR]",
        ".SH OPTIONS",
        *_options(parser),
        ".SH COMMANDS",
        *_commands(parser, ""),
        _FILES.rstrip("\n"),
        ".SH EXIT STATUS",
        *(f"{plain(line.strip())}\n.br" for line in (parser.epilog or "").splitlines()[1:]),
    ]
    return "\n".join(lines) + "\n"


def plain(text: str) -> str:
    """Return words that roff takes as they are."""
    return text.replace("\\", "\\e").replace("-", "\\-").replace("%%", "%").lstrip(".'")


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:  # noqa: SLF001 - argparse tells of itself in no other way
        if isinstance(action, argparse._SubParsersAction) or action.help in (None, argparse.SUPPRESS):  # noqa: SLF001
            continue
        name = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        takes = action.option_strings and action.nargs != 0
        value = action.metavar or (
            "|".join(map(str, action.choices)) if action.choices else action.dest.upper()
        )
        yield ".TP"
        yield f".B {plain(name)}" + (f" \\fI{plain(str(value))}\\fR" if takes else "")
        yield plain(str(action.help))


def _commands(parser: argparse.ArgumentParser, before: str) -> Iterator[str]:
    for action in parser._actions:  # noqa: SLF001
        if not isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            continue
        for name, each in action.choices.items():
            inner = list(_commands(each, f"{before}{name} "))
            if inner:
                yield from inner
                continue
            yield ".TP"
            yield f".B {plain(before + name)}"
            yield plain(each.description or "")
            options = list(_options(each))[3:]  # --help is everybody's
            yield from (".RS", *options, ".RE") if options else ()
