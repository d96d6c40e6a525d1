"""Signing in by email before an organization is known, and the choice of an organization."""

import re

import pytest
from django.core import mail
from django.test import Client
from msgspec.structs import replace
from pytest_django import Settings

from portal.directory.configuration import Sdk
from portal.directory.ids import public_id
from portal.embedded import models
from tests import factories
from tests.conftest import PASSWORD
from tests.tasks import run_tasks

SIGN_IN, CHOICE = "/sign-in/", "/organizations/"
SEND_CODE, ENTER, SEND_LINK, LINK = "/sign-in/code/", "/sign-in/code/enter/", "/sign-in/link/send/", "/sign-in/link/"
ADA, NEW = "ada@acme.example", "new@acme.example"


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"


@pytest.fixture
def ada_in_globex(globex: models.OrganizationRow) -> models.MemberRow:
    return factories.member(globex, ADA, password=PASSWORD)


def code() -> str:
    run_tasks()
    return str(re.findall(r"^    (\d{6})$", str(mail.outbox[-1].body), re.MULTILINE)[0])


def link() -> str:
    """Send what waits, and return the path of the newest link."""
    run_tasks()
    return str(re.findall(r"https?://[^/\s]+(/sign-in/link/\S+)", str(mail.outbox[-1].body))[0])


def text(client: Client, url: str = CHOICE) -> str:
    return " ".join(client.get(url).content.decode().split())


def prove(client: Client, email_address: str = ADA) -> str:
    """Prove an address with a code, and return where that leads."""
    client.post(SEND_CODE, {"email_address": email_address})
    return str(client.post(ENTER, {"email_address": email_address, "code": code()})["Location"])


def choose(client: Client, organization: models.OrganizationRow) -> str:
    answer = client.post(CHOICE, {"organization_id": public_id("organization", organization.pk)})
    return answer["Location"] if "Location" in answer else str(answer.status_code)


def let_join(organization: models.OrganizationRow, **more: object) -> None:
    models.OrganizationRow.objects.filter(pk=organization.pk).update(
        email_allowed_domains=["acme.example"], settings={"email_jit_provisioning": "RESTRICTED", **more}
    )
    factories.proved_domain(organization, "acme.example")


def test_a_code_leads_to_the_only_organization(admin: models.MemberRow, visitor: Client) -> None:
    page = text(visitor, SIGN_IN)
    assert f'formaction="{SEND_CODE}"' in page
    assert f'formaction="{SEND_LINK}"' in page
    sent = visitor.post(SEND_CODE, {"email_address": ADA, "password": ""})
    assert (sent.status_code, 'class="form-control code-input"' in sent.content.decode()) == (200, True)
    assert visitor.post(ENTER, {"email_address": ADA, "code": "x"}).status_code == 422

    entered = visitor.post(ENTER, {"email_address": ADA, "code": code()})

    assert (entered.status_code, entered["Location"]) == (303, "/o/acme/")
    assert visitor.get("/o/acme/").status_code == 200


def test_someone_in_several_organizations_chooses(
    admin: models.MemberRow, ada_in_globex: models.MemberRow, visitor: Client
) -> None:
    assert prove(visitor) == CHOICE
    page = text(visitor)
    assert page.count("<b>Acme</b>") == page.count("<b>Globex</b>") == 1
    assert "<small>Admin</small>" in page
    assert "<small>Member</small>" in page

    assert choose(visitor, ada_in_globex.organization) == "/o/globex/"
    assert visitor.get("/o/globex/").status_code == 200
    assert visitor.get("/o/acme/").status_code == 404


def test_an_organization_that_is_open_here_is_named_once(
    admin: models.MemberRow, ada_in_globex: models.MemberRow
) -> None:
    client = factories.signed_in(admin)
    prove(client)
    page = text(client)
    assert (page.count("<b>Acme</b>"), page.count("<b>acme</b>")) == (1, 0)


def test_opening_a_link_uses_nothing_up(admin: models.MemberRow, visitor: Client) -> None:
    assert ADA in visitor.post(SEND_LINK, {"email_address": ADA}).content.decode()
    url = link()
    scanner, other_browser = Client(), Client()
    for _ in range(3):
        assert scanner.get(url).status_code == 200
        assert scanner.head(url).status_code == 200
    page = text(other_browser, url)
    assert ADA in page
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]

    answer = other_browser.post(LINK, {"token": token})

    assert answer["Location"] == "/o/acme/"
    assert other_browser.get("/o/acme/").status_code == 200
    assert visitor.get("/o/acme/").status_code == 302
    for again in (scanner.get(url), scanner.post(LINK, {"token": token})):
        assert again.status_code == 410
        assert "This link no longer works" in again.content.decode()
        assert f'href="{SIGN_IN}"' in again.content.decode()


def test_a_link_needs_a_form_of_ours(admin: models.MemberRow) -> None:
    visitor = Client(enforce_csrf_checks=True)
    Client().post(SEND_LINK, {"email_address": ADA})
    token = link().partition("token=")[2]
    assert visitor.post(LINK, {"token": token}).status_code == 403
    assert Client().get(f"{LINK}?token={token}").status_code == 200


@pytest.mark.parametrize("send", [SEND_CODE, SEND_LINK])
def test_everyone_gets_the_same_page_work_and_email(admin: models.MemberRow, visitor: Client, send: str) -> None:
    pages, rows = [], []
    for address in (ADA, "nobody@acme.example"):
        page = visitor.post(send, {"email_address": address}).content.decode().replace(address, "")
        pages.append(re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", page))
        rows.append(models.DiscoveryTokenRow.objects.count())
    assert pages[0] == pages[1]
    assert rows == [1, 2]
    run_tasks()
    assert [one.to for one in mail.outbox] == [[ADA], ["nobody@acme.example"]]


def test_the_host_of_a_request_is_never_in_a_link(admin: models.MemberRow, visitor: Client, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    visitor.post(SEND_LINK, {"email_address": ADA}, headers={"Host": "evil.example"})
    run_tasks()
    assert "evil.example" not in str(mail.outbox[-1].body)
    assert settings.PUBLIC_URL in str(mail.outbox[-1].body)


def test_emails_and_attempts_are_limited(admin: models.MemberRow, visitor: Client, settings: Settings) -> None:
    settings.SIGN_IN_EMAIL_RATE, settings.SIGN_IN_RATE_PER_MEMBER = "2 per hour", "1 per hour"
    sent = [visitor.post(url, {"email_address": ADA}).status_code for url in (SEND_CODE, SEND_LINK, SEND_LINK)]
    assert sent == [200, 200, 429]
    assert visitor.post(SEND_CODE, {"email_address": ADA}).status_code == 429
    entered = [visitor.post(ENTER, {"email_address": ADA, "code": "x"}).status_code for _ in range(2)]
    assert entered == [422, 429]


@pytest.mark.parametrize("url", [SEND_CODE, SEND_LINK, ENTER])
def test_without_an_address_one_starts_again(visitor: Client, db: None, url: str) -> None:
    answer = visitor.post(url, {"email_address": "x", "code": "123456"})
    assert (answer.status_code, answer["Location"]) == (303, SIGN_IN)


def test_without_email_nothing_is_offered(admin: models.MemberRow, visitor: Client, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    page = text(visitor, SIGN_IN)
    assert SEND_CODE not in page
    assert SEND_LINK not in page
    assert visitor.post(SEND_CODE, {"email_address": ADA}).status_code == 404


def test_someone_joins_by_their_domain(acme: models.OrganizationRow, admin: models.MemberRow, visitor: Client) -> None:
    let_join(acme)
    assert prove(visitor, NEW) == CHOICE
    assert "You can join with your email address" in text(visitor)
    assert not models.MemberRow.objects.filter(email_address=NEW).exists()

    assert choose(visitor, acme) == "/o/acme/"
    assert models.MemberRow.objects.get(email_address=NEW).status == "active"


def test_an_invited_person_accepts(acme: models.OrganizationRow, visitor: Client) -> None:
    invited = factories.member(acme, NEW)
    models.MemberRow.objects.filter(pk=invited.pk).update(status="invited")
    assert prove(visitor, NEW) == CHOICE
    assert "You’re invited." in text(visitor)

    assert choose(visitor, acme) == "/o/acme/"


def test_an_organization_that_wants_another_method_says_so(
    acme: models.OrganizationRow, admin: models.MemberRow, visitor: Client
) -> None:
    models.OrganizationRow.objects.update(settings={"auth_methods": "RESTRICTED", "allowed_auth_methods": ["password"]})
    assert prove(visitor) == CHOICE
    assert "Asks you to sign in with a password" in text(visitor)

    assert choose(visitor, acme) == "/o/acme/sign-in/"
    page = text(visitor, "/o/acme/sign-in/")
    assert "Acme asks you to sign in with a password." in page
    assert visitor.get("/o/acme/").status_code == 302


def test_a_stranger_finds_no_organization(admin: models.MemberRow, visitor: Client) -> None:
    assert prove(visitor, "nobody@other.example") == CHOICE
    assert "isn’t a member of an organization here." in text(visitor)
    assert choose(visitor, admin.organization) == "404"


def test_an_organization_is_created_where_the_project_allows_it(visitor: Client, db: None, settings: Settings) -> None:
    settings.PROJECT = replace(settings.PROJECT, sdk=Sdk(create_organizations=True))
    prove(visitor, NEW)
    assert "Create an organization" in text(visitor)

    answer = visitor.post(f"{CHOICE}create/", {"organization_name": "Initech"})

    assert answer["Location"] == "/o/initech/"
    assert visitor.get("/o/initech/members/").status_code == 200


def test_nobody_creates_an_organization_where_it_is_not_allowed(visitor: Client, db: None) -> None:
    prove(visitor, NEW)
    assert "Create an organization" not in text(visitor)
    assert visitor.post(f"{CHOICE}create/", {"organization_name": "Initech"}).status_code == 403
    assert models.OrganizationRow.objects.count() == 0


def test_a_password_creates_no_organization(
    admin: models.MemberRow, ada_in_globex: models.MemberRow, visitor: Client, settings: Settings
) -> None:
    """It doesn't prove that the address is theirs: an admin may have typed it."""
    settings.PROJECT = replace(settings.PROJECT, sdk=Sdk(create_organizations=True))
    visitor.post(SIGN_IN, {"email_address": ADA, "password": PASSWORD})
    assert "Create an organization" not in text(visitor)
    assert visitor.post(f"{CHOICE}create/", {"organization_name": "Initech"})["Location"] == CHOICE


def test_a_password_that_pretends_to_be_a_proof_by_email_opens_nothing_more(
    acme: models.OrganizationRow, admin: models.MemberRow, globex: models.OrganizationRow, visitor: Client
) -> None:
    """The cookie says which proof it is, and a visitor can write another one."""
    factories.member(globex, ADA, password="another password")
    third = factories.organization("third")
    factories.member(third, ADA, password=PASSWORD)
    visitor.post(SIGN_IN, {"email_address": ADA, "password": PASSWORD})
    (name,) = [name for name in visitor.cookies if name.endswith("choice")]
    visitor.cookies[name] = f"email.{visitor.cookies[name].value}"

    assert "Globex" not in text(visitor)
    assert choose(visitor, globex) == "404"
