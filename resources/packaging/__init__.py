"""Makes the packages that people install: `python -m resources.packaging`, which `make dist` runs."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PROGRAM = "investiq"
TITLE = "InvestIQ"
SUMMARY = "A desktop trading terminal for US equities that can prove what it did"
