"""Settings › Embedding: the origins whose pages can show the portal, and the tickets of their frames."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from django.utils.html import escape
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directory.configuration import Embed, ProjectConfiguration
from portal.directory.frames import EmbedArea
from portal.directory.permissions import Permission
from portal.directory.policy import DEFAULT_POLICY, Policy, Role
from portal.embedded import models
from tests import factories
from tests.embedded.embedding.conftest import browser, product, register, wanted

PAGE = "/o/acme/settings/embedding/"
ADD, REMOVE = f"{PAGE}origins/add/", f"{PAGE}origins/remove/"
ORIGIN, OTHER = "https://app.example.com", "https://other.example.com"


@pytest.fixture(autouse=True)
def _configured(settings: Settings) -> None:
    settings.EMBED_URL = "https://embed.example.com"


def page(client: Client, url: str = PAGE) -> str:
    return " ".join(client.get(url).content.decode().split())


def origins_of(acme: models.OrganizationRow) -> list[str]:
    acme.refresh_from_db()
    return list(acme.embed_origins)


def ticket(member: models.MemberRow, **more: object) -> str:
    register(member.organization, ORIGIN)
    return product().embedding.create_ticket(wanted(member, **more)).ticket


def with_permission(acme: models.OrganizationRow, settings: Settings, *permissions: Permission) -> Client:
    """Sign in as a member who has only these."""
    actions = frozenset(permission.partition(":")[2] for permission in permissions)
    role = Role("some", {"gatehouse.embedding": actions})
    settings.RBAC_POLICY = DEFAULT_POLICY.extended_by(Policy(roles={"some": role}, resources={}))
    return factories.signed_in(factories.member(acme, "some@acme.example", roles=["some"]))


# --- Origins ----------------------------------------------------------------------------------------------------------


def test_without_origins_and_tickets_the_page_says_how_they_come(admin_client: Client) -> None:
    html = page(admin_client)

    assert f'<a href="{PAGE}" aria-current="page"> Embedding </a>' in html
    assert "No origins yet" in html
    assert "No tickets in the last day" in html
    assert "set up on this server" not in html


def test_a_server_without_a_host_for_frames_says_so_in_plain_words(admin_client: Client, settings: Settings) -> None:
    settings.EMBED_URL = ""

    html = page(admin_client)

    assert "Embedding isn’t set up on this server" in html
    assert "EMBED_URL" not in html


def test_an_origin_is_added_and_removed(acme: models.OrganizationRow, admin_client: Client) -> None:
    assert f'href="{ADD}"' in page(admin_client)
    response = admin_client.post(ADD, {"origin": f" {ORIGIN} "})
    assert (response.status_code, response["Location"]) == (303, PAGE)
    assert origins_of(acme) == [ORIGIN]
    html = page(admin_client)
    assert f"Pages of {ORIGIN} can embed the portal now." in html
    remove = f"{REMOVE}?origin=https%3A//app.example.com"
    assert f'href="{remove}"' in html
    assert f"Remove {ORIGIN}?" in page(admin_client, remove)
    assert origins_of(acme) == [ORIGIN]

    assert admin_client.post(REMOVE, {"origin": ORIGIN}).status_code == 303

    assert origins_of(acme) == []
    assert "can no longer embed the portal." in page(admin_client)
    assert admin_client.post(REMOVE, {"origin": ORIGIN}).status_code == 404
    assert admin_client.get(REMOVE).status_code == 404


@pytest.mark.parametrize(
    ("origin", "reason"),
    [
        ("", "This field is required."),
        ("https://*.example.com", "A wildcard would let every page of these hosts embed the portal"),
        ("http://app.example.com", "Use https."),
        ("https://app.example.com/", "no path and no slash at the end: https://app.example.com."),
        ("app.example.com", "An origin is https:// and a host"),
        ("https://app.example.com\0", "Null characters are not allowed."),
        ("<script>", "lower case"),
        (ORIGIN, "is registered already."),
        (OTHER, "is registered for every organization"),
    ],
)
def test_what_is_not_an_origin_or_is_one_already_is_rejected_with_the_reason(
    acme: models.OrganizationRow, admin_client: Client, settings: Settings, origin: str, reason: str
) -> None:
    settings.PROJECT = ProjectConfiguration(embed=Embed(origins=(OTHER,)))
    register(acme, ORIGIN)

    response = admin_client.post(ADD, {"origin": origin})

    assert response.status_code == 422
    html = response.content.decode()
    assert 'id="id_origin_error"' in html
    assert reason in html or origin == "<script>"
    assert "<script>" not in html.partition("<main")[2]
    assert origins_of(acme) == [ORIGIN]


def test_origins_of_the_project_are_shown_and_stay(
    acme: models.OrganizationRow, admin_client: Client, settings: Settings
) -> None:
    settings.PROJECT = ProjectConfiguration(embed=Embed(origins=(OTHER,)))

    html = page(admin_client)

    assert OTHER in html
    assert "For every organization. Only your provider can change it." in html
    assert "Remove…" not in html
    assert admin_client.post(REMOVE, {"origin": OTHER}).status_code == 404


def test_an_organization_with_all_its_origins_can_add_no_other(
    acme: models.OrganizationRow, admin_client: Client
) -> None:
    register(acme, *(f"https://app{number}.example.com" for number in range(20)))

    html = page(admin_client)

    assert "An organization has at most 20 origins." in html
    assert f'href="{ADD}"' not in html
    assert admin_client.post(ADD, {"origin": ORIGIN}).status_code == 422


def test_changing_origins_asks_who_it_is_and_keeps_what_was_typed(
    acme: models.OrganizationRow, admin_client: Client
) -> None:
    register(acme, OTHER)
    factories.forget_password_entry()

    for response in (admin_client.get(ADD), admin_client.post(ADD, {"origin": ORIGIN})):
        assert response.status_code == 303
        assert response["Location"].startswith("/o/acme/confirm/?next=")
    assert "origin%3Dhttps%253A%252F%252Fapp.example.com" in response["Location"]
    assert admin_client.post(REMOVE, {"origin": OTHER})["Location"].startswith("/o/acme/confirm/")
    assert origins_of(acme) == [OTHER]


def test_the_form_has_what_was_typed_before_the_proof(admin_client: Client) -> None:
    assert f'value="{ORIGIN}"' in page(admin_client, f"{ADD}?origin={ORIGIN}")


# --- Tickets ----------------------------------------------------------------------------------------------------------


def test_tickets_are_listed_newest_first_with_what_they_open(
    acme: models.OrganizationRow, admin: models.MemberRow, member: models.MemberRow
) -> None:
    client = factories.signed_in(admin)
    ticket(member, areas=(EmbedArea.HOME, EmbedArea.SCIM), read_only=True)
    used = ticket(admin)
    browser().embedding.enter(used, parent_origin=ORIGIN)

    html = page(client)

    rows = re.findall(r'<td class="lead">.*?</tr>', html)
    assert len(rows) == 2
    assert "Ada Admin" in rows[0]
    assert "Used" in rows[0]
    assert "Members, SCIM" in rows[0]
    assert "Read-only" not in rows[0]
    assert "Max Member" in rows[1]
    assert ORIGIN in rows[1]
    assert "Home, SCIM" in rows[1]
    assert "Read-only" in rows[1]
    assert "Open" in rows[1]
    assert f'href="/o/acme/members/{client_id(member)}/"' in rows[1]
    assert used not in html
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        assert "Expired" in page(client)


def client_id(member: models.MemberRow) -> str:
    return f"member-live-{member.pk}"


def test_a_ticket_is_revoked_and_its_frame_ends(
    acme: models.OrganizationRow, admin: models.MemberRow, member: models.MemberRow
) -> None:
    client = factories.signed_in(admin)
    signed_in = browser().embedding.enter(ticket(member), parent_origin=ORIGIN)
    found = re.search(r'action="([^"]*/revoke/)"', page(client))
    assert found

    response = client.post(found.group(1))

    assert (response.status_code, response["Location"]) == (303, PAGE)
    html = page(client)
    assert "Ticket revoked. Its frame no longer works." in html
    assert "/revoke/" not in html
    row = models.MemberSessionRow.objects.get(
        pk=signed_in.session.member_session_id.removeprefix("member-session-live-")
    )
    assert row.revoked_at is not None
    assert client.post(f"{PAGE}tickets/embed-ticket-live-{acme.pk}/revoke/").status_code == 404


def test_many_tickets_are_loaded_page_by_page_with_as_many_queries(
    admin: models.MemberRow, member: models.MemberRow, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = factories.signed_in(admin)
    for _ in range(30):
        ticket(member)
    with django_assert_max_num_queries(6):
        html = page(client, f"{PAGE}?limit=25")
    more = re.search(r'hx-get="([^"]*cursor=[^"]*)"', html)
    assert more
    assert html.count('<td class="lead">') == 25

    with django_assert_max_num_queries(6):
        response = client.get(
            more.group(1).replace("&amp;", "&"), headers={"HX-Request": "true", "HX-Target": "tickets-more"}
        )

    assert response.content.decode().count('<td class="lead">') == 5
    assert "<html" not in response.content.decode()
    stale = client.get(f"{PAGE}?cursor=x", headers={"HX-Request": "true", "HX-Target": "tickets-more"})
    assert stale["HX-Retarget"] == "#tickets"
    assert client.get(f"{PAGE}?limit=7").status_code == 422


# --- Who may see and do what ------------------------------------------------------------------------------------------


def test_members_without_the_permission_see_why_they_are_kept_out(member_client: Client) -> None:
    response = member_client.get(PAGE)

    assert response.status_code == 403
    assert "see where the portal is embedded" in response.content.decode()


def test_who_only_may_see_changes_nothing(
    acme: models.OrganizationRow, settings: Settings, member: models.MemberRow
) -> None:
    client = with_permission(acme, settings, Permission.EMBEDDING_GET)
    ticket(member)
    html = page(client)

    assert escape("Your roles don’t let you choose which pages can embed the portal.") in html
    assert f'href="{ADD}"' not in html
    assert "Remove…" not in html
    assert "/revoke/" not in html
    # Their roles don't let them open members, either.
    assert "/o/acme/members/member-live" not in html
    key = models.EmbedTicketRow.objects.get().pk
    for url in (ADD, REMOVE, f"{PAGE}tickets/embed-ticket-live-{key}/revoke/"):
        assert client.post(url, {"origin": ORIGIN}).status_code == 403
    assert origins_of(acme) == [ORIGIN]
    assert models.EmbedTicketRow.objects.get().revoked_at is None


def test_another_organizations_tickets_are_not_found(
    acme: models.OrganizationRow, admin_client: Client, other_admin: models.MemberRow
) -> None:
    register(other_admin.organization, ORIGIN)
    product("globex").embedding.create_ticket(wanted(other_admin))
    key = models.EmbedTicketRow.objects.get().pk

    assert "No tickets in the last day" in page(admin_client)
    assert admin_client.post(f"{PAGE}tickets/embed-ticket-live-{key}/revoke/").status_code == 404
    assert models.EmbedTicketRow.objects.get().revoked_at is None
