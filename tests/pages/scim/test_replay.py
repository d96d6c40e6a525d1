"""The dry run of a failed request: what it would do now, or why a dry run isn't possible."""

import re
from unittest.mock import patch

import pytest
from django.test import Client

from portal.directory.errors import Unavailable
from portal.directory.ids import public_id
from portal.embedded import models
from portal.embedded.scim.log.reading import EmbeddedScimLog
from tests import factories
from tests.absent import absent
from tests.scim_server.conftest import Idp
from tests.scim_server.test_replay import NOBODY, add_members, everything

LOG = "/o/acme/scim/log/"


@pytest.fixture
def idp(acme: models.OrganizationRow) -> Idp:
    token = "scim_token-of-acme"
    return Idp(factories.scim_connection(acme, bearer_token=token), token)


def url_of(entry: models.ScimRequestRow) -> str:
    return f"{LOG}{public_id('scim-request', entry.pk)}/replay/"


def text_of(html: str) -> str:
    """Return the visible text on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("<main")[2]).split())


def failed_deactivation(idp: Idp, admin: models.MemberRow) -> models.ScimRequestRow:
    """Log a deactivation that failed because it was the last admin, and would succeed now."""
    user = idp.create_user("pia@acme.example", displayName="Pia Patel")
    models.MemberRow.objects.filter(scim_user__isnull=False).update(direct_roles=["stytch_admin"])
    models.MemberRow.objects.filter(pk=admin.pk).update(direct_roles=[])
    idp.patch(f"/Users/{user}", {"op": "replace", "path": "active", "value": False})
    models.MemberRow.objects.filter(pk=admin.pk).update(direct_roles=["stytch_admin"])
    return idp.entries[-1]


def test_a_failed_request_links_to_its_dry_run(admin_client: Client, admin: models.MemberRow, idp: Idp) -> None:
    entry = failed_deactivation(idp, admin)

    html = admin_client.get(f"{LOG}{public_id('scim-request', entry.pk)}/").content.decode()

    assert f'href="{url_of(entry)}"' in html
    assert "Nothing is changed" in html


def test_a_dry_run_shows_changes_and_changes_nothing(admin_client: Client, admin: models.MemberRow, idp: Idp) -> None:
    entry = failed_deactivation(idp, admin)
    admin_client.get(url_of(entry))
    before = everything()

    response = admin_client.get(url_of(entry))

    assert everything() == before
    shown = text_of(response.content.decode())
    for words in (
        "Nothing was changed",
        "Would succeed",
        "The request would succeed",
        "Status 409 200",
        "Cause This would leave no admin –",
        "A member would be deactivated: pia@acme.example",
        'status "active" "deleted"',
        'roles ["stytch_admin"] []',
        "A person would change: pia@acme.example",
        "active true false",
    ):
        assert words in shown.replace("&quot;", '"'), words


def test_a_dry_run_shows_who_would_join(admin_client: Client, idp: Idp) -> None:
    group, pia = idp.create_group("Sales"), idp.create_user("pia@acme.example", displayName="Pia Patel")
    add_members(idp, group, NOBODY)
    models.ScimRequestRow.objects.filter(status=400).update(body=idp.entries[-1].body.replace(NOBODY, pia))

    shown = text_of(admin_client.get(url_of(idp.entries[-1])).content.decode())

    assert "A group would change: Sales" in shown
    assert "1 would join: Pia Patel" in shown


def test_a_dry_run_that_fails_shows_cause_and_fix(admin_client: Client, idp: Idp) -> None:
    add_members(idp, idp.create_group("Sales"), NOBODY)

    response = admin_client.get(url_of(idp.entries[-1]))

    shown = text_of(response.content.decode())
    assert response.status_code == 200
    for words in (
        "Would fail",
        "The request would fail",
        "Status 400 400",
        "A member of the group is unknown",
        "Push now",
        "Nothing was changed",
    ):
        assert words in shown, words


def test_values_that_the_log_does_not_keep_are_named(admin_client: Client, idp: Idp) -> None:
    idp.send("POST", "/Users", {"userName": "pia@acme.example", "active": "perhaps"})

    assert "doesn’t keep the values of active, userName" in text_of(
        admin_client.get(url_of(idp.entries[-1])).content.decode()
    )


def test_an_impossible_dry_run_is_explained(admin_client: Client, idp: Idp) -> None:
    idp.get("/Users/Users")
    entry = idp.entries[-1]

    detail = admin_client.get(f"{LOG}{public_id('scim-request', entry.pk)}/").content.decode()
    response = admin_client.get(url_of(entry))

    assert url_of(entry) not in detail
    assert "The request only reads data." in detail
    assert response.status_code == 200
    assert "A dry run isn’t possible" in response.content.decode()
    assert "The request only reads data." in response.content.decode()


def test_an_obstacle_found_during_the_dry_run_is_explained(admin_client: Client, idp: Idp) -> None:
    idp.send("POST", "/Users", {"displayName": "Pia"})
    models.ScimConnectionRow.objects.update(status="deleted")

    response = admin_client.get(url_of(idp.entries[-1]))

    assert response.status_code == 200
    assert "The connection was deleted" in response.content.decode()


def test_a_dry_run_of_a_locked_resource_can_be_repeated(admin_client: Client, idp: Idp) -> None:
    idp.send("POST", "/Users", {"displayName": "Pia"})

    with patch.object(EmbeddedScimLog, "replay", side_effect=Unavailable("Try again later.")):
        response = admin_client.get(url_of(idp.entries[-1]))

    assert response.status_code == 503
    assert "Try again later." in response.content.decode()


def test_a_directory_without_a_log_has_no_dry_run(admin_client: Client, idp: Idp) -> None:
    idp.send("POST", "/Users", {"displayName": "Pia"})

    with absent("log"):
        response = admin_client.get(url_of(idp.entries[-1]))

    assert response.status_code == 200
    assert "Not available with this directory" in response.content.decode()


def test_hostile_values_are_text(admin_client: Client, idp: Idp) -> None:
    hostile = "<script>alert(1)</script>"
    group = idp.create_group(hostile)
    rename = {"op": "replace", "path": "displayName", "value": hostile + "!"}
    idp.patch(f"/Groups/{group}", rename, **{"If-Match": 'W/"1"'})
    models.ScimRequestRow.objects.update(detail=hostile)

    response = admin_client.get(url_of(idp.entries[-1]))

    assert response.status_code == 200
    assert "A group would change" in response.content.decode()
    assert hostile not in response.content.decode()


def test_another_organizations_request_is_not_found(
    admin_client: Client, idp: Idp, globex: models.OrganizationRow
) -> None:
    other = factories.scim_request(factories.scim_connection(globex), method="POST", status=400)

    assert admin_client.get(url_of(other)).status_code == 404


def test_a_member_without_the_permission_is_rejected(member_client: Client, idp: Idp) -> None:
    idp.send("POST", "/Users", {"displayName": "Pia"})

    assert member_client.get(url_of(idp.entries[-1])).status_code == 403
