"""The local exchange behaves as the broker's documents say, and always adds up."""

import contextlib
from datetime import UTC, date, datetime
from decimal import Decimal

import exchange_calendars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.alpaca import ledger, sessions
from tests.servers.alpaca.clock import SimClock, parse_time, rfc3339
from tests.servers.alpaca.exchange import Exchange
from tests.servers.alpaca.ledger import Ledger
from tests.servers.alpaca.listing import activities, orders
from tests.servers.alpaca.market import asset
from tests.servers.alpaca.refusals import Refusal


@pytest.fixture
def ex():
    exchange = Exchange()
    exchange.events = []
    exchange.listeners.append(exchange.events.append)
    yield exchange
    assert exchange.check() == []


def send(ex, side="buy", qty="10", **more):
    body = {"symbol": "AAPL", "side": side, "qty": qty, "type": "market", "time_in_force": "day"} | more
    return ex.submit({name: value for name, value in body.items() if value is not None})


def limit(ex, price, side="buy", **more):
    return send(ex, side, type="limit", limit_price=price, **more)


def refusal(ex, **body):
    with pytest.raises(Refusal) as caught:
        send(ex, **body)
    return caught.value


def words(ex):
    told = [(update["event"], update["order"]["symbol"]) for update in ex.events]
    ex.events.clear()
    return [event for event, _symbol in told]


def statuses(ex, *ids):
    return [ex.order(order_id).status for order_id in ids]


BRACKET = {
    "order_class": "bracket",
    "take_profit": {"limit_price": "250"},
    "stop_loss": {"stop_price": "200"},
}
OCO = BRACKET | {"order_class": "oco", "side": "sell", "type": "limit"}


def test_market_order_fills_at_the_quote_and_moves_the_account(ex):
    shown = send(ex, client_order_id="IQ-1")

    order = ex.show("IQ-1")
    assert (shown["status"], order["status"], order["filled_avg_price"]) == (
        "pending_new",
        "filled",
        "230.01",
    )
    assert words(ex) == ["pending_new", "new", "fill"]
    assert (ex.account.cash, ex.account.qty("AAPL")) == (Decimal("97699.90"), 10)


def test_resting_limit_fills_at_its_own_price(ex):
    order = limit(ex, "229")
    ex.quote("AAPL", "228.50", "228.60")

    assert ex.show(order["id"])["filled_avg_price"] == "229"


def test_partial_fills_follow_the_script_one_a_pass(ex):
    ex.partial_fills("AAPL", [4, 0, 1])
    order = send(ex)

    filled = [str(ex.order(order["id"]).filled_qty)]
    for _ in range(3):
        ex.step()
        filled.append(str(ex.order(order["id"]).filled_qty))

    assert filled == ["4", "4", "5", "10"]
    assert words(ex) == ["pending_new", "new", "partial_fill", "partial_fill", "fill"]


def test_limited_size_takes_what_the_quote_shows(ex):
    ex.settings.limited_size = True
    ex.quote("AAPL", "229", "230", 5, 5)

    first, killed, rest = send(ex, qty="3"), send(ex, time_in_force="fok"), send(ex, time_in_force="ioc")

    assert statuses(ex, first["id"], killed["id"], rest["id"]) == ["filled", "canceled", "canceled"]
    assert [ex.show(o["id"])["filled_qty"] for o in (first, killed, rest)] == ["3", "0", "2"]


def test_stop_is_triggered_by_a_trade_and_not_by_a_quote(ex):
    send(ex)
    stop = send(ex, "sell", type="stop", stop_price="225")
    ex.quote("AAPL", "224", "224.10")
    before = ex.order(stop["id"]).status

    ex.trade("AAPL", "225")

    assert (before, ex.show(stop["id"])["filled_avg_price"]) == ("new", "224")


def test_buy_stop_does_not_fill_beyond_its_collar(ex):
    order = send(ex, type="stop", stop_price="240")
    ex.quote("AAPL", "250", "250.10")
    ex.trade("AAPL", "250")

    beyond = ex.order(order["id"]).status
    ex.quote("AAPL", "245", "245.50")

    assert (beyond, ex.show(order["id"])["filled_avg_price"]) == ("new", "245.5")


def test_stop_limit_rests_at_its_limit_once_triggered(ex):
    order = send(ex, type="stop_limit", stop_price="231", limit_price="231.50")
    ex.quote("AAPL", "232", "232.10")
    ex.trade("AAPL", "232")
    ex.quote("AAPL", "231", "231.20")

    assert ex.show(order["id"])["filled_avg_price"] == "231.5"


def test_trailing_stop_follows_the_high_and_sells_below_it(ex):
    send(ex)
    order = send(ex, "sell", type="trailing_stop", trail_percent="10", time_in_force="gtc")
    for price in ("240", "235", "250", "225"):
        ex.price("AAPL", price)

    shown = ex.show(order["id"])
    assert (shown["hwm"], shown["stop_price"], shown["status"]) == ("250", "225", "filled")


def test_notional_order_shows_no_quantity_and_spends_its_amount(ex):
    order = ex.show(send(ex, qty=None, notional="100")["id"])

    assert (order["qty"], order["notional"], order["status"]) == (None, "100", "filled")
    assert Decimal(order["filled_qty"]) * Decimal("230.01") == pytest.approx(
        Decimal(100), abs=Decimal("0.000001")
    )


def test_bracket_exits_are_held_until_the_entry_is_filled(ex):
    ex.partial_fills("AAPL", [4])
    order = send(ex, **BRACKET)
    profit, loss = order["legs"]
    held = statuses(ex, profit["id"], loss["id"])
    ex.step()

    assert held == ["held", "held"]
    assert statuses(ex, order["id"], profit["id"], loss["id"]) == ["filled", "new", "held"]


def test_bracket_profit_cancels_the_stop_which_was_never_new(ex):
    _profit, loss = send(ex, **BRACKET)["legs"]
    ex.quote("AAPL", "251", "251.10")

    assert ex.order(loss["id"]).history == ["held", "canceled"]
    assert ex.account.qty("AAPL") == 0


def test_bracket_stop_ends_the_profit_and_sells(ex):
    profit, loss = send(ex, **BRACKET)["legs"]
    ex.price("AAPL", "199")

    assert statuses(ex, profit["id"], loss["id"]) == ["canceled", "filled"]
    assert ex.account.qty("AAPL") == 0


def test_bracket_profit_in_part_leaves_the_rest_to_the_stop(ex):
    profit, loss = send(ex, **BRACKET)["legs"]
    ex.partial_fills(profit["client_order_id"], [4, 0])
    ex.quote("AAPL", "251", "251.10")
    ex.price("AAPL", "199")

    assert (ex.show(profit["id"])["filled_qty"], ex.show(loss["id"])["filled_qty"]) == ("4", "6")


def test_cancel_of_an_unfilled_bracket_ends_it_all(ex):
    order = send(ex, type="limit", limit_price="220", **BRACKET)
    ex.cancel(order["id"])

    assert statuses(ex, order["id"], *(leg["id"] for leg in order["legs"])) == ["canceled"] * 3


def test_oco_of_a_position_ends_by_either_side(ex):
    send(ex)
    order = send(ex, **OCO)
    shown = (order["limit_price"], order["legs"][0]["status"])
    ex.price("AAPL", "199")

    assert shown == ("250", "held")
    assert statuses(ex, order["id"], order["legs"][0]["id"]) == ["canceled", "filled"]


def test_oto_exit_works_alone_after_the_entry(ex):
    order = send(ex, order_class="oto", stop_loss={"stop_price": "200"})
    stop = order["legs"][0]["id"]
    working = ex.order(stop).status
    ex.price("AAPL", "200")

    assert (working, ex.order(stop).status) == ("new", "filled")


def test_replace_makes_a_new_order_and_links_both(ex):
    old = limit(ex, "200")
    words(ex)
    new = ex.replace(old["id"], {"limit_price": "201", "client_order_id": "IQ-2"})

    assert (new["status"], new["replaces"], ex.order(old["id"]).replaced_by) == (
        "pending_new",
        old["id"],
        new["id"],
    )
    assert statuses(ex, old["id"], "IQ-2") == ["replaced", "new"]
    assert words(ex) == ["pending_replace", "replaced", "new"]


def test_replaced_leg_stands_in_its_family(ex):
    order = send(ex, **BRACKET)
    profit, loss = order["legs"]
    new = ex.replace(profit["id"], {"limit_price": "260"})
    ex.quote("AAPL", "261", "261.10")

    assert [leg["id"] for leg in ex.show(order["id"])["legs"]] == [new["id"], loss["id"]]
    assert statuses(ex, new["id"], loss["id"]) == ["filled", "canceled"]


def test_held_stop_is_replaced_by_a_held_stop(ex):
    order = send(ex, **BRACKET)
    profit, loss = order["legs"]
    new = ex.replace(loss["id"], {"stop_price": "210"})
    held = statuses(ex, loss["id"], new["id"])
    ex.price("AAPL", "209")

    assert held == ["replaced", "held"]
    assert statuses(ex, profit["id"], new["id"]) == ["canceled", "filled"]


def test_replaced_entry_takes_its_exits_along(ex):
    ex.partial_fills("AAPL", [4, 0])
    order = send(ex, type="limit", limit_price="231", **BRACKET)
    new = ex.replace(order["id"], {"qty": "20", "limit_price": "232"})
    ex.step()

    assert [(leg["status"], leg["qty"]) for leg in ex.show(new["id"])["legs"]] == [
        ("new", "24"),
        ("held", "24"),
    ]
    assert ex.account.qty("AAPL") == 24


def test_old_order_that_fills_first_rejects_its_replacement(ex):
    ex.settings.auto_replace = False
    old = limit(ex, "200")
    new = ex.replace(old["id"], {"limit_price": "201"})
    ex.quote("AAPL", "199", "199.10")
    words(ex)

    ex.hand.finish_replace(old["id"])

    assert statuses(ex, old["id"], new["id"]) == ["filled", "rejected"]
    assert words(ex) == ["order_replace_rejected", "rejected"]


def test_refused_replace_leaves_the_old_order_working(ex):
    ex.settings.auto_replace = False
    old = limit(ex, "200")
    new = ex.replace(old["id"], {"qty": "5"})

    ex.hand.refuse_replace(old["id"])

    assert statuses(ex, old["id"], new["id"]) == ["new", "rejected"]


def test_pending_cancel_may_still_fill(ex):
    ex.settings.auto_cancel = False
    order = limit(ex, "200")
    ex.cancel(order["id"])
    ex.quote("AAPL", "199", "199.10")

    assert ex.order(order["id"]).history == ["pending_new", "new", "pending_cancel", "filled"]


def test_order_of_the_night_waits_for_the_open(ex):
    ex.clock.set(datetime(2026, 11, 24, 23, 0, tzinfo=UTC))
    order = send(ex)
    before = (order["status"], ex.order(order["id"]).status, order["expires_at"][:16])
    ex.clock.set(datetime(2026, 11, 25, 14, 30, tzinfo=UTC))
    ex.step()

    assert before == ("accepted", "accepted", "2026-11-25T21:00")
    assert ex.order(order["id"]).status == "filled"


def test_extended_hours_order_trades_before_the_open_and_others_do_not(ex):
    ex.clock.set(datetime(2026, 11, 25, 12, 0, tzinfo=UTC))
    early, late = limit(ex, "231", extended_hours=True), limit(ex, "231")

    assert statuses(ex, early["id"], late["id"]) == ["filled", "accepted"]


def test_day_order_expires_at_the_close_and_gtc_after_90_days(ex):
    day, gtc = limit(ex, "100"), limit(ex, "101", time_in_force="gtc")
    ex.step(6 * 3600)
    first = statuses(ex, day["id"], gtc["id"])
    ex.step(90 * 86_400)

    assert first == ["expired", "new"]
    assert ex.order(gtc["id"]).status == "expired"


def test_auction_orders_fill_at_their_auction_or_are_canceled(ex):
    at_close, far = send(ex, time_in_force="cls"), limit(ex, "100", time_in_force="cls")
    ex.step(6 * 3600)
    ex.clock.set(datetime(2026, 11, 25, 1, 0, tzinfo=UTC))
    at_open = send(ex, time_in_force="opg", symbol="MSFT")
    ex.clock.set(datetime(2026, 11, 25, 14, 30, tzinfo=UTC))
    ex.step()

    assert statuses(ex, at_close["id"], far["id"], at_open["id"]) == ["filled", "canceled", "filled"]


def test_opening_order_after_its_time_is_refused(ex):
    assert refusal(ex, time_in_force="opg").body["code"] == 42210000


@pytest.mark.parametrize(
    ("body", "status", "code", "words_"),
    [
        ({"qty": None}, 422, 42210000, "one of qty or notional"),
        ({"notional": "5"}, 422, 42210000, "one of qty or notional"),
        ({"qty": "-1"}, 422, 42210000, "qty must be > 0"),
        ({"qty": "nine"}, 422, 40010001, "not a number"),
        ({"qty": "1.0000000001"}, 422, 42210000, "9 decimal places"),
        ({"qty": "0.5", "time_in_force": "gtc"}, 422, 42210000, "must be DAY"),
        ({"qty": "0.5", "symbol": "WHOLE"}, 403, 40310000, "not fractionable"),
        ({"symbol": "NOPE"}, 422, 42210000, "not found"),
        ({"symbol": "GONE"}, 422, 42210000, "not active"),
        ({"type": "limit"}, 422, 42210000, "require a limit price"),
        ({"type": "limit", "limit_price": "230.123"}, 422, 42210000, "sub-penny"),
        ({"type": "stop"}, 422, 42210000, "require a stop price"),
        ({"type": "trailing_stop", "trail_price": "1", "trail_percent": "1"}, 422, 42210000, "one of trail"),
        ({"extended_hours": True}, 422, 42210000, "extended hours"),
        ({"order_class": "bracket", "take_profit": {"limit_price": "250"}}, 422, 42210000, "take 2 of"),
        (BRACKET | {"take_profit": {"limit_price": "190"}}, 422, 42210000, "beyond"),
        ({"qty": "100000"}, 403, 40310000, "insufficient buying power"),
        ({"qty": None, "notional": "0.99"}, 422, 42210000, "minimal amount"),
        ({"side": "sell", "qty": "11"}, 403, 40310000, "requested: 11, available: 10"),
        ({"side": "sell", "symbol": "HARD"}, 403, 40310000, "cannot be sold short"),
        (
            {"side": "sell", "symbol": "MSFT", "qty": "0.5"},
            403,
            40310000,
            "fractional orders cannot be sold short",
        ),
        ({"client_order_id": "IQ-1"}, 422, 40010001, "client_order_id must be unique"),
        ({"client_order_id": "x" * 129}, 422, 42210000, "128"),
    ],
)
def test_wrong_order_is_refused_with_its_code(ex, body, status, code, words_):
    for symbol, changes in {
        "WHOLE": {"fractionable": False},
        "GONE": {"status": "inactive"},
        "HARD": {"shortable": False},
    }.items():
        ex.market.list(asset(symbol, **changes), Decimal(20))
    send(ex, client_order_id="IQ-1")
    before = len(ex.book.orders)

    refused = refusal(ex, **body)

    assert (refused.status, refused.body["code"]) == (status, code)
    assert words_ in refused.body["message"]
    assert len(ex.book.orders) == before


def test_shares_claimed_by_an_order_cannot_be_sold_twice(ex):
    send(ex)
    limit(ex, "250", "sell", qty="7")

    refused = refusal(ex, side="sell", qty="4", type="limit", limit_price="251")

    assert refused.body == {
        "code": 40310000, "message": "insufficient qty available for order (requested: 4, available: 3)",
        "available": "3", "existing_qty": "10", "held_for_orders": "7", "symbol": "AAPL",
    }  # fmt: skip


def test_client_order_id_is_unique_for_ever(ex):
    ex.cancel(limit(ex, "100", client_order_id="IQ-1")["id"])

    assert refusal(ex, client_order_id="IQ-1").body["code"] == 40010001


@pytest.mark.parametrize(
    ("resting", "incoming", "refused"),
    [
        ({"type": "limit", "limit_price": "220"}, {"type": "market"}, True),
        ({"type": "limit", "limit_price": "220"}, {"type": "limit", "limit_price": "220"}, True),
        ({"type": "limit", "limit_price": "220"}, {"type": "limit", "limit_price": "221"}, False),
        ({"type": "stop", "stop_price": "240"}, {"type": "limit", "limit_price": "260"}, True),
        ({"type": "limit", "limit_price": "220"}, OCO | {"qty": "5"}, False),
    ],
)
def test_wash_trade_is_refused_by_the_kind_of_both_orders(ex, resting, incoming, refused):
    send(ex)
    first = send(ex, **resting)
    body = {"side": "sell", "qty": "5"} | incoming

    if refused:
        assert refusal(ex, **body).body["existing_order_id"] == first["id"]
    else:
        send(ex, **body)


def test_open_buy_takes_its_cost_from_the_buying_power(ex):
    ex.account.multiplier = 1
    limit(ex, "200", qty="400")

    refused = refusal(ex, type="limit", limit_price="200", qty="101")

    assert (refused.body["buying_power"], refused.body["cost_basis"]) == ("20000", "20200")


@pytest.mark.parametrize(
    ("block", "words_"),
    [({"trading_blocked": True}, "not allowed"), ({}, "rejected by user request")],
)
def test_blocked_account_takes_no_order(ex, block, words_):
    ex.account.blocks.update(block)
    ex.account.configuration["suspend_trade"] = True

    assert words_ in refusal(ex).body["message"]


def test_bust_takes_shares_and_cash_back_and_leaves_the_status(ex):
    order = send(ex)
    execution = next(iter(ex.book.executions))
    ex.correct(execution, "231")
    corrected = (ex.account.cash, ex.show(order["id"])["filled_avg_price"])

    ex.bust(execution)

    assert corrected == (Decimal(97690), "231")
    assert (ex.account.cash, ex.account.positions) == (100_000, {})
    assert (ex.order(order["id"]).status, words(ex)[-2:]) == ("filled", ["trade_correct", "trade_bust"])
    assert activities(ex, {}, "FILL") == []


def test_short_position_is_worth_less_than_nothing(ex):
    send(ex, "sell")
    ex.price("AAPL", "240")

    assert ex.account.qty("AAPL") == -10
    assert ex.account.equity(ex.market) == Decimal("99899.9")


def test_split_and_dividend_keep_the_account_whole(ex):
    send(ex)
    ex.pay("DIV", "12.5", "AAPL")
    ex.split("AAPL", 2)
    send(ex, "sell", "20")

    assert ex.account.positions == {}


def test_rename_ends_orders_moves_shares_and_is_told_by_two_rows(ex, tmp_path):
    ex.ledger = Ledger(tmp_path / "ledger")
    send(ex)
    working = limit(ex, "200")
    asset_id = ex.market.assets["AAPL"]["id"]

    ex.rename("AAPL", "APLX")
    ex.quote("APLX", "240", "240.02")
    send(ex, "sell", "4", symbol="APLX")

    assert statuses(ex, working["id"]) == ["canceled"]
    assert ex.market.assets["APLX"]["id"] == asset_id
    assert {symbol: each.qty for symbol, each in ex.account.positions.items()} == {"APLX": 6}
    rows = activities(ex, {"activity_types": "NC", "direction": "asc"}, None)
    assert sorted((row["symbol"], row["qty"]) for row in rows) == [("AAPL", "-10"), ("APLX", "10")]
    with pytest.raises(Refusal):
        send(ex)
    again = Exchange(seed=0, ledger=Ledger(tmp_path / "ledger"))
    assert (again.check(), again.account.qty("APLX")) == ([], 6)
    again.ledger.close()
    ex.ledger.close()


def test_order_list_pages_by_exclusive_bounds(ex):
    sent = [limit(ex, str(100 + n)) for n in range(60)]
    newest = orders(ex.book, {})
    until = orders(ex.book, {"until": newest[-1]["submitted_at"], "limit": "500"})
    cursor = orders(ex.book, {"before_order_id": newest[-1]["id"], "limit": "500"})

    assert [len(rows) for rows in (newest, until, cursor)] == [50, 10, 10]
    assert newest[0]["id"] == sent[-1]["id"]
    with pytest.raises(Refusal):
        orders(ex.book, {"limit": "501"})


def test_activities_page_by_the_last_row(ex):
    for _ in range(7):
        send(ex)
    pages, token = [], None
    while True:
        page = activities(
            ex, {"page_size": "3", "direction": "asc"} | ({"page_token": token} if token else {}), "FILL"
        )
        pages.append(len(page))
        if len(page) < 3:
            break
        token = page[-1]["id"]

    assert pages == [3, 3, 1]


def test_exchange_goes_on_from_its_ledger(tmp_path):
    file = tmp_path / "ledger"
    first = Exchange(ledger=Ledger(file))
    send(first, client_order_id="IQ-1")
    send(first, **BRACKET, client_order_id="IQ-2")
    limit(first, "200", client_order_id="IQ-3")
    first.ledger.close()
    with file.open("ab") as torn:
        torn.write(b'{"op": "submit", "ord')

    again = Exchange(seed=0, ledger=Ledger(file))

    assert again.show("IQ-2") == first.show("IQ-2")
    assert (again.account.cash, again.account.positions) == (first.account.cash, first.account.positions)
    assert refusal(again, client_order_id="IQ-1").body["code"] == 40010001
    again.quote("AAPL", "199", "199.10")
    assert ledger.orders(file)["IQ-3"]["status"] == "filled"
    assert len(ledger.executions(file)) == 3
    assert again.check() == []
    again.ledger.close()


def test_clock_never_shows_one_time_twice():
    clock = SimClock()
    times = [clock.now_ns() for _ in range(5)]

    assert len(set(times)) == 5
    assert [parse_time(rfc3339(ns)) for ns in times] == times
    assert parse_time("2026-11-24T10:00:00-05:00") == parse_time("2026-11-24T15:00:00Z")


def test_sessions_agree_with_the_calendar_library():
    start, end = date(2020, 1, 1), date(2026, 12, 31)
    library = exchange_calendars.get_calendar("XNYS", start=str(start), end=str(end))
    theirs = {day.date(): close for day, close in library.schedule["close"].items()}

    days = sessions.trading_days(start, end)

    # The library knows Juneteenth from 2022 on, when the exchanges began to keep it.
    assert [d for d in days if d.year > 2021] == [d for d in theirs if d.year > 2021]
    assert [d for d in theirs if d.year > 2021 and sessions.closes(d) != theirs[d].value] == []


SYMBOLS = ("AAPL", "F")
PRICES = {"AAPL": st.integers(22_000, 24_000), "F": st.integers(1_000, 1_200)}
KINDS = st.sampled_from(["market", "limit", "stop", "stop_limit", "trailing_stop"])
CLASSES = st.sampled_from(["", "", "", "bracket", "oco", "oto"])


@st.composite
def bodies(draw):
    symbol = draw(st.sampled_from(SYMBOLS))
    cents = sorted(draw(st.lists(PRICES[symbol], min_size=3, max_size=3, unique=True)))
    low, middle, high = (str(Decimal(c) / 100) for c in cents)
    kind, side, order_class = draw(KINDS), draw(st.sampled_from(["buy", "sell"])), draw(CLASSES)
    body = {"symbol": symbol, "side": side, "type": kind, "qty": str(draw(st.integers(1, 500)))}
    body["time_in_force"] = draw(st.sampled_from(["day", "gtc", "ioc", "fok", "cls"]))
    if kind in ("limit", "stop_limit"):
        body["limit_price"] = middle
    if kind in ("stop", "stop_limit"):
        body["stop_price"] = middle
    if kind == "trailing_stop":
        body["trail_percent"] = "1"
    if order_class:
        sells = (side == "buy") is (order_class != "oco")
        exits = {"take_profit": {"limit_price": high if sells else low}}
        exits["stop_loss"] = {"stop_price": low if sells else high}
        body |= {"order_class": order_class, "time_in_force": "gtc"} | exits
        if order_class == "oto":
            del body["stop_loss"]
    return "submit", body


STEPS = st.one_of(
    bodies(),
    bodies(),
    st.tuples(st.just("quote"), st.sampled_from(SYMBOLS), st.integers(0, 2000), st.integers(1, 400)),
    st.tuples(st.just("price"), st.sampled_from(SYMBOLS), st.integers(0, 2000)),
    st.tuples(st.just("cancel"), st.integers(0, 50)),
    st.tuples(st.just("replace"), st.integers(0, 50), st.integers(1, 100)),
    st.tuples(st.just("bust"), st.integers(0, 50)),
    st.tuples(st.just("correct"), st.integers(0, 50), st.integers(900, 25_000)),
    st.tuples(
        st.just("script"), st.sampled_from(SYMBOLS), st.lists(st.integers(0, 50), max_size=4), st.booleans()
    ),
    st.tuples(st.just("step"), st.integers(0, 30_000)),
)
BASE = {"AAPL": 22_000, "F": 1_000}


def picked(things, index):
    return list(things)[index % len(things)] if things else None


def act(ex, step):
    name, *rest = step
    if name == "submit":
        ex.submit(rest[0])
    elif name == "quote":
        symbol, offset, size = rest
        cents = BASE[symbol] + offset * BASE[symbol] // 22_000
        ex.quote(symbol, Decimal(cents) / 100, Decimal(cents + 2) / 100, size, size)
    elif name == "price":
        symbol, offset = rest
        ex.price(symbol, Decimal(BASE[symbol] + offset * BASE[symbol] // 22_000) / 100)
    elif name == "script":
        ex.partial_fills(rest[0], rest[1], at_once=rest[2])
    elif name == "step":
        ex.step(*rest)
    else:
        change(ex, name, *rest)


def change(ex, name, index, value=0):
    """Change an order or an execution that there is."""
    order = picked(ex.book.orders, index)
    execution = picked([each for each in ex.book.executions.values() if not each.busted], index)
    if name == "cancel" and order:
        ex.cancel(order)
    elif name == "replace" and order:
        ex.replace(order, {"qty": str(value)})
    elif name == "bust" and execution:
        ex.bust(execution.id)
    elif name == "correct" and execution:
        ex.correct(execution.id, Decimal(value) / 100)


@given(st.lists(STEPS, min_size=15, max_size=40), st.booleans())
def test_exchange_adds_up_after_every_step(steps, limited):
    ex = Exchange()
    ex.settings.limited_size = limited
    for step in steps:
        with contextlib.suppress(Refusal):
            act(ex, step)

        assert ex.check() == []
