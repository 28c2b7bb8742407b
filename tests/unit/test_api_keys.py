"""Who a request is from: one key, of ours, in a header."""

import pytest
from multidict import CIMultiDict

from core.api.keys import Keys
from core.domain.access import Actor, Origin, Role
from core.settings import ApiKey

TRADER, VIEWER = "t" * 32, "v" * 32
KEYS = Keys([ApiKey(TRADER, Role.TRADER), ApiKey(VIEWER, Role.VIEWER)], "run-1")


def ask(**headers: str) -> Actor | None:
    return KEYS.actor(CIMultiDict({name.replace("_", "-"): value for name, value in headers.items()}))


@pytest.mark.parametrize(
    "headers",
    [
        {"X_API_Key": TRADER},
        {"x_api_key": TRADER},
        {"Authorization": f"Bearer {TRADER}"},
        {"authorization": f"bearer  {TRADER}"},
        {"X_API_Key": TRADER, "Authorization": f"Bearer {TRADER}"},
    ],
)
def test_a_key_names_its_role_in_either_header(headers):
    actor = ask(**headers)

    assert (actor.role, actor.origin, actor.session) == ("trader", Origin.API, "run-1")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X_API_Key": ""},
        {"X_API_Key": TRADER[:-1]},
        {"X_API_Key": TRADER + "t"},
        {"X_API_Key": TRADER.upper()},
        {"X_API_Key": "ключ\udcff"},
        {"Authorization": TRADER},
        {"Authorization": f"Basic {TRADER}"},
        {"Authorization": "Bearer"},
        {"X_API_Key": TRADER, "Authorization": f"Bearer {VIEWER}"},
    ],
)
def test_no_key_a_wrong_one_or_two_different_ones_are_nobody(headers):
    assert ask(**headers) is None


def test_two_keys_are_told_apart_without_showing_either():
    trader, viewer = ask(X_API_Key=TRADER), ask(X_API_Key=VIEWER)

    assert trader.user != viewer.user
    assert TRADER not in repr(trader)


def test_without_a_key_everybody_is_nobody():
    assert Keys([], "run-1").actor(CIMultiDict({"X-API-Key": ""})) is None
