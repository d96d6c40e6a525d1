"""Settings › General: name, slug and IDs."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directory.policy import DEFAULT_POLICY, Policy, Role
from portal.embedded import models
from portal.embedded.organizations import former_slugs
from portal.embedded.scope import organization_value
from tests import factories

PAGE = "/o/acme/settings/"


def page(client: Client, url: str = PAGE) -> str:
    return " ".join(client.get(url).content.decode().split())


def test_every_member_sees_the_settings(acme: models.OrganizationRow, member_client: Client) -> None:
    html = page(member_client)

    assert "How Acme is shown, and who can join and sign in." in html
    assert organization_value(acme).organization_id in html
    assert f'<a href="{PAGE}" aria-current="page"> General </a>' in html


def version(client: Client) -> str:
    found = re.search(r'name="version" value="([^"]+)"', client.get(PAGE).content.decode())
    assert found
    return found.group(1)


def save(client: Client, **sent: str) -> tuple[int, str]:
    response = client.post(PAGE, {"version": version(client), **sent})
    return response.status_code, " ".join(response.content.decode().split())


def allowed(acme: models.OrganizationRow, settings: Settings, *actions: str) -> Client:
    """Sign in as a member who has only these actions on the organization."""
    role = Role("some", {"stytch.organization": frozenset(actions)})
    settings.RBAC_POLICY = DEFAULT_POLICY.extended_by(Policy(roles={"some": role}, resources={}))
    return factories.signed_in(factories.member(acme, "some@acme.example", roles=["some"]))


def test_name_and_slug_are_saved_and_recorded(
    acme: models.OrganizationRow, admin_client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    seen = version(admin_client)

    with django_assert_max_num_queries(12):
        response = admin_client.post(
            PAGE, {"version": seen, "organization_name": "Acme Inc.", "organization_slug": "acme"}
        )

    assert (response.status_code, response["Location"]) == (303, PAGE)
    html = page(admin_client)
    assert "Organization saved." in html
    assert 'value="Acme Inc."' in html
    assert "Last changed by Ada Admin" in html
    organization_id = organization_value(acme).organization_id
    history = page(admin_client, f"/o/acme/activity/?target_id={organization_id}&what=organization")
    assert "changed the settings of" in history


def test_only_what_the_member_may_change_is_changed(acme: models.OrganizationRow, settings: Settings) -> None:
    client = allowed(acme, settings, "update.info.name")
    html = page(client)
    assert "Your roles don’t let you change the organization’s slug." in html
    assert re.search(r'name="organization_slug"[^>]* disabled', html)

    assert save(client, organization_name="Renamed")[0] == 303
    # A page that was open when the right was removed.
    status, html = save(client, organization_name="Both", organization_slug="both")

    assert status == 403
    assert 'value="both"' in html
    acme.refresh_from_db()
    assert (acme.name, acme.slug) == ("Renamed", "acme")


def test_a_member_without_rights_sees_why_and_changes_nothing(
    acme: models.OrganizationRow, member_client: Client
) -> None:
    html = page(member_client)

    assert "Your roles don’t let you rename the organization." in html
    assert "Last changed" not in html
    assert save(member_client, organization_name="Mine")[0] == 403
    assert save(member_client)[0] == 403
    acme.refresh_from_db()
    assert acme.name == "Acme"


def test_of_two_admins_the_second_is_asked(acme: models.OrganizationRow, admin_client: Client) -> None:
    seen = version(admin_client)
    other = factories.signed_in(factories.member(acme, "bob@acme.example", roles=["stytch_admin"]))
    assert save(other, organization_name="First", organization_slug="acme")[0] == 303

    sent = {"version": seen, "organization_name": "Second", "organization_slug": "acme"}
    response = admin_client.post(PAGE, sent)

    assert response.status_code == 409
    html = response.content.decode()
    assert "The name is now First" in html
    assert 'value="Second"' in html
    renewed = re.search(r'name="version" value="([^"]+)"', html)
    assert renewed
    assert admin_client.post(PAGE, sent | {"version": renewed.group(1)}).status_code == 303
    assert admin_client.post(PAGE, sent | {"version": ""}).status_code == 409


@pytest.mark.parametrize("slug", ["a", "a/b", "globex", "me", "deleted-x", "acme\x00"])
def test_a_slug_that_is_not_free_is_rejected_with_the_reason(
    globex: models.OrganizationRow, admin_client: Client, slug: str
) -> None:
    status, html = save(admin_client, organization_name="Acme", organization_slug=slug)

    assert status in {409, 422}
    assert 'id="id_organization_slug_error"' in html


def test_sessions_and_links_survive_a_new_slug(
    admin: models.MemberRow, member: models.MemberRow, globex: models.OrganizationRow
) -> None:
    client, other = factories.signed_in(admin), factories.signed_in(member)
    response = client.post(
        PAGE, {"version": version(client), "organization_name": "Acme", "organization_slug": "acme-2"}
    )

    assert response["Location"] == "/o/acme-2/settings/"
    assert client.get("/o/acme-2/settings/").status_code == 200
    # Another member's browser still has the cookie of the old slug, and a link with a query.
    moved = other.get("/o/acme/account/?x=1")
    assert (moved.status_code, moved["Location"]) == (307, "/o/acme-2/account/?x=1")
    assert other.get("/o/acme-2/account/").status_code == 200
    # The page to open afterwards is at the new slug, too. Another organization's stays what it was: not a page of this one.
    visitor = Client().get("/o/acme/sign-in/?next=/o/acme/members/%3Fq%3Dx")
    assert (visitor.status_code, visitor["Location"]) == (307, "/o/acme-2/sign-in/?next=/o/acme-2/members/%3Fq%3Dx")
    assert Client().get("/o/acme/sign-in/?next=/o/globex/")["Location"] == "/o/acme-2/sign-in/?next=/o/globex/"
    assert Client().post("/o/acme/account/name/", {"name": "x"})["Location"] == "/o/acme-2/account/name/"
    assert Client().get("/o/never/sign-in/").status_code == 404


def test_a_former_slug_leads_only_to_the_organization_that_had_it(
    acme: models.OrganizationRow, globex: models.OrganizationRow, settings: Settings
) -> None:
    former_slugs.keep(acme, "globex")
    former_slugs.keep(acme, "old")
    assert Client().get("/o/globex/sign-in/").status_code == 200
    assert Client().get("/o/old/sign-in/")["Location"] == "/o/acme/sign-in/"

    with time_machine.travel(timezone.now() + timedelta(days=91)):
        assert Client().get("/o/old/sign-in/").status_code == 404
    models.OrganizationRow.objects.filter(pk=acme.pk).update(deleted_at=timezone.now())
    assert Client().get("/o/old/sign-in/").status_code == 404


def test_metadata_and_external_id_are_read_only(acme: models.OrganizationRow, admin_client: Client) -> None:
    models.OrganizationRow.objects.filter(pk=acme.pk).update(
        external_id="crm-7", trusted_metadata={"plan": "<b>gold</b>"}
    )

    html = page(admin_client)

    assert 'value="crm-7" readonly' in html
    assert "&quot;plan&quot;: &quot;&lt;b&gt;gold&lt;/b&gt;&quot;" in html
