"""Dry runs of failed requests: they follow the same rules as requests, and have no effect."""

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.test.utils import CaptureQueriesContext

from portal.directory.actor import Origin
from portal.directory.errors import Conflict, NotFound
from portal.directory.ids import public_id
from portal.directory.scim.log import ScimLogGateway, ScimReplay
from portal.embedded import models
from portal.embedded.directory import EmbeddedProvider
from tests import factories
from tests.scim_server.conftest import Idp

NOBODY = "scim-user-live-00000000-0000-7000-8000-000000000000"


@pytest.fixture
def log(idp: Idp, admin: models.MemberRow) -> ScimLogGateway:
    directory = EmbeddedProvider().open("acme", Origin())
    return directory.acting_as(directory.sessions.authenticate(factories.session_token(admin))).scim.log


def everything() -> dict[str, list[dict[str, Any]]]:
    """Return every row of every table."""
    return {
        model.__name__: list(model._default_manager.order_by("pk").values())
        for model in apps.get_app_config("directory").get_models()
    }


def replay(log: ScimLogGateway, idp: Idp) -> ScimReplay:
    """Do a dry run of the newest request, and fail if it had an effect."""
    before = everything()
    found = log.replay(public_id("scim-request", idp.entries[-1].pk))
    assert everything() == before
    return found


def add_members(idp: Idp, group: str, *members: str) -> object:
    value = [{"value": member} for member in members]
    return idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": value})


def test_a_request_that_would_succeed_now_shows_who_would_join(log: ScimLogGateway, idp: Idp) -> None:
    group, ada = idp.create_group("Sales"), idp.create_user("ada", displayName="Ada Lovelace")
    user = idp.create_user("grace", displayName="Grace Hopper")
    idp.send("DELETE", f"/Users/{user}")
    add_members(idp, group, user, ada)
    assert idp.entries[-1].status == 400
    models.ScimRequestRow.objects.filter(pk=idp.entries[-1].pk).update(body=idp.entries[-1].body.replace(user, ada))

    found = replay(log, idp)

    assert (found.status, found.detail) == (200, "")
    [change] = found.changes
    assert (change.action, change.target_name, change.joining) == ("scim_group.update", "Sales", ("Ada Lovelace",))
    assert (change.joining_count, change.leaving_count, change.leaving) == (1, 0, ())
    assert idp.members(group) == set()


def test_a_request_that_would_fail_again_shows_the_error(log: ScimLogGateway, idp: Idp) -> None:
    add_members(idp, idp.create_group("Sales"), NOBODY)

    found = replay(log, idp)

    assert (found.status, found.scim_type, found.changes) == (400, "invalidValue", ())
    assert NOBODY in found.detail


def conflict(idp: Idp) -> object:
    """Create an existing member, and a user with the same masked address."""
    member = factories.member(idp.connection.organization, "xxx@xxxx.xxxxxxx", roles=["stytch_member"])
    idp.send("POST", "/Users", {"userName": "xxx@xxxx.xxxxxxx", "displayName": "Ada"})
    return member


def last_admin(idp: Idp) -> object:
    user = idp.create_user("ada@acme.test")
    models.MemberRow.objects.exclude(scim_user=None).update(direct_roles=["stytch_admin"])
    models.MemberRow.objects.filter(scim_user=None).update(direct_roles=[])
    idp.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": False})
    return models.MemberRow.objects.update(direct_roles=["stytch_admin"])


def test_a_dry_run_records_no_conflict(log: ScimLogGateway, idp: Idp) -> None:
    conflict(idp)
    models.ScimConflictRow.objects.all().delete()

    found = replay(log, idp)

    assert (found.status, found.scim_type) == (409, "uniqueness")
    assert not models.ScimConflictRow.objects.exists()


def test_an_approved_conflict_would_link_the_member(log: ScimLogGateway, idp: Idp) -> None:
    conflict(idp)
    models.ScimConflictRow.objects.update(approved_at="2026-01-01T00:00:00Z")

    found = replay(log, idp)

    assert found.status == 201
    assert [change.action for change in found.changes] == ["member.link_scim_user", "member.update", "scim_user.create"]
    assert "userName" in found.masked_attributes


def test_a_deactivation_that_is_possible_now_shows_status_and_roles(log: ScimLogGateway, idp: Idp) -> None:
    last_admin(idp)
    assert idp.entries[-1].status == 409

    found = replay(log, idp)

    assert found.status == 200
    member = next(change for change in found.changes if change.action == "member.deactivate")
    shown = {one.name: (one.before, one.after) for one in member.attributes}
    assert shown["status"] == ('"active"', '"deleted"')
    assert shown["roles"] == ('["stytch_admin"]', "[]")


REQUESTS: dict[str, Callable[[Idp], object]] = {
    "create a person": lambda idp: idp.send("POST", "/Users", {"userName": "ada", "active": "perhaps"}),
    "create a group": lambda idp: [idp.create_group("Sales"), idp.send("POST", "/Groups", {"displayName": "Sales"})],
    "replace a person": lambda idp: idp.send("PUT", f"/Users/{idp.create_user('ada')}", {"displayName": "Ada"}),
    "replace a group": lambda idp: idp.send("PUT", f"/Groups/{idp.create_group('A')}", {"displayName": " "}),
    "change a person": lambda idp: idp.patch(f"/Users/{idp.create_user('a')}", {"op": "add", "path": "x", "value": 1}),
    "delete nobody": lambda idp: idp.send("DELETE", f"/Users/{NOBODY}"),
    "members that are not here": lambda idp: add_members(idp, idp.create_group("Sales"), NOBODY),
    "the last admin": last_admin,
    "a conflict": conflict,
}


@pytest.mark.parametrize("send", REQUESTS.values(), ids=REQUESTS)
def test_no_dry_run_has_an_effect(log: ScimLogGateway, idp: Idp, send: Callable[[Idp], object]) -> None:
    send(idp)
    # The mistakes have been fixed since, so that the whole request is executed.
    models.ScimConflictRow.objects.update(approved_at="2026-01-01T00:00:00Z")
    models.ScimGroupRow.objects.filter(display_name="Sales").update(display_name_folded="other")

    replay(log, idp)


def test_a_dry_run_is_rolled_back(log: ScimLogGateway, idp: Idp) -> None:
    from django.db import connection  # noqa: PLC0415 -- used here alone

    REQUESTS["the last admin"](idp)
    with CaptureQueriesContext(connection) as queries:
        replay(log, idp)

    statements = [query["sql"].split()[0] for query in queries]
    assert "UPDATE" in statements
    assert "ROLLBACK" in statements[statements.index("UPDATE") :]


OBSTACLES: dict[str, tuple[Callable[[Idp], object], str]] = {
    "succeeded": (lambda idp: idp.create_user("ada"), "The request succeeded."),
    "reads": (lambda idp: idp.get(f"/Users/{NOBODY}"), "only reads data"),
    "token": (
        lambda idp: Idp(idp.connection, "scim_made-up").send("POST", "/Users", {"userName": "a"}),
        "The token or the URL was wrong",
    ),
    "bulk": (lambda idp: idp.send("POST", "/Bulk", {}), "one person or one group"),
    "address": (lambda idp: idp.send("POST", "/Users/Users", {"userName": "a"}), "The URL of the request is wrong"),
    "foreign id": (lambda idp: idp.send("DELETE", "/Users/00u1"), "doesn't belong to this connection"),
    "no body": (lambda idp: idp.send("POST", "/Users", b"{"), "wasn't kept"),
}


@pytest.mark.parametrize(("send", "obstacle"), OBSTACLES.values(), ids=OBSTACLES)
def test_an_impossible_dry_run_is_explained(
    log: ScimLogGateway, idp: Idp, send: Callable[[Idp], object], obstacle: str
) -> None:
    send(idp)

    with pytest.raises(Conflict) as error:
        replay(log, idp)

    assert obstacle in error.value.detail


def test_a_cut_body_allows_a_dry_run_unless_it_replaces_the_resource(log: ScimLogGateway, idp: Idp) -> None:
    group = idp.create_group("Everyone")
    many = [{"value": NOBODY[:-12] + f"{n:012}"} for n in range(5000)]
    idp.patch(f"/Groups/{group}", {"op": "add", "path": "members", "value": many})
    assert replay(log, idp).is_body_cut

    idp.send("PUT", f"/Groups/{group}", {"displayName": "Everyone", "members": many})
    with pytest.raises(Conflict):
        replay(log, idp)


def test_a_missing_version_is_reported(log: ScimLogGateway, idp: Idp) -> None:
    user = idp.create_user("ada")
    idp.patch(f"/Users/{user}", {"op": "add", "path": "active", "value": False}, **{"If-Match": 'W/"1"'})
    assert idp.entries[-1].status == 412

    found = replay(log, idp)

    assert (found.status, found.is_version_unknown) == (200, True)


def test_a_deleted_connection_has_no_dry_run(log: ScimLogGateway, idp: Idp) -> None:
    idp.send("POST", "/Users", {"displayName": "Ada"})
    models.ScimConnectionRow.objects.update(status="deleted")

    with pytest.raises(Conflict):
        replay(log, idp)


def test_another_organizations_request_is_not_found(log: ScimLogGateway, other_idp: Idp) -> None:
    other_idp.send("POST", "/Users", {"displayName": "Ada"})

    with pytest.raises(NotFound):
        log.replay(public_id("scim-request", other_idp.entries[-1].pk))


def test_personal_values_in_changes_are_masked(log: ScimLogGateway, idp: Idp) -> None:
    user = idp.create_user("ada@acme.test", displayName="Ada Lovelace", title="Countess")
    idp.patch(
        f"/Users/{user}",
        {"op": "replace", "path": "title", "value": "Admiral"},
        **{"If-Match": 'W/"1"'},
    )

    [change] = replay(log, idp).changes

    assert [(one.name, one.before, one.after) for one in change.attributes] == [("title", '"Xxxxxxxx"', '"Xxxxxxx"')]


MASKED: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    (
        "/Users",
        {"userName": "ada", "active": "x", "name": {"givenName": "Ada"}, "x": 5},
        ("givenName", "userName", "x"),
    ),
    ("/Groups", {"displayName": "Sales", "externalId": "abc", "members": "?"}, ("externalId",)),
]


@pytest.mark.parametrize(("path", "body", "masked"), MASKED)
def test_masked_attributes_are_named(
    log: ScimLogGateway, idp: Idp, path: str, body: dict[str, Any], masked: tuple[str, ...]
) -> None:
    idp.send("POST", path, body)
    models.ScimRequestRow.objects.update(status=400)

    assert set(masked) <= set(replay(log, idp).masked_attributes)
    assert "displayName" not in replay(log, idp).masked_attributes


@pytest.mark.parametrize(("query", "status"), [("?aadOptscim062020", 200), ("", 400)])
def test_the_entra_flag_of_the_request_applies(log: ScimLogGateway, idp: Idp, query: str, status: int) -> None:
    ada, taken = idp.create_user("ada"), idp.create_user("bob")
    path = 'emails[type eq "work"].value'
    idp.patch(
        f"/Users/{ada}{query}",
        {"op": "replace", "path": path, "value": "x@acme.example"},
        {"op": "replace", "path": "userName", "value": "bob"},
    )
    assert idp.entries[-1].status >= 400
    entry = idp.entries[-1].pk
    idp.send("DELETE", f"/Users/{taken}")

    assert log.replay(public_id("scim-request", entry)).status == status
