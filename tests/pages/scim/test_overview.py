"""The overview: numbers with links, requests by the hour, roles from groups, and the most urgent thing first."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from portal.embedded import models
from portal.embedded.counts import count_organization
from portal.embedded.directory import EmbeddedDirectory
from tests import factories
from tests.absent import absent
from tests.pages.home.test_home import panel, text_of, tiles

OVERVIEW = "/o/acme/scim/"


@pytest.fixture
def okta(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def overview(client: Client) -> str:
    page: str = client.get(OVERVIEW).content.decode()
    return page


def test_the_tiles_link_to_what_they_count(admin_client: Client, okta: models.ScimConnectionRow) -> None:
    factories.provisioned(okta, "pia@acme.example")
    models.ScimUserRow.objects.filter(pk=factories.provisioned(okta, "max@acme.example").pk).update(active=False)
    factories.group_role(factories.scim_groups(okta, ["Engineering", "Sales"])[0], "stytch_admin")

    page = overview(admin_client)

    assert tiles(page)[:2] == ["People 2 1 active, 1 deactivated", "Groups 2 1 grants roles"]
    urls = re.findall(r'<a class="tile" href="([^"]*)"', page)
    assert urls == [f"{OVERVIEW}people/", f"{OVERVIEW}groups/", f"{OVERVIEW}log/", f"{OVERVIEW}settings/#token"]


def test_a_new_connection_has_nothing_yet(admin_client: Client, okta: models.ScimConnectionRow) -> None:
    page = overview(admin_client)

    assert tiles(page)[:3] == [
        "People 0 None yet",
        "Groups 0",
        "Last request None yet The live check shows the first one",
    ]
    assert "No requests from Okta in the last 24 hours." in page
    assert "Groups that Okta pushes can grant roles." in text_of(panel(page, "roles-heading"))
    assert "<rect" not in panel(page, "traffic-heading")


def test_the_chart_has_its_numbers_in_words(admin_client: Client, okta: models.ScimConnectionRow) -> None:
    now = timezone.now().replace(minute=30)
    with time_machine.travel(now, tick=False):
        for hours, number, status in ((30, 5, 200), (3, 2, 200), (3, 3, 409), (0, 1, 200)):
            for _ in range(number):
                factories.scim_request(okta, at=now - timedelta(hours=hours), status=status)
        client = factories.signed_in(factories.member(okta.organization, "eve@acme.example", roles=["stytch_admin"]))
        shown = panel(overview(client), "traffic-heading")

    words = text_of(shown)
    assert "6 requests, 3 failed" in words
    assert f"6 in total. 3 failed, all within the hour from {now - timedelta(hours=3):%H}:00 UTC." in words
    rows = [text_of(row) for row in re.findall(r"<tr>.*?</tr>", shown, re.DOTALL)]
    assert [row.rpartition("UTC ")[2] for row in rows[1:]] == ["2 3", "1 0"]
    assert (shown.count('class="ok"'), shown.count('class="bad"')) == (2, 1)
    assert "style=" not in shown


def test_the_number_of_failures_links_to_them(admin_client: Client, okta: models.ScimConnectionRow) -> None:
    for status in (200, 404, 409):
        factories.scim_request(okta, status=status)

    link = re.search(r'<a href="([^"]*)">2 failed</a>', overview(admin_client))

    assert link
    assert "All 2 shown" in admin_client.get(link.group(1).replace("&amp;", "&")).content.decode()


def test_roles_from_groups_have_groups_and_people(
    admin_client: Client, acme: models.OrganizationRow, okta: models.ScimConnectionRow
) -> None:
    first, second, _ = factories.scim_groups(okta, ["Engineering", "Sales", "Other"])
    for name in ("pia", "max"):
        factories.put_in_group(first, [factories.provisioned(okta, f"{name}@acme.example")])
    factories.group_role(first, "stytch_admin")
    factories.group_role(second, "editor")
    factories.group_role(first, "editor")
    shown = text_of(panel(overview(admin_client), "roles-heading"))
    assert "Admin 1 group Editor 2 groups 1 group grants no role. Assign roles" in shown

    count_organization(acme.pk)

    page = panel(overview(admin_client), "roles-heading")
    assert "Admin 1 group 2 people Editor 2 groups 2 people" in text_of(page)
    assert f'href="{OVERVIEW}groups/?roles=with"' in page
    assert f'href="{OVERVIEW}groups/?roles=without"' in page


def test_the_connection_has_its_contacts(
    admin_client: Client, acme: models.OrganizationRow, okta: models.ScimConnectionRow
) -> None:
    assert "Contacts None Add contacts" in text_of(panel(overview(admin_client), "connection"))
    models.ScimContactRow.objects.create(organization=acme, connection=okta, email_address="it@acme.example")

    shown = panel(overview(admin_client), "connection")

    assert "Contacts it@acme.example Edit contacts" in text_of(shown)
    assert f'href="{OVERVIEW}settings/#contacts"' in shown
    assert f"Created {okta.created_at:%-d %b %Y}" in text_of(shown)


def test_only_the_most_urgent_notice_is_shown(admin_client: Client, okta: models.ScimConnectionRow) -> None:
    okta.tokens.update(expires_at=timezone.now() + timedelta(days=3))
    assert "The SCIM token expires within 7 days" in overview(admin_client)
    factories.provisioned(okta, "pia@acme.example")
    models.ScimUserRow.objects.update(cannot_sign_in=True)
    assert "Some people can’t sign in" in overview(admin_client)
    models.ScimConnectionRow.objects.update(attention="The last admin stays.", attention_at=timezone.now())
    assert "The last admin stays." in overview(admin_client)
    models.ScimConnectionRow.objects.update(waiting_conflicts=2)
    assert "Existing members are waiting for your decision" in overview(admin_client)
    okta.tokens.update(expires_at=timezone.now() - timedelta(days=3))
    assert "The SCIM token has expired" in overview(admin_client)
    models.ScimConnectionRow.objects.update(hold_started_at=timezone.now())

    page = overview(admin_client)

    assert "Deactivations are on hold" in page
    assert page.count('class="notice ') - page.count("<template") == 1
    assert f'<a class="btn" href="{OVERVIEW}attention/deactivations/">Review</a>' in page


def test_get_groups_is_a_button_that_fetches_them(admin_client: Client, okta: models.ScimConnectionRow) -> None:
    page = overview(admin_client)

    assert re.findall(r'hx-target="#groups"[^>]*>([^<]*)<', page) == ["Get groups"]
    assert f'hx-get="{OVERVIEW}?groups=shown"' in page


def test_a_directory_without_numbers_and_logs_shows_the_rest(
    admin_client: Client, okta: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EmbeddedDirectory, "counts", None)
    with absent("log", "health", "contacts", "users"):
        page = overview(admin_client)

    assert [tile.partition(" in ")[0] for tile in tiles(page)] == ["Token expires"]
    assert panel(page, "traffic-heading") == panel(page, "roles-heading") == ""
    assert "Get groups" in page
    assert "Contacts" not in panel(page, "connection")
