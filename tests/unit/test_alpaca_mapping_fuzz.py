"""Whatever Alpaca sends becomes a value, or an error that names the field: never another exception."""

import json
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.alpaca import mapping
from core.adapters.alpaca.events import read_event, read_fill_row
from core.adapters.alpaca.fields import FieldUnreadableError, Row, rows_of
from core.adapters.alpaca.memory import Memory
from core.adapters.alpaca.request import read_answer
from core.adapters.alpaca.words import EVENTS, Vocabulary
from tests.unit.test_alpaca_mapping import ACCOUNT, ORDER


class Silent(Vocabulary):
    def unknown(self, kind: str, word: str) -> None:
        pass


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["1", "-3.5", "buy", "new", "limit", "2026-11-24T15:00:00Z", "1e999", "NaN", "٣"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
READERS = [
    lambda row: mapping.read_order(row, Silent()),
    mapping.read_position,
    mapping.read_account,
    mapping.read_instrument,
    mapping.read_day,
    read_fill_row,
]
BASES = [
    ORDER,
    {"symbol": "AAPL", "qty": "5", "side": "long", "avg_entry_price": "99"},
    ACCOUNT,
    {"symbol": "AAPL", "class": "us_equity", "name": "Apple", "tradable": True, "status": "active"},
    {"date": "2026-11-27", "open": "09:30", "close": "13:00"},
    {"id": "r", "order_id": "o", "transaction_time": "2026-11-24T15:00:02Z"}
    | {"qty": "1", "price": "9", "cum_qty": "1"},
]


@given(st.data())
def test_any_json_becomes_a_value_or_an_error_that_names_a_field(data):
    number = data.draw(st.integers(0, len(READERS) - 1))
    base = BASES[number]
    changes = data.draw(st.dictionaries(st.sampled_from(sorted(base)), JSON, max_size=4))

    with suppress(FieldUnreadableError):
        READERS[number](Row("thing", base | changes))


@given(JSON, st.data())
def test_any_event_becomes_reports_or_an_error_that_names_a_field(content, data):
    changes = data.draw(st.dictionaries(st.sampled_from(sorted(ORDER)), JSON, max_size=3))
    word = data.draw(st.sampled_from(sorted(EVENTS)) | st.text(max_size=8))
    extra = data.draw(st.fixed_dictionaries({"price": JSON, "qty": JSON, "timestamp": JSON}))

    for each in (content, {"event": word, "order": ORDER | changes, **extra}):
        with suppress(FieldUnreadableError):
            assert all(report.exec_id for report in read_event(each, Memory(), Silent()).reports)


@given(JSON)
def test_any_list_becomes_rows_or_an_error(content):
    with suppress(FieldUnreadableError):
        assert len(rows_of("row", content)) == len(content)


@given(st.binary(max_size=60) | JSON.map(lambda each: json.dumps(each, default=str).encode()))
def test_any_body_becomes_an_answer(body):
    answer = read_answer(200, {"Content-Type": "application/json"}, body)

    assert answer.content is None or not answer.unreadable


@pytest.mark.parametrize("text", ["1." + "1" * 70, "1e-400", "1E-40000000", Decimal("0." + "3" * 31)])
@pytest.mark.parametrize("field", ["qty", "filled_qty", "limit_price", "filled_avg_price"])
def test_a_number_that_cannot_be_kept_exactly_is_an_error_that_names_its_field(text, field):
    with pytest.raises(FieldUnreadableError, match=field):
        mapping.read_order(Row("order", ORDER | {"filled_qty": "1", field: text}), Silent())


def test_an_amount_over_next_to_nothing_is_an_estimate_all_the_same():
    typed = {"qty": None, "notional": "1e17", "limit_price": "0.00000000000000000001"}

    assert mapping.read_order(Row("order", ORDER | typed), Silent()).terms.order_qty > 1
