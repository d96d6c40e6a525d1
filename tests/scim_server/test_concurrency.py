"""Calls at the same time: nothing is lost, nothing is half done."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from portal.embedded import models
from portal.embedded.scim.protocol.users import user_id
from tests import factories
from tests.conftest import PASSWORD
from tests.scim_server.conftest import Idp

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(functions: Sequence[Callable[[], Any]], threads: int = 8) -> list[int]:
    """Make all calls in threads of their own and return their statuses."""

    def run(call: Callable[[], Any]) -> int:
        try:
            return int(call().status_code)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, functions))


def test_eight_writers_of_one_group_lose_no_member(idp: Idp) -> None:
    users = [idp.create_user(f"person{n}") for n in range(24)]
    group = idp.create_group("Everyone")

    statuses = at_once(
        [
            partial(idp.patch, f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": one}]})
            for one in users
        ]
    )

    assert set(statuses) == {200}
    assert idp.members(group) == set(users)
    assert models.ScimGroupRow.objects.get().member_count == 24


def test_joining_and_leaving_at_once_keeps_the_count_exact(idp: Idp) -> None:
    users = [idp.create_user(f"person{n}") for n in range(12)]
    group = idp.create_group("Everyone", users[:6])

    at_once(
        [
            partial(idp.patch, f"/Groups/{group}", {"op": "remove", "path": f'members[value eq "{one}"]'})
            for one in users[:4]
        ]
        + [
            partial(idp.patch, f"/Groups/{group}", {"op": "add", "path": "members", "value": [{"value": one}]})
            for one in users[6:]
        ]
        + [partial(idp.send, "DELETE", f"/Users/{one}") for one in users[4:6]]
    )

    assert idp.members(group) == set(users[6:])
    assert models.ScimGroupRow.objects.get().member_count == models.ScimMembershipRow.objects.count() == 6


def test_fifty_writers_at_once_all_succeed(idp: Idp) -> None:
    statuses = at_once([partial(idp.send, "POST", "/Users", {"userName": f"u{n}"}) for n in range(150)], threads=50)

    assert set(statuses) == {201}
    assert models.ScimUserRow.objects.count() == 150


def test_one_of_two_admins_removed_at_once_stays(idp: Idp) -> None:
    users = [idp.create_user(f"admin{n}@acme.example") for n in range(2)]
    models.MemberRow.objects.update(direct_roles=["stytch_admin"])
    away = {"op": "replace", "path": "active", "value": False}

    statuses = at_once([partial(idp.patch, f"/Users/{one}", away) for one in users])

    assert sorted(statuses) == [200, 409]
    assert models.MemberRow.objects.filter(status="active").count() == 1


def test_two_simultaneous_creations_with_one_name_create_one_user(idp: Idp) -> None:
    for path, body in (("/Users", {"userName": "ada"}), ("/Groups", {"displayName": "Sales"})):
        statuses = at_once([partial(idp.send, "POST", path, body) for _ in range(6)])

        assert sorted(statuses) == [201, 409, 409, 409, 409, 409]
    assert (models.ScimUserRow.objects.count(), models.ScimGroupRow.objects.count()) == (1, 1)


def test_users_sign_in_while_the_largest_change_is_computed(idp: Idp, admin: models.MemberRow) -> None:
    """On SQLite a change holds the only write lock: it must end long before others give up waiting for it."""
    row = factories.scim_user(idp.connection, "ada")
    row.document["entitlements"] = [{"value": f"e{n}"} for n in range(1000)]
    row.save()
    terms = " or ".join(['value eq "other"'] * 199)
    change = partial(idp.patch, f"/Users/{user_id(row.pk)}", *[{"op": "remove", "path": f"entitlements[{terms}]"}] * 5)
    form = {"email_address": admin.email_address, "password": PASSWORD}

    assert at_once([change, *[lambda: Client().post("/o/acme/sign-in/", form)] * 3]) == [200, 303, 303, 303]
