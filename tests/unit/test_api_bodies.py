"""Bodies: exactly the fields that are known, amounts as text, and one clear sentence for anything else."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.api.bodies import AcknowledgedBody, KillBody, OrderBody, ReasonBody, ReplaceBody, parse
from core.domain.risk import RuleCode
from core.domain.terms import Contingency, OrdType, Side, TimeInForce
from core.errors import RefusalCode, Refused

ORDER = {"symbol": "AAPL", "side": "buy", "ord_type": "limit", "order_qty": "10", "price": "100"}
KINDS = (OrderBody, ReplaceBody, AcknowledgedBody, ReasonBody, KillBody)


def refusal(raw, kind=OrderBody) -> Refused:
    with pytest.raises(Refused) as caught:
        parse(raw if isinstance(raw, bytes) else json.dumps(raw).encode(), kind)
    assert caught.value.code is RefusalCode.MALFORMED
    return caught.value


def test_an_order_has_day_as_its_usual_time_in_force():
    draft = parse(json.dumps(ORDER).encode(), OrderBody).draft()

    assert (draft.symbol, draft.side, draft.ord_type) == ("AAPL", Side.BUY, OrdType.LIMIT)
    assert (draft.order_qty, draft.price, draft.time_in_force) == ("10", "100", TimeInForce.DAY)
    assert draft.contingency is None


def test_a_bracket_becomes_both_legs():
    bracket = {"take_profit": {"price": "110"}, "stop_loss": {"stop_px": "95", "price": "94.5"}}

    draft = parse(json.dumps(ORDER | {"bracket": bracket}).encode(), OrderBody).draft()

    assert draft.contingency is Contingency.BRACKET
    assert (draft.take_profit, draft.stop_loss, draft.stop_loss_limit) == ("110", "95", "94.5")


def test_trail_amount_hours_and_acknowledgements_are_read():
    sent = {
        "symbol": "AAPL",
        "side": "sell",
        "ord_type": "trailing_stop",
        "cash_order_qty": "500",
        "trail_pct": "2",
        "time_in_force": "gtc",
        "extended_hours": True,
        "acknowledged": ["duplicate", "duplicate"],
    }

    body = parse(json.dumps(sent).encode(), OrderBody)
    draft = body.draft()

    assert body.acknowledged == {RuleCode.DUPLICATE}
    assert (draft.cash_order_qty, draft.order_qty, draft.trail_pct) == ("500", "", "2")
    assert (draft.time_in_force, draft.extended_hours) == (TimeInForce.GTC, True)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"order_qty": 10}, "order_qty", "text in quotes"),
        ({"price": 100.5}, "price", "text in quotes"),
        ({"price": True}, "price", "Expected str"),
        ({"price": "1" * 65}, "price", "length <= 64"),
        ({"side": "BUY"}, "side", "expected one of buy, sell"),
        ({"ord_type": "iceberg"}, "ord_type", "expected one of market, limit"),
        ({"acknowledged": ["everything"]}, "acknowledged[0]", "expected one of role"),
        ({"qty": "10"}, "qty", "is unknown here"),
        ({"bracket": {"take_profit": {"price": "1"}}}, "bracket.stop_loss", "is missing"),
        ({"bracket": {"take_profit": {"px": "1"}, "stop_loss": {}}}, "bracket.take_profit.px", "is unknown"),
        ({"symbol": None}, "symbol", "Expected str"),
        ({"order_qty": None}, "order_qty", "either order_qty or cash_order_qty"),
        ({"cash_order_qty": "5"}, "order_qty", "either order_qty or cash_order_qty"),
    ],
)
def test_a_wrong_field_is_named(change, field, words):
    with pytest.raises(Refused) as caught:
        parse(json.dumps(ORDER | change).encode(), OrderBody).draft()

    assert caught.value.code is RefusalCode.MALFORMED
    assert caught.value.details == {"field": field}
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"{", "expected JSON"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"\xef\xbb\xbf{}", "expected JSON"),
        (b'{"a":NaN}', "NaN"),
        (b'{"a":-Infinity}', "-Infinity"),
        (b'{"symbol":"A","symbol":"B"}', "twice"),
        (b"[" * 60_000, "nested too deeply"),
        (b"[]", "the body: Expected object"),
        (b'"text"', "the body"),
        (b"1" * 5_000, "expected JSON"),
        (b'{"symbol":"\\ud800"}', "surrogate"),
        (b'{"\\ud800":1}', "surrogate"),
        (b"", "symbol is missing"),
        (b"  ", "symbol is missing"),
        (b"null", "the body"),
        (b'{"a\\u0000`b":1}', "is unknown"),
    ],
)
def test_what_is_no_order_is_refused_in_one_sentence(raw, words):
    found = refusal(raw)

    assert words in found.message
    assert found.message.isprintable()


def test_a_long_unknown_name_is_shortened():
    assert len(refusal({"x" * 50_000: 1}).message) < 300


def test_a_body_without_fields_may_be_empty():
    assert parse(b"", KillBody) == KillBody("", flatten=False)


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["buy", "limit", "AAPL", "10"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(list(OrderBody.__struct_fields__)) | st.text(max_size=5), inner)
    ),
    max_leaves=12,
)


def outcome(raw, kind):
    try:
        body = parse(raw, kind)
        if isinstance(body, OrderBody):
            body.draft()
    except Refused as refused:
        return refused
    return body


@given(raw=st.binary(max_size=200) | _json.map(lambda found: json.dumps(found).encode()))
@example(raw=b'{"symbol":"A","side":"buy","ord_type":"market","order_qty":"1"}')
def test_whatever_is_sent_is_a_body_or_a_refusal_in_plain_words(raw):
    for kind in KINDS:
        found = outcome(raw, kind)

        assert isinstance(found, kind) or (
            found.code is RefusalCode.MALFORMED and found.message.isprintable() and len(found.message) < 500
        )
