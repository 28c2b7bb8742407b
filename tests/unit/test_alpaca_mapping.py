"""Alpaca's JSON becomes our values: exactly, or with an error that names the field."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.adapters.alpaca import mapping
from core.adapters.alpaca.bodies import differences, order_body, replace_body
from core.adapters.alpaca.events import fill_reports, read_event, read_fill_row
from core.adapters.alpaca.fields import FieldUnreadableError, Row
from core.adapters.alpaca.flows import read_flow, read_move
from core.adapters.alpaca.memory import Memory
from core.adapters.alpaca.request import read_answer
from core.adapters.alpaca.words import EVENTS, STATUSES, Vocabulary
from core.domain.execution import ExecType
from core.domain.money import Money, Price, Qty
from core.domain.terms import (
    Contingency,
    Legs,
    NewOrderList,
    NewOrderSingle,
    OrderCancelReplaceRequest,
    OrderTerms,
    OrdStatus,
    OrdType,
    Side,
    TimeInForce,
)
from core.errors import BrokerRejected
from core.ids import ClOrdId, Symbol
from tests.builders import dec, terms

ORDER = {
    "id": "o-1",
    "client_order_id": "IQ-1",
    "created_at": "2026-11-24T15:00:00.123456789Z",
    "updated_at": "2026-11-24T15:00:01.5Z",
    "submitted_at": "2026-11-24T15:00:00.123456789Z",
    "symbol": "AAPL",
    "asset_class": "us_equity",
    "qty": "100",
    "notional": None,
    "filled_qty": "0",
    "filled_avg_price": None,
    "order_class": "",
    "type": "limit",
    "side": "buy",
    "time_in_force": "day",
    "limit_price": "99.00",
    "stop_price": None,
    "status": "new",
    "extended_hours": False,
    "legs": None,
    "replaces": None,
}
AT = datetime(2026, 11, 24, 15, 0, 0, 123456, tzinfo=UTC)


def order(**changes):
    return mapping.read_order(Row("order", ORDER | changes), Vocabulary())


def event(word, memory=None, price=None, qty=None, execution_id=None, **changes):
    content = {"event": word, "timestamp": "2026-11-24T15:00:02Z", "order": ORDER | changes}
    content |= {"price": price, "qty": qty, "execution_id": execution_id}
    return read_event(content, memory or Memory(), Vocabulary())


def test_order_read_has_exact_terms_and_times():
    view = order()

    assert view.terms == terms(Side.BUY, 100, "99.00")
    assert (view.order_id, view.cl_ord_id, view.ord_status) == ("o-1", "IQ-1", OrdStatus.NEW)
    assert view.submitted_at == AT
    assert view.changed_at == datetime(2026, 11, 24, 15, 0, 1, 500000, tzinfo=UTC)


@pytest.mark.parametrize(("word", "status"), STATUSES.items())
def test_order_status_known_becomes_its_state(word, status):
    assert order(status=word).ord_status is status


def test_order_status_with_fills_is_partly_filled():
    assert order(status="new", filled_qty="1", filled_avg_price="99").ord_status is OrdStatus.PARTIALLY_FILLED


@pytest.mark.parametrize("filled", ["0", "5"])
def test_order_status_unknown_works_keeps_its_text_and_is_logged_once(filled, expected_log):
    expected_log("word.unknown")
    words = Vocabulary()
    row = Row("order", ORDER | {"status": "ruminating", "filled_qty": filled, "filled_avg_price": "99"})

    views = [mapping.read_order(row, words) for _ in range(3)]

    assert views[0].ord_status is (OrdStatus.NEW if filled == "0" else OrdStatus.PARTIALLY_FILLED)
    assert views[0].text == "ruminating"
    assert len([each for each in expected_log.records if each.getMessage() == "word.unknown"]) == 1


@pytest.mark.parametrize("word", ["stopped", "calculated", "pending_review"])
def test_order_status_rare_works_and_keeps_its_text(word):
    view = order(status=word)

    assert (view.ord_status, view.text) == (OrdStatus.NEW, word)


def test_order_type_and_time_unknown_follow_the_prices(expected_log):
    expected_log("word.unknown")

    view = order(type="peg", time_in_force="gtx", stop_price="98")

    assert (view.terms.ord_type, view.terms.time_in_force) == (OrdType.STOP_LIMIT, TimeInForce.DAY)
    assert view.text == "order type peg, time in force gtx"


def test_order_over_dollars_has_an_estimate_of_shares():
    view = order(qty=None, notional="1000.50", type="market", limit_price=None)
    filled = order(
        qty=None, notional="1000", type="market", limit_price=None, filled_qty="4.9", filled_avg_price="204"
    )

    assert (view.terms.cash_order_qty, view.terms.order_qty) == (Money("1000.50"), 1)
    assert filled.terms.order_qty == dec("4.901960784")


def test_order_trailing_has_its_distance_and_not_where_the_trigger_stands():
    view = order(type="trailing_stop", trail_percent="1.5", stop_price="97", limit_price=None, hwm="98.5")

    assert (view.terms.ord_type, view.terms.trail_pct, view.terms.stop_px) == (
        OrdType.TRAILING_STOP,
        dec("1.5"),
        None,
    )


@pytest.mark.parametrize(
    ("word", "own", "profit"),
    [("bracket", "99.00", "110"), ("oco", "99.00", None)],
)
def test_order_with_legs_has_them_in_its_terms_and_knows_its_family(word, own, profit):
    stop = ORDER | {"id": "o-2", "client_order_id": "x", "type": "stop", "stop_price": "95", "side": "sell"}
    stop |= {"limit_price": None, "status": "held", "order_class": word}
    legs = [stop]
    if profit:
        legs.append(ORDER | {"id": "o-3", "client_order_id": "y", "side": "sell", "limit_price": profit})
    memory = Memory()

    view = order(order_class=word, legs=legs, limit_price=own)
    memory.see(view)

    assert view.terms.legs == Legs(Contingency(word), Price(profit or own), Price("95"))
    leg = view.legs[0]
    assert memory.kin(leg).list_id == "IQ-1"
    assert mapping.state_report(leg, memory.kin(leg)).ord_status is OrdStatus.SUSPENDED


@pytest.mark.parametrize("name", ["id", "symbol", "side", "status", "qty"])
@pytest.mark.parametrize("value", [None, ["x"], True])
def test_order_without_a_needed_field_is_an_error_that_names_it(name, value):
    with pytest.raises(FieldUnreadableError, match=name):
        order(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [("limit_price", "cheap"), ("filled_qty", "NaN"), ("qty", "1e400"), ("submitted_at", "yesterday")],
)
def test_order_with_a_field_that_is_no_number_or_time_is_an_error_that_names_it(name, value):
    with pytest.raises(FieldUnreadableError, match=name):
        order(**{name: value})


def test_state_report_of_the_same_state_has_the_same_id():
    kin = mapping.Kin()

    same = {mapping.state_report(order(filled_qty=text), kin).exec_id for text in ("0", "0.00", None)}

    assert len(same) == 1
    assert mapping.state_report(order(updated_at="2026-11-24T15:00:09Z"), kin).exec_id not in same


@pytest.mark.parametrize("word", ["new", "accepted", "pending_new"])
def test_acceptance_by_any_way_is_one_fact(word):
    [told] = event(word, filled_qty="60", filled_avg_price="99", status="partially_filled").reports

    replied = mapping.accepted_report(order(status="pending_new"), mapping.Kin())

    assert (told.exec_id, told.exec_type, told.ord_status) == (
        replied.exec_id,
        ExecType.NEW,
        OrdStatus.NEW,
    )
    assert (told.cum_qty, told.leaves_qty, told.avg_px) == (0, 100, None)


def test_fill_that_explains_the_sums_is_told_with_its_own_price():
    memory = Memory()
    event("partial_fill", memory, "99.00", "60", filled_qty="60", filled_avg_price="99")

    told = event("fill", memory, "98.95", "40", filled_qty="100", filled_avg_price="98.98", status="filled")

    [report] = told.reports
    assert (report.exec_id, report.last_qty, report.last_px) == ("o-1:100", 40, dec("98.95"))
    assert (report.cum_qty, report.leaves_qty, report.ord_status) == (100, 0, OrdStatus.FILLED)


@pytest.mark.parametrize(
    ("price", "qty", "filled", "average"),
    [
        ("98.98", "40", "100", "98.98"),  # the average in the place of the price
        ("98.95", "100", "100", "98.98"),  # the sum in the place of the quantity
        ("98.95", "30", "100", "98.98"),  # an event between was lost
        ("98.95", "120", "100", "98.98"),
        (None, "40", "100", "98.98"),
        ("98.95", "40", "100", None),
        ("98.95", "0", "60", "99"),
    ],
)
def test_fill_that_does_not_explain_the_sums_is_asked_for(price, qty, filled, average):
    memory = Memory()
    event("partial_fill", memory, "99.00", "60", filled_qty="60", filled_avg_price="99")

    told = event("fill", memory, price, qty, filled_qty=filled, filled_avg_price=average)

    assert told.reports == ()
    assert told.doubtful.order_id == "o-1"


def test_fill_in_the_list_is_the_same_fact_as_in_the_stream():
    memory = Memory()
    told = event("partial_fill", memory, "99", "60", filled_qty="60.0", filled_avg_price="99.0")
    row = {
        "id": "20261124::1", "activity_type": "FILL", "transaction_time": "2026-11-24T15:00:02Z",
        "price": "99", "qty": "60", "cum_qty": "60", "leaves_qty": "40", "order_id": "o-1", "symbol": "AAPL",
    }  # fmt: skip

    [listed] = fill_reports(
        [read_fill_row(Row("activity", row))], order(filled_qty="60", filled_avg_price="99"), memory
    )

    assert listed == told.reports[0]


def test_fills_of_a_list_that_begins_late_have_an_average_only_where_it_is_known():
    rows = [
        read_fill_row(
            Row(
                "activity",
                {"id": f"r{cum}", "order_id": "o-1", "transaction_time": "2026-11-24T15:00:02Z"}
                | {"qty": "10", "price": "99.5", "cum_qty": cum},
            )
        )
        for cum in ("50", "40")
    ]

    found = fill_reports(rows, order(filled_qty="50", filled_avg_price="99.1"), Memory())

    assert [(each.cum_qty, each.avg_px) for each in found] == [(40, None), (50, dec("99.1"))]


@pytest.mark.parametrize(
    ("word", "kind"), [("trade_bust", ExecType.TRADE_CANCEL), ("trade_correct", ExecType.TRADE_CORRECT)]
)
@pytest.mark.parametrize("known_by", ["e-1", "e-9"])
def test_amended_fill_names_the_fill_that_it_is_about(word, kind, known_by):
    memory = Memory()
    event("fill", memory, "99", "60", "e-1", filled_qty="60", filled_avg_price="99")

    [report] = event(word, memory, "99", "60", known_by, filled_qty="0").reports

    assert (report.exec_type, report.exec_ref_id, report.cum_qty) == (kind, "o-1:60", 0)
    assert report.exec_id not in ("o-1:60", "")


@pytest.mark.parametrize(
    ("word", "status", "kind"),
    [
        ("canceled", "canceled", ExecType.CANCELED),
        ("expired", "expired", ExecType.EXPIRED),
        ("rejected", "rejected", ExecType.REJECTED),
        ("replaced", "replaced", ExecType.REPLACED),
        ("held", "held", ExecType.SUSPENDED),
        ("restated", "new", ExecType.RESTATED),
        ("order_cancel_rejected", "new", ExecType.CANCEL_REJECTED),
        ("order_replace_rejected", "new", ExecType.REPLACE_REJECTED),
        ("pending_cancel", "pending_cancel", ExecType.ORDER_STATUS),
        ("done_for_day", "done_for_day", ExecType.ORDER_STATUS),
        ("stopped", "stopped", ExecType.ORDER_STATUS),
    ],
)
def test_event_becomes_its_kind_of_report(word, status, kind):
    [report] = event(word, status=status).reports

    assert (report.exec_type, report.ord_status) == (kind, order(status=status).ord_status)


def test_every_event_is_told(expected_log):
    silent = [
        word
        for word in EVENTS - {"fill", "partial_fill", "trade_bust", "trade_correct"}
        if len(event(word).reports) != 1
    ]

    assert silent == []


def test_event_unknown_is_kept_as_text_and_its_order_works_on(expected_log):
    expected_log("word.unknown")

    [report] = event("meditated").reports

    assert (report.exec_type, report.text, report.ord_status) == (ExecType.OTHER, "meditated", OrdStatus.NEW)


def test_event_about_a_bundle_of_options_is_passed_over(expected_log):
    expected_log("word.unknown")

    assert event("new", order_class="mleg", symbol="", side="").reports == ()


def test_leg_that_begins_is_restated_so_that_it_is_no_longer_held():
    memory = Memory()
    leg = ORDER | {"id": "o-2", "client_order_id": "x", "side": "sell"}
    memory.see(order(order_class="bracket", legs=[leg]))

    [report] = event("new", memory, id="o-2", client_order_id="x").reports

    assert (report.exec_type, report.list_id) == (ExecType.RESTATED, "IQ-1")


def test_replacement_names_what_it_replaced_and_keeps_its_list():
    memory = Memory()
    memory.see(order(order_class="bracket", legs=[ORDER | {"id": "o-2", "client_order_id": "x"}]))

    new = order(id="o-3", client_order_id="IQ-3", replaces="o-2")

    assert memory.kin(new) == mapping.Kin(ClOrdId("IQ-1"), ClOrdId("x"))


def test_replacement_for_the_rest_ends_when_the_rest_has_filled():
    memory = Memory()
    memory.see(order(status="replaced", filled_qty="60", filled_avg_price="99"))
    new = {"id": "o-2", "client_order_id": "IQ-2", "replaces": "o-1", "qty": "40"}
    new |= {"filled_qty": "40", "filled_avg_price": "98", "status": "filled"}

    content = {"event": "fill", "order": ORDER | new, "price": "98", "qty": "40"}

    told = read_event(content, memory, Vocabulary()).reports
    status = mapping.state_report(order(**new), memory.kin(order(**new)))

    assert [each.exec_type for each in told] == [ExecType.TRADE, ExecType.CANCELED]
    assert (told[1].ord_status, told[1].cum_qty, told[1].text) == (OrdStatus.CANCELED, 40, mapping.THE_REST)
    assert (status.ord_status, status.cum_qty) == (OrdStatus.CANCELED, 40)


def test_memory_that_is_full_forgets_what_has_ended_and_nothing_that_works(monkeypatch):
    monkeypatch.setattr("core.adapters.alpaca.memory.MOST_ORDERS", 10)
    memory = Memory()

    for number in range(30):
        status = "new" if number % 3 == 0 else "canceled"
        memory.see(order(id=f"o-{number}", client_order_id=f"IQ-{number}", status=status))

    assert all(memory.find(ClOrdId(f"IQ-{number}")) for number in range(0, 30, 3))
    assert memory.find(ClOrdId("IQ-1")) is None


@pytest.mark.parametrize(
    ("qty", "side", "signed"), [("5", "long", 5), ("-5", "short", -5), ("5", "short", -5)]
)
def test_position_is_signed(qty, side, signed):
    row = Row("position", {"symbol": "AAPL", "qty": qty, "side": side, "avg_entry_price": "99.1"})

    assert mapping.read_position(row).qty == signed


ACCOUNT = {
    "id": "a", "account_number": "PA1234", "status": "ACTIVE", "cash": "1000.10", "equity": "2000",
    "buying_power": "4000", "last_equity": "1990", "shorting_enabled": True, "trading_blocked": False,
}  # fmt: skip


def test_account_needs_no_more_than_its_numbers():
    account = mapping.read_account(Row("account", ACCOUNT))

    assert (account.cash, account.buying_power, account.equity, account.start_equity) == (
        dec("1000.10"),
        4000,
        2000,
        1990,
    )
    assert (account.account_id, account.blocked, account.may_short) == ("PA1234", "", True)


@pytest.mark.parametrize(
    ("told", "is_margin"), [("1", False), (1, False), ("2", True), ("4", True), (None, True), ("x", True)]
)
def test_account_that_does_not_say_it_is_a_cash_account_may_borrow(told, is_margin):
    row = Row("account", ACCOUNT | {"multiplier": told})

    assert mapping.read_account(row).is_margin is is_margin


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trading_blocked": True}, "trading is blocked"),
        ({"account_blocked": True}, "account is blocked"),
        ({"trade_suspended_by_user": True}, "settings"),
        ({"status": "ACCOUNT_CLOSED_PENDING"}, "ACCOUNT_CLOSED_PENDING"),
        ({"status": None}, "not told"),
    ],
)
def test_account_that_may_not_trade_says_why(changes, words):
    assert words in mapping.read_account(Row("account", ACCOUNT | changes)).blocked


@pytest.mark.parametrize("name", ["cash", "buying_power", "equity", "last_equity"])
@pytest.mark.parametrize("found", [None, "", "abc", "1,000", "NaN", [], True])
def test_account_without_a_needed_number_is_an_error_that_names_it(name, found):
    with pytest.raises(FieldUnreadableError, match=f"account {name}"):
        mapping.read_account(Row("account", ACCOUNT | {name: found}))


def test_account_on_its_first_day_began_with_what_it_has():
    assert mapping.read_account(Row("account", ACCOUNT | {"last_equity": "0"})).start_equity == 2000


def test_asset_of_another_class_is_none_and_flags_that_are_absent_are_false():
    share = mapping.read_instrument(Row("asset", {"symbol": "AAPL", "class": "us_equity", "tradable": True}))

    assert (share.symbol, share.tradable, share.fractionable, share.shortable) == ("AAPL", True, False, False)
    assert mapping.read_instrument(Row("asset", {"symbol": "BTC/USD", "class": "crypto"})) is None


def test_calendar_day_is_in_new_york():
    day = mapping.read_day(Row("day", {"date": "2026-11-27", "open": "09:30", "close": "13:00"}))

    assert (day.opens.hour, day.opens.minute, day.closes.hour) == (14, 30, 18)


# What is sent


def test_body_has_exact_texts_and_our_id():
    body = order_body(NewOrderSingle(ClOrdId("IQ-1"), terms(Side.SELL, "10.50", "0.1234", stop="0.10")))

    assert body == {
        "symbol": "AAPL", "qty": "10.5", "side": "sell", "type": "stop_limit", "time_in_force": "day",
        "client_order_id": "IQ-1", "limit_price": "0.1234", "stop_price": "0.1",
    }  # fmt: skip


@given(st.decimals(min_value="0.000000001", max_value="999999999", places=9))
def test_body_numbers_never_have_an_exponent_and_lose_nothing(qty):
    text = order_body(NewOrderSingle(ClOrdId("IQ-1"), terms(Side.BUY, str(qty))))["qty"]

    assert "e" not in text.lower()
    assert Decimal(text) == qty


def test_body_over_dollars_has_no_quantity():
    cash = OrderTerms(
        Symbol("AAPL"), Side.BUY, OrdType.MARKET, TimeInForce.DAY, Qty("5"), cash_order_qty=Money("100.50")
    )

    body = order_body(NewOrderSingle(ClOrdId("IQ-1"), cash))

    assert ("qty" in body, body["notional"]) == (False, "100.5")


def test_body_of_a_list_has_its_legs():
    legs = Legs(Contingency.BRACKET, Price("110"), Price("95"), Price("94.5"))
    entry = OrderTerms(
        Symbol("AAPL"), Side.BUY, OrdType.LIMIT, TimeInForce.GTC, Qty(5), Price("99"), legs=legs
    )

    body = order_body(NewOrderList(ClOrdId("IQ-1"), entry))

    assert body["order_class"] == "bracket"
    assert body["take_profit"] == {"limit_price": "110"}
    assert body["stop_loss"] == {"stop_price": "95", "limit_price": "94.5"}


def test_body_of_a_pair_names_its_price_once():
    pair = OrderTerms(
        Symbol("AAPL"), Side.SELL, OrdType.LIMIT, TimeInForce.GTC, Qty(5), Price("110"),
        legs=Legs(Contingency.OCO, Price("110"), Price("95")),
    )  # fmt: skip

    body = order_body(NewOrderList(ClOrdId("IQ-1"), pair))

    assert ("limit_price" in body, body["type"], body["order_class"]) == (False, "limit", "oco")
    assert (body["take_profit"], body["stop_loss"]) == ({"limit_price": "110"}, {"stop_price": "95"})


def test_body_trailing_outside_regular_hours_says_so():
    trailing = OrderTerms(
        Symbol("AAPL"), Side.SELL, OrdType.TRAILING_STOP, TimeInForce.DAY, Qty(5), trail_pct=Decimal("1.50"),
        extended_hours=True,
    )  # fmt: skip

    body = order_body(NewOrderSingle(ClOrdId("IQ-1"), trailing))

    assert (body["trail_percent"], body["extended_hours"]) == ("1.5", True)


def swap(body):
    return OrderCancelReplaceRequest(ClOrdId("IQ-2"), ClOrdId("IQ-1"), None, body)


def test_replace_body_has_a_new_id_and_all_prices_and_the_quantity_only_if_it_changes():
    known = order(type="stop_limit", stop_price="100")

    same = replace_body(swap(terms(Side.BUY, 100, "99.50", stop="100")), known)
    more = replace_body(swap(terms(Side.BUY, 120, "99", stop="100", tif=TimeInForce.GTC)), known)

    assert same == {"client_order_id": "IQ-2", "limit_price": "99.5", "stop_price": "100"}
    assert more == {
        "client_order_id": "IQ-2", "limit_price": "99", "stop_price": "100", "qty": "120",
        "time_in_force": "gtc",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"status": "accepted"}, terms(Side.BUY, 100, "98")),
        ({"status": "pending_new"}, terms(Side.BUY, 100, "98")),
        ({"status": "pending_cancel"}, terms(Side.BUY, 100, "98")),
        ({"status": "pending_replace"}, terms(Side.BUY, 100, "98")),
        ({"status": "filled", "filled_qty": "100", "filled_avg_price": "99"}, terms(Side.BUY, 100, "98")),
        ({"status": "canceled"}, terms(Side.BUY, 100, "98")),
        ({"qty": "1.5"}, terms(Side.BUY, 2, "98")),
        ({}, terms(Side.BUY, "1.5", "98")),
        ({"qty": None, "notional": "50"}, terms(Side.BUY, 1, "98")),
        (
            {"status": "partially_filled", "filled_qty": "1", "filled_avg_price": "99"},
            terms(Side.BUY, 9, "98"),
        ),
        ({}, terms(Side.SELL, 100, "98")),
        ({}, terms(Side.BUY, 100)),
        ({"extended_hours": True}, terms(Side.BUY, 100, "98")),
    ],
)
def test_replace_that_alpaca_would_not_do_is_refused_here(changes, wanted):
    with pytest.raises(BrokerRejected, match="not sent") as refused:
        replace_body(swap(wanted), order(**changes))

    assert refused.value.code == "not_replaceable"


def test_replace_of_a_stop_to_buy_that_alpaca_gave_a_limit_is_sent():
    known = order(type="stop_limit", stop_price="100", limit_price="104")

    body = replace_body(swap(terms(Side.BUY, 100, stop="101")), known)

    assert body == {"client_order_id": "IQ-2", "stop_price": "101"}


def test_replace_of_a_trailing_stop_changes_its_distance():
    known = order(type="trailing_stop", trail_price="1", limit_price=None)
    wanted = OrderTerms(
        Symbol("AAPL"), Side.BUY, OrdType.TRAILING_STOP, TimeInForce.DAY, Qty(100), trail_px=Price("2.50")
    )

    assert replace_body(swap(wanted), known) == {"client_order_id": "IQ-2", "trail": "2.5"}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ()),
        ({"limit_price": "99.0000", "qty": "100.0"}, ()),
        ({"qty": "10"}, ("qty",)),
        ({"side": "sell", "limit_price": "98"}, ("side", "limit_price")),
        ({"symbol": "MSFT"}, ("symbol",)),
        ({"type": "market", "limit_price": None}, ("type",)),
        ({"time_in_force": "gtc"}, ("time_in_force",)),
    ],
)
def test_differences_name_what_is_not_as_it_was_asked_for(changes, names):
    assert differences(terms(Side.BUY, 100, "99.00"), order(**changes)) == names


@pytest.mark.parametrize(
    "body", [b'{"a": NaN}', b"[Infinity]", b'{"a": -Infinity}', b"{", b"<html>", b"[" * 100_000, b"\xff\xfe"]
)
def test_body_that_is_no_json_is_unreadable(body):
    answer = read_answer(200, {}, body)

    assert answer.content is None
    assert answer.unreadable


def test_body_numbers_are_exact():
    content = read_answer(200, {}, b'{"a": 0.1, "b": 123456789.123456789, "c": 3}').content

    assert content == {"a": dec("0.1"), "b": dec("123456789.123456789"), "c": 3}


NAME_CHANGE = {
    "id": "20260105000000000::a", "activity_type": "NC", "date": "2026-01-05", "net_amount": "0",
    "symbol": "APLX", "qty": "10", "status": "executed",
}  # fmt: skip


def test_changed_symbol_is_a_move_of_shares_and_no_flow_of_money():
    row = Row("activity", NAME_CHANGE)

    moved = read_move(row)

    assert moved is not None
    assert (moved.symbol, moved.qty, str(moved.day)) == ("APLX", 10, "2026-01-05")
    assert read_flow(row) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"activity_type": "DIV"}, {"status": "canceled"}, {"qty": None}, {"qty": "0"}, {"qty": "many"},
        {"symbol": None}, {"date": "soon"}, {"date": None},
    ],
)  # fmt: skip
def test_row_that_proves_no_move_of_shares_is_none(changes):
    assert read_move(Row("activity", NAME_CHANGE | changes)) is None
