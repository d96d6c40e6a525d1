"""The inbox in a browser: every kind on one page, decided by mouse, by keyboard, on a phone and without scripts."""

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from portal.embedded import models
from tests import factories
from tests.browser.conftest import Portal, check_accessibility, overflow
from tests.scim_server.conftest import Idp

pytestmark = pytest.mark.browser
KINDS = ("All", "Deactivations", "Existing members", "Differences", "Resolved")


@pytest.fixture
def full(embedded: Portal) -> Portal:
    """Acme, with items of every kind."""
    connection = models.ScimConnectionRow.objects.get(organization__slug="acme")
    Idp(connection, "scim_token-of-acme").create_user("grace@acme.example", displayName="Grace Hopper")
    models.MemberRow.objects.filter(email_address="grace@acme.example").update(name="Grace H.")
    group = models.ScimGroupRow.objects.filter(connection=connection).first()
    assert group
    factories.group_role(group, "stytch_admin")
    factories.rename(group, "A new name")
    factories.scim_conflict(connection, factories.member(connection.organization, "old@acme.example", name="Olga Old"))
    now = timezone.now()
    models.ScimConnectionRow.objects.update(hold_started_at=now)
    keys = models.ScimUserRow.objects.values_list("pk", flat=True)[:2]
    models.ScimUserRow.objects.filter(pk__in=list(keys)).update(deactivation_held_at=now)
    return embedded


def open_attention(portal: Portal, page: Page) -> None:
    portal.sign_in(page)
    page.goto(f"{portal.url}/o/acme/scim/")
    page.locator("#scim-sections").get_by_role("link", name="Needs attention").click()
    expect(page.get_by_role("heading", name="2 deactivations are on hold")).to_be_visible()


def test_every_kind_is_shown_and_has_a_page(full: Portal, page: Page) -> None:
    open_attention(full, page)
    for heading in (
        "1 person matches an existing member",
        "was renamed to A new name",
        "1 member was changed manually",
    ):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    check_accessibility(page)

    for kind in KINDS:
        page.get_by_label("Filter").get_by_role("link", name=kind).click()
        expect(page.get_by_label("Filter").get_by_role("link", name=kind)).to_have_attribute("aria-current", "page")
        check_accessibility(page)


def test_decisions_lead_back_to_the_inbox_until_it_is_empty(full: Portal, page: Page) -> None:
    open_attention(full, page)

    page.get_by_label("Select old@acme.example").check()
    page.get_by_role("button", name="Let Okta manage").click()
    expect(page.get_by_text("Okta can now manage 1 member.").first).to_be_visible()
    page.get_by_role("button", name="Take Okta’s value").click()
    expect(page.get_by_text("The member now matches Okta.").first).to_be_visible()
    page.get_by_label("It was a mistake").check()
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("Hold cleared. The count starts again.").first).to_be_visible()

    expect(page.get_by_label("Filter").get_by_role("link", name="All")).to_have_text("All 1")
    page.get_by_role("link", name="Resolved").click()
    expect(page.get_by_text("cleared the hold on deactivations")).to_be_visible()


def test_it_fits_a_phone_and_works_without_javascript(full: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}, java_script_enabled=False).new_page()
    full.sign_in(page)
    page.goto(f"{full.url}/o/acme/scim/attention/")

    page.get_by_text("Show the 2 people").click()
    page.get_by_label("I’m not sure yet").check()
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_text("Deactivations stay on hold.").first).to_be_visible()


def test_every_page_is_as_wide_as_a_phone(full: Portal, browser: Browser) -> None:
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    full.sign_in(page)
    for path in ("", "deactivations/", "existing-members/", "differences/", "resolved/", "existing-members/domain/"):
        page.goto(f"{full.url}/o/acme/scim/attention/{path}")
        assert overflow(page) <= 0, path


def test_stytch_has_no_inbox(stytch: Portal, page: Page) -> None:
    stytch.sign_in(page)
    page.goto(f"{stytch.url}/o/acme/scim/attention/")

    expect(page.get_by_role("heading", name="Not available with this directory")).to_be_visible()
    check_accessibility(page)
