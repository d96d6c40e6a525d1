"""The conflict list: its states, the decision, and the domains that are always linked."""

import re
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from portal.directory.errors import Unavailable
from portal.directory.policy import DEFAULT_POLICY, Policy, Role
from portal.embedded import models
from portal.embedded.scim.conflicts import EmbeddedScimConflicts
from tests import factories
from tests.absent import absent

PAGE = "/o/acme/scim/attention/existing-members/"
DECIDE, DOMAIN, STOP = f"{PAGE}decide/", f"{PAGE}domain/", f"{PAGE}domain/stop/"


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


def add_conflicts(connection: models.ScimConnectionRow, number: int) -> None:
    for n in range(number):
        member = factories.member(connection.organization, f"person{n:03}@acme.example", name=f"Person {n}")
        factories.scim_conflict(connection, member, user_name=f"wanted{n:03}")


def values(html: str) -> list[str]:
    return re.findall(r'name="chosen"\s+value="([^"]+)"', html)


def page(client: Client, url: str = PAGE, /, **query: str) -> str:
    return client.get(url, query).content.decode()


def as_reader(settings: Settings, acme: models.OrganizationRow) -> Client:
    """Sign in a member who may see conflicts but not decide."""
    reader = Role("reader", {"stytch.scim": frozenset({"get"})})
    settings.RBAC_POLICY = DEFAULT_POLICY.extended_by(Policy(roles={"reader": reader}, resources={}))
    return factories.signed_in(factories.member(acme, "reader@acme.example", roles=["reader"]))


def test_the_member_and_the_identity_providers_user_are_shown(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    add_conflicts(connection, 1)

    html = page(admin_client)

    for shown in ("person000@acme.example", "Person 0", "wanted000", "Member", "Member since", "Let Okta manage"):
        assert shown in html


@pytest.mark.parametrize("url", ["/o/acme/", "/o/acme/scim/"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_home_and_overview_show_how_many_wait(
    admin_client: Client, connection: models.ScimConnectionRow, url: str, number: int
) -> None:
    add_conflicts(connection, number)

    html = page(admin_client, url)

    words = "existing member" if url == "/o/acme/" else "Existing members are waiting for your decision"
    assert (words in html) is bool(number)
    assert (f'href="{PAGE}"' in html) is bool(number)
    assert number != 2 or "2 people" in html
    assert not number or "Nothing needs your attention" not in html


def test_conflicts_are_listed_page_by_page(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    add_conflicts(connection, 30)
    url: str | None = f"{PAGE}?limit=25"
    seen: list[str] = []
    while url:
        html = admin_client.get(url, headers={"HX-Request": "true", "HX-Target": "conflicts-more"}).content.decode()
        seen += values(html)
        found = re.search(r'hx-get="([^"]*cursor=[^"]*)"', html)
        url = found.group(1).replace("&amp;", "&") if found else None

    assert len(set(seen)) == len(seen) == 30


@pytest.mark.parametrize("number", [5, 45])
def test_the_number_of_queries_is_independent_of_the_number_of_conflicts(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    add_conflicts(connection, number)
    admin_client.get(PAGE)

    # Session, connection, conflicts. For the number of differences: connection, people, group roles, connection.
    with django_assert_num_queries(7):
        admin_client.get(PAGE)


@pytest.mark.parametrize(
    ("decision", "state", "text"),
    [
        ("approve", "approved", "Okta can now manage 2 members."),
        ("dismiss", "dismissed", "2 members stay separate from Okta."),
    ],
)
def test_the_chosen_conflicts_are_decided_and_counted(
    admin_client: Client, connection: models.ScimConnectionRow, decision: str, state: str, text: str
) -> None:
    add_conflicts(connection, 3)
    chosen = values(page(admin_client))[:2]

    response = admin_client.post(DECIDE, {"chosen": chosen, "decision": decision})

    assert (response.status_code, response["Location"]) == (303, PAGE)
    html = page(admin_client)
    assert text in html
    assert len(values(html)) == 1
    assert len(values(page(admin_client, state=state))) == 2
    if state == "approved":
        assert "Dashboard › Tasks" in page(admin_client, state=state)


def test_all_shown_conflicts_are_decided_without_javascript(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    add_conflicts(connection, 26)
    found = re.search(r'name="on_page" value="([^"]+)"', page(admin_client, limit="25"))
    assert found

    admin_client.post(f"{DECIDE}?limit=25", {"on_page": [found.group(1)], "all_shown": "1", "decision": "approve"})

    assert models.ScimConflictRow.objects.exclude(approved_at=None).count() == 25


def test_a_decision_without_a_choice_explains_what_to_do(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    add_conflicts(connection, 1)

    response = admin_client.post(DECIDE, {"decision": "approve"})

    assert response.status_code == 422
    assert "Choose at least one person." in response.content.decode()
    assert "person000@acme.example" in response.content.decode()


def test_the_second_of_two_admins_sees_a_conflict_and_keeps_the_choice(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    add_conflicts(connection, 26)
    both = values(page(admin_client))[:2]
    admin_client.post(DECIDE, {"chosen": both[:1], "decision": "dismiss"})

    response = admin_client.post(f"{DECIDE}?limit=25", {"chosen": both, "decision": "approve"})

    html = response.content.decode()
    assert response.status_code == 409
    assert "Someone else decided in the meantime" in html
    assert re.findall(r'value="([^"]+)"\s+form="decide"\s+aria-label="[^"]+"\s+checked', html) == both[1:]
    assert not models.ScimConflictRow.objects.exclude(approved_at=None).exists()
    # Load more uses the URL of the list.
    assert f"{DECIDE}?" not in html.replace(f'action="{DECIDE}?', "")


@pytest.mark.parametrize(
    "chosen", ["none", ":", "scim-conflict-live-00000000-0000-0000-0000-000000000000:x", "x" * 999]
)
def test_unknown_choices_are_a_conflict(
    admin_client: Client, connection: models.ScimConnectionRow, chosen: str
) -> None:
    add_conflicts(connection, 1)

    assert admin_client.post(DECIDE, {"chosen": chosen, "decision": "approve"}).status_code == 409


def test_another_organizations_conflict_is_not_decided(
    other_admin_client: Client,
    connection: models.ScimConnectionRow,
    globex: models.OrganizationRow,
    admin_client: Client,
) -> None:
    add_conflicts(connection, 1)
    factories.scim_connection(globex)
    chosen = values(page(admin_client))

    response = other_admin_client.post(DECIDE.replace("acme", "globex"), {"chosen": chosen, "decision": "approve"})

    assert response.status_code == 409
    assert "acme.example" not in response.content.decode()
    assert not models.ScimConflictRow.objects.exclude(approved_at=None).exists()
    assert other_admin_client.get(PAGE).status_code == 404


def test_a_reader_sees_the_list_and_who_can_decide(
    acme: models.OrganizationRow, connection: models.ScimConnectionRow, settings: Settings
) -> None:
    add_conflicts(connection, 1)
    client = as_reader(settings, acme)

    html = page(client)

    assert "person000@acme.example" in html
    assert values(html) == []
    assert "let you change the SCIM connection" in html
    assert "Always allow a domain" not in html
    conflict = models.ScimConflictRow.objects.get()
    chosen = f"scim-conflict-live-{conflict.pk}:version"
    assert client.post(DECIDE, {"chosen": chosen, "decision": "approve"}).status_code == 403
    assert client.post(DOMAIN, {"domain": "acme.example"}).status_code == 403


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("waiting", "No pending decisions"),
        ("approved", "No approved members"),
        ("dismissed", "No members were kept separate"),
    ],
)
def test_an_empty_list_explains_itself(
    admin_client: Client, connection: models.ScimConnectionRow, state: str, text: str
) -> None:
    assert text in page(admin_client, state=state)


@pytest.mark.parametrize(
    ("query", "said"), [({"limit": "7"}, "Use "), ({"state": "other"}, "Choose one of the lists above.")]
)
def test_an_invalid_query_explains_what_is_valid(
    admin_client: Client, connection: models.ScimConnectionRow, query: dict[str, str], said: str
) -> None:
    response = admin_client.get(PAGE, query)

    assert response.status_code == 422
    assert said in response.content.decode()


def test_the_page_needs_a_connection(admin_client: Client) -> None:
    for url in (PAGE, DOMAIN):
        assert "No identity provider is connected" in page(admin_client, url)


def test_an_invalid_cursor_starts_the_list_again(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    add_conflicts(connection, 1)

    html = page(admin_client, cursor="forged")

    assert "The list starts again" in html
    assert len(values(html)) == 1


def test_a_failed_load_does_not_look_empty(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    with patch.object(EmbeddedScimConflicts, "page", side_effect=Unavailable("The directory does not answer.")):
        response = admin_client.get(PAGE)

    assert response.status_code == 503
    assert "No pending decisions" not in response.content.decode()


@pytest.mark.parametrize("url", [PAGE, DOMAIN])
def test_a_directory_without_conflicts_shows_the_reason(
    admin_client: Client, connection: models.ScimConnectionRow, url: str
) -> None:
    with absent("conflicts"):
        response = admin_client.get(url)

    assert response.status_code == 200
    assert "Not available with this directory" in response.content.decode()


def post_domain(client: Client, domain: str) -> Any:
    return client.post(DOMAIN, {"domain": domain})


def test_a_domain_shows_what_it_means_before_it_is_allowed(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    add_conflicts(connection, 2)

    html = page(admin_client, DOMAIN, domain="ACME.example")

    assert "2 existing members who wait for a decision now are approved." in html
    assert "Always allow acme.example" in html
    assert models.OrganizationRow.objects.get(slug="acme").email_allowed_domains == []

    assert post_domain(admin_client, "acme.example").status_code == 303
    assert models.OrganizationRow.objects.get(slug="acme").email_allowed_domains == ["acme.example"]
    entry = models.ActivityEntryRow.objects.get(action="organization.update")
    assert (entry.before, entry.after) == (
        {"email_allowed_domains": []},
        {"email_allowed_domains": ["acme.example"]},
    )


def test_a_domain_is_removed_even_if_only_the_operator_could_allow_it(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    models.OrganizationRow.objects.filter(slug="acme").update(email_allowed_domains=["Acme.example", "gmail.com"])
    html = page(admin_client, DOMAIN)
    assert re.findall(r"Remove<span[^>]*> ([^<]+)<", html) == ["Acme.example", "gmail.com"]
    assert "Remove<span" not in page(admin_client, DOMAIN, domain="other.example")

    for left in (["gmail.com"], []):
        [domain, *_] = re.findall(r'name="domain" value="([^"]+)"', page(admin_client, DOMAIN))
        response = admin_client.post(STOP, {"domain": domain})
        assert (response.status_code, response["Location"]) == (303, DOMAIN)
        assert models.OrganizationRow.objects.get(slug="acme").email_allowed_domains == left

    html = page(admin_client, DOMAIN)
    assert "an address at gmail.com now wait for your decision" in html
    assert "No domains are allowed yet" in html
    entries = models.ActivityEntryRow.objects.filter(action="organization.update").order_by("pk")
    assert [entry.after["email_allowed_domains"] for entry in entries] == [["gmail.com"], []]
    assert {entry.actor_name for entry in entries} == {"Ada Admin"}


def test_the_list_of_domains_changes_only_after_a_recent_proof(
    admin_client: Client, connection: models.ScimConnectionRow
) -> None:
    models.OrganizationRow.objects.filter(slug="acme").update(email_allowed_domains=["acme.example"])
    factories.forget_password_entry()

    for url, domain, back in ((STOP, "acme.example", DOMAIN), (DOMAIN, "new.example", f"{DOMAIN}?domain=new.example")):
        asked = admin_client.post(url, {"domain": domain})
        assert asked["Location"] == f"/o/acme/confirm/?{urlencode({'next': back})}"
    assert models.OrganizationRow.objects.get(slug="acme").email_allowed_domains == ["acme.example"]


@pytest.mark.parametrize("form", [{}, {"domain": ""}, {"domain": "never.example"}, {"domain": "x" * 300}])
def test_removing_a_domain_that_is_not_linked_does_nothing(
    admin_client: Client, connection: models.ScimConnectionRow, form: dict[str, str]
) -> None:
    models.OrganizationRow.objects.filter(slug="acme").update(email_allowed_domains=["acme.example"])

    assert admin_client.post(STOP, form).status_code == 303
    assert models.OrganizationRow.objects.get(slug="acme").email_allowed_domains == ["acme.example"]
    assert not models.ActivityEntryRow.objects.filter(action="organization.update").exists()


@pytest.mark.parametrize("domain", ["", "gmail.com", "not a domain"])
def test_a_domain_that_cannot_be_allowed_is_rejected_with_the_reason(
    admin_client: Client, connection: models.ScimConnectionRow, domain: str
) -> None:
    response = post_domain(admin_client, domain)

    assert response.status_code == 422
    assert 'id="id_domain_error"' in response.content.decode()


def test_a_domain_needs_both_permissions(
    acme: models.OrganizationRow, connection: models.ScimConnectionRow, settings: Settings
) -> None:
    role = Role(
        "domains",
        {
            "stytch.scim": frozenset({"get"}),
            "stytch.organization": frozenset({"update.settings.allowed-domains"}),
        },
    )
    settings.RBAC_POLICY = DEFAULT_POLICY.extended_by(Policy(roles={"domains": role}, resources={}))
    client = factories.signed_in(factories.member(acme, "dora@acme.example", roles=["domains"]))

    assert "disabled" in page(client, DOMAIN, domain="acme.example")
    assert post_domain(client, "acme.example").status_code == 403
    assert models.OrganizationRow.objects.get(slug="acme").email_allowed_domains == []

    models.OrganizationRow.objects.filter(slug="acme").update(email_allowed_domains=["acme.example"])
    assert "stop-reason" in page(client, DOMAIN)
    assert client.post(STOP, {"domain": "acme.example"}).status_code == 403
    assert models.OrganizationRow.objects.get(slug="acme").email_allowed_domains == ["acme.example"]
