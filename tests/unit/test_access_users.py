"""Roles of users: nobody without one, nobody by default, and never the last administrator less."""

from datetime import UTC, datetime

import pytest

from core.access.policy import DUTIES, Duty, authorize_duty
from core.access.users import check_change, check_new, present, role_of
from core.domain.access import Actor, Origin, Role
from core.domain.users import UserRecord
from core.errors import RefusalCode, Refused

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def _users(**roles: str) -> tuple[UserRecord, ...]:
    return tuple(UserRecord(name, role, "kim", NOW) for name, role in roles.items())


@pytest.mark.parametrize("role", list(Role))
def test_user_acts_in_the_role_that_is_stored(role):
    assert role_of(_users(kim="admin", sam=role.value), "sam") is role


@pytest.mark.parametrize(
    ("users", "name"),
    [
        (_users(), "kim"),
        (_users(kim="admin"), "Kim"),
        (_users(kim="admin"), "sam"),
        (_users(kim=""), "kim"),
        (_users(kim="Admin"), "kim"),
        (_users(kim="admin "), "kim"),
        (_users(kim="readonly"), "kim"),
    ],
)
def test_user_without_exactly_one_of_our_roles_is_refused(users, name):
    with pytest.raises(Refused) as refused:
        role_of(users, name)

    assert refused.value.code is RefusalCode.UNKNOWN_ROLE


def test_removed_users_are_not_listed():
    assert [each.name for each in present(_users(kim="admin", sam=""))] == ["kim"]


@pytest.mark.parametrize(
    "name",
    ["", " ", "a" * 33, "-x", "x ", "é", "a\nb", "desk", "Desk", "api", "api-1234", "agent", "demo", "../x"],
)
def test_name_that_cannot_be_a_users_is_refused(name):
    with pytest.raises(Refused) as refused:
        check_new(_users(kim="admin"), name)

    assert refused.value.code is RefusalCode.MALFORMED


def test_name_that_is_taken_in_any_case_is_refused_and_that_of_a_removed_user_is_free():
    users = _users(kim="admin", sam="")

    with pytest.raises(Refused) as refused:
        check_new(users, "KIM")
    check_new(users, "sam")

    assert refused.value.code is RefusalCode.NAME_TAKEN


@pytest.mark.parametrize("role", ["trader", "viewer", ""])
def test_last_administrator_can_be_neither_demoted_nor_removed(role):
    with pytest.raises(Refused, match="last administrator"):
        check_change(_users(kim="admin", sam="trader", old=""), "kim", role)
    check_change(_users(kim="admin", sam="admin"), "kim", role)
    check_change(_users(kim="admin"), "kim", "admin")


@pytest.mark.parametrize("name", ["sam", "old", ""])
def test_change_of_a_user_who_is_not_there_is_refused(name):
    with pytest.raises(Refused) as refused:
        check_change(_users(kim="admin", old=""), name, "trader")

    assert refused.value.code is RefusalCode.NOT_FOUND


ALLOWED = {
    Duty.LIST_USERS: {"viewer", "trader", "admin"},
    Duty.CHANGE_OWN_PASSPHRASE: {"viewer", "trader", "admin"},
    Duty.MANAGE_USERS: {"admin"},
    Duty.MANAGE_KEYS: {"admin"},
    Duty.MANAGE_CREDENTIALS: {"admin"},
    Duty.MANAGE_BACKUPS: {"admin"},
    Duty.RUN_RETENTION: {"admin"},
}


def test_every_duty_has_its_roles():
    assert set(DUTIES) == set(ALLOWED) == set(Duty)


@pytest.mark.parametrize("role", ["viewer", "trader", "admin", "", "readonly", "ADMIN ", "Admin", "root"])
@pytest.mark.parametrize("duty", list(Duty))
def test_duty_passes_for_the_roles_of_the_table_only(duty, role):
    actor = Actor("kim", role, Origin.DESK, "s")
    if role in ALLOWED[duty]:
        authorize_duty(duty, actor)
        return
    with pytest.raises(Refused) as refused:
        authorize_duty(duty, actor)
    known = role in ("viewer", "trader", "admin")
    assert refused.value.code is (RefusalCode.NOT_PERMITTED if known else RefusalCode.UNKNOWN_ROLE)
