"""The inbox: what is in it and in which order, how it's counted, and the addresses that lead to it."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from portal.embedded import models
from portal.embedded.scim import drift
from portal.web.availability import REASONS
from scim_admin.views import attention
from tests import factories
from tests.absent import absent
from tests.pages.scim.test_conflicts import add_conflicts, as_reader, values
from tests.pages.scim.test_safeguard import hold, version

PAGE = "/o/acme/scim/attention/"
RESOLVED, DIFFERENCES = f"{PAGE}resolved/", f"{PAGE}differences/"
KINDS = (PAGE, f"{PAGE}deactivations/", f"{PAGE}existing-members/", DIFFERENCES, RESOLVED)


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    return factories.scim_connection(acme)


@pytest.fixture
def full(connection: models.ScimConnectionRow) -> models.ScimConnectionRow:
    """A connection with one item of each kind, and two existing members."""
    fill(connection, conflicts=2, differences=1)
    return connection


def fill(connection: models.ScimConnectionRow, *, conflicts: int, differences: int) -> None:
    connection.hold_started_at = timezone.now() - timedelta(minutes=5)
    connection.save()
    models.ScimSafeguardRow.objects.create(
        organization=connection.organization, connection=connection, deactivated_count=20, user_count=100
    )
    hold(connection, 3)
    add_conflicts(connection, conflicts)
    change(connection, differences)
    names = (f"Team {n:03}" for n in range(differences))
    for group in factories.scim_groups(connection, names):
        factories.group_role(group, "stytch_admin")
        factories.rename(group, f"New {group.display_name}")


def change(connection: models.ScimConnectionRow, number: int) -> None:
    """Add members who were changed manually."""
    for n in range(number):
        address = f"changed{n:03}@acme.example"
        member = factories.member(connection.organization, address, name="Changed here")
        factories.scim_user(connection, address, display_name=f"Okta {n}", member=member)


def page(client: Client, url: str = PAGE, /, **query: str) -> str:
    return " ".join(client.get(url, query).content.decode().split())


def counts(html: str) -> dict[str, str]:
    """Return the numbers of the filter by label."""
    links = re.findall(r'<a href="[^"]*"[^>]*>([^<]*)(?:<span class="count">([^<]*)</span>)? ?</a>', segmented(html))
    return {label.strip(): number for label, number in links}


def segmented(html: str) -> str:
    return html.partition('<nav class="segmented" aria-label="Filter">')[2].partition("</nav>")[0]


def test_every_kind_is_counted_and_shown_with_deactivations_first(
    admin_client: Client, full: models.ScimConnectionRow
) -> None:
    html = page(admin_client)

    assert counts(html) == {
        "All": "5",
        "Deactivations": "1",
        "Existing members": "2",
        "Differences": "2",
        "Resolved": "",
    }
    shown = (
        "3 deactivations are on hold",
        "2 people match existing members",
        "Team 000 was renamed to New Team 000",
        "1 member was changed manually",
        # Ada, and the two existing members.
        "3 members aren’t managed by Okta",
    )
    places = [html.find(title) for title in shown]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("url", KINDS)
def test_each_kind_has_its_address_and_the_same_count_everywhere(
    admin_client: Client, full: models.ScimConnectionRow, url: str
) -> None:
    html = page(admin_client, url)

    assert counts(html)["All"] == "5"
    assert re.findall(r'href="([^"]+)" aria-current="page"', segmented(html)) == [url]
    assert "needs attention: </span>5</span>" in html
    assert re.search(r'aria-current="page">\s*Needs attention <span class="count count-attention">5</span>', html)


@pytest.mark.parametrize(("url", "number"), [("/o/acme/", 5), ("/o/acme/scim/", 3), ("/o/acme/scim/people/", 3)])
def test_the_navigation_counts_differences_only_where_they_are_searched_for(
    admin_client: Client, full: models.ScimConnectionRow, url: str, number: int
) -> None:
    assert f"needs attention: </span>{number}</span>" in page(admin_client, url)


def test_an_empty_inbox_says_so_and_counts_nothing(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    html = page(admin_client)

    assert "Nothing needs your attention" in html
    assert "needs attention: " not in html
    # For information only.
    assert "1 member isn’t managed by Okta" in html
    assert set(counts(html).values()) == {""}


@pytest.mark.parametrize("url", [PAGE, f"{PAGE}existing-members/", f"{DIFFERENCES}?kind=unmanaged"])
def test_members_are_linked(admin_client: Client, full: models.ScimConnectionRow, url: str) -> None:
    member = models.MemberRow.objects.get(email_address="person000@acme.example")

    assert re.search(rf'href="/o/acme/members/[\w-]+{member.pk}/"[^>]*>Person 0</a>', page(admin_client, url))


def test_nothing_is_preselected(admin_client: Client, full: models.ScimConnectionRow) -> None:
    html = page(admin_client)

    assert len(values(html)) == 2
    assert len(re.findall('type="radio"', html)) == 3
    assert "checked" not in html


def test_the_choices_name_their_consequences_in_numbers(admin_client: Client, full: models.ScimConnectionRow) -> None:
    html = page(admin_client)

    assert "<dt>Already deactivated</dt><dd>20</dd>" in html
    assert "<dt>People on hold</dt><dd>3</dd>" in html
    assert "The 3 on hold keep their access until someone decides." in html
    assert "The 20 who were deactivated return when Okta sends them as active." in html
    assert "Show the 3 people" in html
    assert "held002@acme.example" in html


def test_decisions_lead_back_to_the_inbox(admin_client: Client, full: models.ScimConnectionRow) -> None:
    html, base = page(admin_client), "/o/acme/scim/attention"
    [user_id] = re.findall(r'name="user_id" value="([^"]+)"', html)
    [difference] = re.findall(rf'"{user_id}"><input type="hidden" name="version" value="([^"]+)"', html)
    posts: dict[str, dict[str, object]] = {
        f"{base}/deactivations/decide/": {"decision": "keep", "version": version(html)},
        f"{base}/existing-members/decide/": {"decision": "dismiss", "chosen": values(html)[:1]},
        f"{base}/differences/take/": {"user_id": user_id, "version": difference},
    }

    for url, data in posts.items():
        response = admin_client.post(url, {**data, "from": "attention"})
        assert (response.status_code, response["Location"]) == (303, PAGE), url

    assert counts(page(admin_client))["All"] == "3"


def test_decided_members_are_resolved(admin_client: Client, full: models.ScimConnectionRow) -> None:
    first, second = values(page(admin_client))
    decide = f"{PAGE}existing-members/decide/"
    admin_client.post(decide, {"decision": "dismiss", "chosen": first})
    admin_client.post(decide, {"decision": "approve", "chosen": second})

    html = page(admin_client, RESOLVED)

    for shown in ("Okta can manage these members", "Kept separate", "person000@acme.example", "person001@acme.example"):
        assert shown in html
    assert counts(html)["Existing members"] == ""
    for verb, n in (("kept the identity provider from managing", 0), ("let the identity provider manage", 1)):
        assert f"<b>Ada Admin</b> {verb} <b>person00{n}@acme.example</b>" in html
    assert "person00" not in page(admin_client).replace("person000@acme.example isn’t", "")


def test_decisions_about_a_hold_are_resolved_with_who_decided(
    admin_client: Client, full: models.ScimConnectionRow, acme: models.OrganizationRow, settings: Settings
) -> None:
    decide = f"{PAGE}deactivations/decide/"
    assert "No decisions yet" in page(admin_client, RESOLVED)
    admin_client.post(decide, {"decision": "rearm", "version": version(page(admin_client))})

    assert "<b>Ada Admin</b> cleared the hold on deactivations for" in page(admin_client, RESOLVED)
    locked = page(as_reader(settings, acme), RESOLVED)
    assert "decisions-reason" in locked
    assert "Ada Admin" not in locked


def test_decisions_are_listed_page_by_page(
    admin_client: Client, connection: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "_READ", 2)
    add_conflicts(connection, 5)
    chosen = values(page(admin_client))
    admin_client.post(f"{PAGE}existing-members/decide/", {"decision": "dismiss", "chosen": chosen})
    url: str | None = RESOLVED
    seen: list[str] = []
    while url:
        html = admin_client.get(url, headers={"HX-Request": "true", "HX-Target": "decisions-more"}).content.decode()
        seen += re.findall(r"<b>(person\d+)@", html)
        found = re.search(r'hx-get="([^"]*cursor=[^"]*)"', html)
        url = found.group(1).replace("&amp;", "&") if found else None

    assert sorted(seen) == [f"person{n:03}" for n in range(5)]


def test_only_some_items_of_each_kind_are_shown(admin_client: Client, connection: models.ScimConnectionRow) -> None:
    fill(connection, conflicts=7, differences=8)

    html = page(admin_client)

    assert len(values(html)) == 5
    assert len(re.findall(r'name="user_id"', html)) == 5
    assert len(re.findall(r"was renamed to", html)) == 5
    assert "View all 7" in html
    assert f'href="{DIFFERENCES}">View all differences' in html
    assert counts(html)["Differences"] == "16"


def test_differences_that_were_not_all_searched_are_counted_so_far(
    admin_client: Client, connection: models.ScimConnectionRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "_MAX_COMPARED", 3)
    change(connection, 4)

    html = page(admin_client)

    assert counts(html)["Differences"] == "3+"
    assert "View all differences" in html


@pytest.mark.parametrize("number", [1, 20])
def test_the_number_of_queries_does_not_grow(
    admin_client: Client,
    connection: models.ScimConnectionRow,
    django_assert_num_queries: DjangoAssertNumQueries,
    number: int,
) -> None:
    fill(connection, conflicts=number, differences=number)
    admin_client.get(PAGE)

    # Session, connection. On hold: connection, numbers, people and groups counted, connection, people. Existing members.
    # Differences: connection, people, groups twice. Members who aren't managed: connection, members twice.
    with django_assert_num_queries(16):
        admin_client.get(PAGE)


def test_a_member_without_the_permission_sees_who_can_help(
    acme: models.OrganizationRow, full: models.ScimConnectionRow, settings: Settings
) -> None:
    html = page(as_reader(settings, acme))

    for shown in ("3 deactivations are on hold", "person000@acme.example", "changed000@acme.example"):
        assert shown in html
    assert "/o/acme/members/" not in html.partition("<main")[2]
    assert {"hold-reason", "decide-reason", "take-reason"} <= set(re.findall(r'id="([\w-]+)"', html))
    assert "Keep roles" not in html
    assert 'type="radio"' not in html
    assert values(html) == []


def test_another_organizations_items_are_not_shown(
    other_admin_client: Client, full: models.ScimConnectionRow, globex: models.OrganizationRow
) -> None:
    factories.scim_connection(globex)
    theirs = PAGE.replace("acme", "globex")

    assert other_admin_client.get(PAGE).status_code == 404
    assert "acme.example" not in page(other_admin_client, theirs)


@pytest.mark.parametrize("url", [PAGE, RESOLVED])
def test_without_a_connection_the_page_says_so(admin_client: Client, url: str) -> None:
    assert "No identity provider is connected" in page(admin_client, url)


@pytest.mark.parametrize("url", [PAGE, RESOLVED])
def test_a_directory_without_any_of_it_shows_the_reason(
    admin_client: Client, connection: models.ScimConnectionRow, url: str
) -> None:
    with absent("conflicts", "safeguard", "drift"):
        response = admin_client.get(url)
        overview = page(admin_client, "/o/acme/scim/")

    assert response.status_code == 200
    assert "Not available with this directory" in response.content.decode()
    assert REASONS["attention"].partition("'")[0] in response.content.decode()
    assert PAGE not in overview


@pytest.mark.parametrize(
    ("noun", "label"), [("conflicts", "Existing members"), ("safeguard", "Deactivations"), ("drift", "Differences")]
)
def test_a_kind_that_the_directory_lacks_is_left_out(
    admin_client: Client, full: models.ScimConnectionRow, noun: str, label: str
) -> None:
    with absent(noun):
        response = admin_client.get(PAGE)
        html = " ".join(response.content.decode().split())

    assert response.status_code == 200
    assert label not in counts(html)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("conflicts", "existing-members"),
        ("safeguard", "deactivations"),
        ("brake", "deactivations"),
        ("drift", "differences"),
    ],
)
def test_the_addresses_of_earlier_versions_redirect_permanently_with_their_query(
    admin_client: Client, old: str, new: str
) -> None:
    for query in ("", "?kind=unmanaged&limit=25"):
        response = admin_client.get(f"/o/acme/scim/{old}/{query}")
        assert (response.status_code, response["Location"]) == (301, f"{PAGE}{new}/{query}")
