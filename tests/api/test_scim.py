"""Stytch's methods of SCIM, called by its own SDK."""

from collections.abc import Callable
from typing import Any

import pytest
from stytch import B2BClient
from stytch.b2b.models.scim import SCIMGroupImplicitRoleAssignments
from stytch.core.response_base import StytchError

from portal.directory.ids import public_id
from portal.embedded import models
from tests import factories
from tests.api.conftest import Answer, Caller

PageOf = Callable[[models.MemberRow | None], Caller]


def error_of(call: Callable[[], object]) -> tuple[int, str | None]:
    with pytest.raises(StytchError) as caught:
        call()
    return caught.value.details.status_code, caught.value.details.error_type


def test_a_connection_lives_from_creation_to_deletion(sdk: B2BClient, acme: models.OrganizationRow) -> None:
    connections = sdk.scim.connection
    assert connections.get(acme.slug).connection is None

    created = connections.create(acme.slug, display_name="Okta", identity_provider="okta").connection
    assert created is not None
    assert created.bearer_token.startswith("scim_")
    assert error_of(lambda: connections.create(acme.slug)) == (400, "active_scim_connection_exists")

    started = connections.rotate_start(acme.slug, created.connection_id).connection
    assert started is not None
    assert created.bearer_token.endswith(started.bearer_token_last_four)
    assert error_of(lambda: connections.rotate_start(acme.slug, created.connection_id)) == (
        400,
        "scim_connection_rotating_token",
    )
    completed = connections.rotate_complete(acme.slug, created.connection_id).connection
    assert completed is not None
    assert started.next_bearer_token.endswith(completed.bearer_token_last_four)
    assert completed.next_bearer_token_last_four == ""
    assert error_of(lambda: connections.rotate_cancel(acme.slug, created.connection_id)) == (
        400,
        "scim_connection_not_rotating_token",
    )

    changed = connections.update(
        acme.slug, created.connection_id, display_name="Entra", identity_provider="microsoft-entra"
    )
    assert changed.connection is not None
    assert (changed.connection.display_name, changed.connection.identity_provider) == ("Entra", "microsoft-entra")
    assert changed.connection.base_url == created.base_url

    assert connections.delete(acme.slug, created.connection_id).connection_id == created.connection_id
    assert connections.get(acme.slug).connection is None
    assert error_of(lambda: connections.get_groups(acme.slug, created.connection_id)) == (
        404,
        "no_active_scim_connection",
    )


def test_groups_come_page_by_page(
    sdk: B2BClient, acme: models.OrganizationRow, connection: models.ScimConnectionRow
) -> None:
    factories.scim_groups(connection, [f"Group {number:03}" for number in range(5)])
    connection_id = public_id("scim-connection", connection.pk)

    names, cursor, pages = [], "", 0
    while True:
        page = sdk.scim.connection.get_groups(acme.slug, connection_id, cursor=cursor, limit=2)
        names += [group.group_name for group in page.scim_groups]
        cursor, pages = page.next_cursor or "", pages + 1
        if not cursor:
            break

    assert names == [f"Group {number:03}" for number in range(5)]
    assert pages == 3


def test_group_roles_are_replaced_as_a_whole(
    sdk: B2BClient, acme: models.OrganizationRow, connection: models.ScimConnectionRow
) -> None:
    first, second = factories.scim_groups(connection, ["Admins", "Staff"])
    factories.group_role(first, "stytch_admin")
    group_id = public_id("scim-group", second.pk)

    def save(*assignments: tuple[str, str]) -> list[tuple[str, str]]:
        wanted: list[SCIMGroupImplicitRoleAssignments | dict[str, Any]] = [
            {"role_id": role_id, "group_id": group} for group, role_id in assignments
        ]
        answer = sdk.scim.connection.update(
            acme.slug, public_id("scim-connection", connection.pk), scim_group_implicit_role_assignments=wanted
        )
        assert answer.connection is not None
        return [(one.group_name, one.role_id) for one in answer.connection.scim_group_implicit_role_assignments]

    assert save((group_id, "stytch_admin")) == [("Staff", "stytch_admin")]
    assert error_of(lambda: save((group_id, "no-such-role")))[1] == "invalid_rbac_role_id"
    assert error_of(lambda: save(("scim-group-live-none", "stytch_admin")))[1] == (
        "scim_group_role_assignment_group_does_not_exist"
    )
    assert models.ScimGroupRoleRow.objects.get().group_id == second.pk
    assert save() == []


def test_another_organizations_connection_looks_unknown(
    sdk: B2BClient, acme: models.OrganizationRow, connection: models.ScimConnectionRow
) -> None:
    factories.organization("globex")
    connection_id = public_id("scim-connection", connection.pk)

    for call in (
        lambda: sdk.scim.connection.get_groups("globex", connection_id),
        lambda: sdk.scim.connection.update("globex", connection_id, display_name="Mine"),
        lambda: sdk.scim.connection.rotate_start("globex", connection_id),
        lambda: sdk.scim.connection.delete("globex", connection_id),
    ):
        assert error_of(call) == (404, "no_active_scim_connection")


def test_a_page_reads_the_groups_of_its_own_organization(
    page_of: PageOf, admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    factories.scim_groups(connection, ["Admins", "Staff", "Finance"])
    page = page_of(admin)

    first = page.post("b2b/scim/groups", {"limit": 2})
    second = page.post("b2b/scim/groups", {"limit": 2, "cursor": first["next_cursor"]})

    assert first.status == second.status == 200
    assert [one["group_name"] for one in [*first["scim_groups"], *second["scim_groups"]]] == [
        "Admins",
        "Finance",
        "Staff",
    ]
    assert second["next_cursor"] is None


def test_a_page_of_an_organization_without_a_connection_has_no_groups(page_of: PageOf, admin: models.MemberRow) -> None:
    answer = page_of(admin).post("b2b/scim/groups", {"limit": 1000})

    assert (answer["scim_groups"], answer["next_cursor"]) == ([], None)


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("GET", "b2b/scim"),
        ("POST", "b2b/scim"),
        ("PUT", "b2b/scim/none"),
        ("DELETE", "b2b/scim/none"),
        ("POST", "b2b/scim/groups"),
        ("POST", "b2b/scim/rotate/start"),
        ("POST", "b2b/scim/rotate/complete"),
        ("POST", "b2b/scim/rotate/cancel"),
    ],
)
def test_a_member_without_the_right_is_rejected(
    page_of: PageOf, member: models.MemberRow, connection: models.ScimConnectionRow, verb: str, path: str
) -> None:
    answer = page_of(member).call(verb, path, {})

    assert (answer.status, answer.error_type) == (403, "session_authorization_error")


@pytest.mark.parametrize(("path", "count"), [("limit=1001", 0), ("limit=0", 1), ("limit=ten", 0), ("cursor=forged", 0)])
def test_a_wrong_page_is_named(
    backend: Caller, acme: models.OrganizationRow, connection: models.ScimConnectionRow, path: str, count: int
) -> None:
    factories.scim_groups(connection, ["Admins"])

    answer: Answer = backend.get(f"scim/acme/connection/{public_id('scim-connection', connection.pk)}?{path}")

    if count:
        assert len(answer["scim_groups"]) == count
    else:
        assert answer.status == 400
        assert answer.error_type in {"user_search_invalid_cursor", "user_search_invalid_limit"}
