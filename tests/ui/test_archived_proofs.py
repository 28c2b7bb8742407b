"""What stands in an archive is one line of a proof, and the proof adds up with it."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from core.domain.archives import Archived, ArchivedPart, CarriedForward
from core.domain.execution import Fill
from core.domain.figures import Figure, FigureName
from core.domain.messages import PositionProof
from core.domain.money import Money, Price, Qty
from core.domain.terms import Side
from core.ids import ClOrdId, ExecId, Symbol
from core.portfolio.lots import fold
from core.portfolio.parts import Evidence, take_apart
from core.portfolio.provenance import proof, readds
from ui.dialogs import figure_proof, proof_lines

AAPL = Symbol("AAPL")
AT = datetime(2024, 3, 5, 15, 0, tzinfo=UTC)
SUMS = CarriedForward(1, AAPL, 3, 2, Qty(0), Money("-20.5"), Money("20.5"), Money("0.3"))
PART = ArchivedPart(SUMS, "fills-000001-aa.db", AT)


def held() -> PositionProof:
    bought = Fill(
        ExecId("E-1"), ClOrdId("IQ-1"), AAPL, Side.BUY, Qty(4), Price(10), Money("0.1"), AT
    )  # fmt: skip
    position, closes = fold([bought])
    whole = replace(position, realised=Money("20.5"), fees=Money("0.4"))
    return proof(whole, (bought,), closes, None, Archived((PART,)))


def test_position_adds_up_with_what_is_carried_forward_and_says_where_it_stands() -> None:
    found = replace(held(), last=Decimal(11), unrealised=Decimal(4))

    words = [(step.words, step.value) for step in proof_lines.steps(found)]

    assert readds(found)
    archived = "Archived: 2 pieces up to 2024-03-05, in fills-000001-aa.db"
    assert (archived, Money("20.5")) in words
    assert ("Fees of 4 fills", Decimal("-0.4")) in words
    assert proof_lines.total(found) == Decimal("24.1")
    assert proof_lines.verdict(found, None)[0]


def test_position_does_not_add_up_without_what_is_carried_forward() -> None:
    found = replace(held(), last=Decimal(11), unrealised=Decimal(4), archived=Archived())

    assert not readds(found)
    assert not proof_lines.verdict(found, None)[0]


def test_one_piece_is_told_in_the_singular() -> None:
    part = replace(PART, sums=replace(SUMS, closes=1))

    assert "1 piece up to" in proof_lines.archived_words(part)


def test_figure_has_the_archive_for_its_source() -> None:
    found = take_apart(
        Figure(FigureName.TOTAL_PNL, "", Decimal("20.2")), Evidence((), archived=(PART,))
    )  # fmt: skip

    rows = [figure_proof.PartRow(number, part) for number, part in enumerate(found.parts)]
    cells = {column.key: column.text(rows[0]) for column in figure_proof._part_columns()}

    assert found.holds
    assert (cells["symbol"], cells["what"], cells["amount"]) == ("AAPL", "Archived to 2024-03-05", "20.20")
    assert cells["fill"] == "2 pieces, fills-000001-aa.db"


def test_figure_leaves_out_what_is_archived_of_a_symbol_without_a_price() -> None:
    figure = Figure(FigureName.TOTAL_PNL, "", Decimal(0), without_price=(AAPL,))

    assert take_apart(figure, Evidence((), archived=(PART,))).holds
