"""Security notices: what is emailed to members about changes of their account, to which address, and when not."""

import json
import threading
from datetime import timedelta
from typing import Any

import pyotp
import pytest
import time_machine
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from msgspec.structs import replace
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.configuration import RedirectUrls
from portal.directory.errors import DirectoryError
from portal.directory.ids import public_id
from portal.directory.magic_links import MagicLinkRequest
from portal.directory.second_factors import SMS_OTP
from portal.directory.sessions import AuthenticationFactor, AuthenticatorAppFactor, Continuation, SessionTerms, SignedIn
from portal.embedded import models, operator
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.members import notices
from portal.embedded.scope import Scope
from portal.embedded.second_factors.policy import totp_public_id
from portal.embedded.sessions.lifecycle import start_session
from portal.embedded.tasks import queue
from tests import factories
from tests.conftest import PASSWORD
from tests.plans import without_partitions
from tests.tasks import run_tasks

NEW_PASSWORD = "another horse battery staple"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CHROME = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/140.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
AT_HOME, ELSEWHERE = Origin("198.51.100.7", CHROME), Origin("203.0.113.61", FIREFOX)
BACKEND = Actor(ActorType.PROJECT, "secret-live-1", "secret …abcd")


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "portal@example.com"
    settings.PUBLIC_URL = "https://id.example.com"


@pytest.fixture
def max_(member: models.MemberRow) -> models.MemberRow:
    """Max, whose address is verified, and who signed in with Chrome before."""
    models.MemberRow.objects.filter(pk=member.pk).update(email_address_verified=True)
    member.refresh_from_db()
    start_session(member, AT_HOME, password_entered_at=timezone.now())
    assert run_tasks() == 0
    return member


def portal(who: SignedIn, origin: Origin = AT_HOME) -> EmbeddedDirectory:
    """Open the portal of a member who is signed in."""
    return EmbeddedDirectory(Scope(who.organization.organization_slug, origin, signed_in=who))


def backend() -> EmbeddedDirectory:
    return EmbeddedDirectory(Scope("acme", Origin("192.0.2.1", "a product"), project=BACKEND))


def here(member: models.MemberRow) -> SignedIn:
    return start_session(member, AT_HOME, password_entered_at=timezone.now())


def sent() -> list[tuple[str, str]]:
    """Run the tasks, and return who got which email."""
    run_tasks()
    return [(one.to[0], str(one.subject)) for one in mail.outbox]


def said() -> str:
    return " ".join(str(mail.outbox[-1].body).split())


def set_up_app(member: models.MemberRow) -> None:
    backend().totps.migrate(public_id("member", member.pk), secret=SECRET, recovery_codes=[])
    member.refresh_from_db()


# --- Password ---------------------------------------------------------------------------------------------------------

CHANGED = ("max@acme.example", "Your password for Acme was changed")


def test_a_password_that_is_changed_on_the_account_page(max_: models.MemberRow) -> None:
    portal(here(max_)).account.change_password(NEW_PASSWORD, existing_password=PASSWORD)

    assert sent() == [CHANGED]
    assert "The password for max@acme.example was changed. All other sessions were signed out." in said()
    assert "Device Chrome on macOS IP address 198.51.100.7" in said()
    assert "https://id.example.com/o/acme/sign-in/email/" in said()
    assert "You don’t need to be signed in." in said()
    assert "Emails about your account’s security can’t be turned off." in said()


def test_a_password_that_a_product_changes_names_no_device_of_its_backend(max_: models.MemberRow) -> None:
    backend().passwords.reset_by_existing_password(
        email_address="max@acme.example", existing_password=PASSWORD, new_password=NEW_PASSWORD, terms=SessionTerms()
    )

    assert sent() == [CHANGED]
    assert "192.0.2.1" not in said()


@pytest.mark.parametrize("by", ["admin", "operator"])
def test_a_password_that_is_chosen_by_a_link(max_: models.MemberRow, settings: Settings, by: str) -> None:
    settings.EMAIL_IS_SET_UP = False
    if by == "operator":
        url = operator.send_sign_in_link(
            organization_slug="acme", email_address="max@acme.example", shows_link=True, origin=Origin()
        ).url
    else:
        admin = factories.member(max_.organization, "ada@acme.example", roles=["stytch_admin"], password=PASSWORD)
        url = portal(here(admin)).sign_in_links.send(public_id("member", max_.pk)).url
    settings.EMAIL_IS_SET_UP = True
    token = url.partition("token=")[2]
    EmbeddedDirectory(Scope("acme", ELSEWHERE)).sign_in_links.redeem(token, password=NEW_PASSWORD)

    # Also if the link was shown to an admin, whose use of it proves no address.
    assert sent()[0] == CHANGED
    assert "Firefox on Windows" in str(mail.outbox[0].body)


def test_the_first_password_of_an_active_member_is_news(max_: models.MemberRow) -> None:
    models.MemberRow.objects.filter(pk=max_.pk).update(password="")
    max_.refresh_from_db()
    portal(here(max_)).account.change_password(NEW_PASSWORD)

    assert sent() == [("max@acme.example", "A password for Acme was set")]


def test_accepting_an_invitation_is_not(acme: models.OrganizationRow) -> None:
    _, link = operator.create_member(
        organization_slug="acme", email_address="new@acme.example", name="", roles=[], origin=Origin()
    )
    assert link
    EmbeddedDirectory(Scope("acme", AT_HOME)).sign_in_links.redeem(link.partition("token=")[2], password=PASSWORD)

    assert sent() == []


def test_a_change_that_is_rolled_back_sends_nothing(max_: models.MemberRow) -> None:
    who = here(max_)
    with transaction.atomic():
        portal(who).account.change_password(NEW_PASSWORD, existing_password=PASSWORD)
        transaction.set_rollback(True)

    assert sent() == []


def test_a_notice_goes_to_the_address_of_the_time_of_the_change(max_: models.MemberRow) -> None:
    portal(here(max_)).account.change_password(NEW_PASSWORD, existing_password=PASSWORD)
    models.MemberRow.objects.update(email_address="thief@acme.example", email_address_verified=False)

    assert sent() == [CHANGED]
    assert "thief" not in mail.outbox[-1].message().as_string()


def test_no_task_has_an_address_a_name_or_a_password(max_: models.MemberRow) -> None:
    set_up_app(max_)
    portal(here(max_)).account.change_password(NEW_PASSWORD, existing_password=PASSWORD)
    backend().members.delete_totp(public_id("member", max_.pk))
    start_session(max_, ELSEWHERE, password_entered_at=None)

    stored = json.dumps(list(DBTaskResult.objects.values_list("args_kwargs", flat=True)))
    assert DBTaskResult.objects.count() == 3
    assert not [one for one in ("@", "Max", NEW_PASSWORD, SECRET, "Chrome", "203.0.113") if one in stored]


def test_a_member_without_a_verified_address_gets_none(max_: models.MemberRow) -> None:
    set_up_app(max_)
    models.MemberRow.objects.update(email_address_verified=False)
    max_.refresh_from_db()
    portal(here(max_)).account.change_password(NEW_PASSWORD, existing_password=PASSWORD)
    backend().members.delete_totp(public_id("member", max_.pk))
    start_session(max_, ELSEWHERE, password_entered_at=None)

    assert sent() == []


def test_without_email_nothing_is_queued(max_: models.MemberRow, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = False
    portal(here(max_)).account.change_password(NEW_PASSWORD, existing_password=PASSWORD)

    assert not DBTaskResult.objects.exists()


def test_a_full_queue_stops_neither_the_change_nor_the_notice(
    max_: models.MemberRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MAX_WAITING", 0)
    portal(here(max_)).account.change_password(NEW_PASSWORD, existing_password=PASSWORD)

    assert sent() == [CHANGED]


def test_a_second_copy_is_the_same_email(max_: models.MemberRow) -> None:
    portal(here(max_)).account.change_password(NEW_PASSWORD, existing_password=PASSWORD)
    run_tasks()
    DBTaskResult.objects.update(status="READY", finished_at=None, worker_ids=[], started_at=None)
    run_tasks()

    first, second = (one.message() for one in mail.outbox)
    assert first["Message-ID"] == second["Message-ID"]
    assert mail.outbox[0].body == mail.outbox[1].body


# --- Second factors ---------------------------------------------------------------------------------------------------


def test_an_authenticator_app_that_is_set_up(max_: models.MemberRow) -> None:
    who = here(max_)
    totps, member_id = portal(who).totps, public_id("member", max_.pk)
    new = totps.create(member_id, before=Continuation(session=who))
    assert sent() == []
    totps.authenticate(member_id, pyotp.TOTP(new.secret).now(), before=Continuation(session=who))

    assert sent() == [("max@acme.example", "Authenticator app added to your Acme account")]
    assert "Method added Authenticator app" in said()
    assert new.secret not in mail.outbox[-1].message().as_string()


def test_an_app_that_a_product_brings_along_causes_none(max_: models.MemberRow) -> None:
    set_up_app(max_)

    assert sent() == []


def test_an_app_that_an_admin_removes_says_who_it_was(max_: models.MemberRow) -> None:
    set_up_app(max_)
    ada = factories.member(
        max_.organization, "ada@acme.example", name="Ada Admin", roles=["stytch_admin"], password=PASSWORD
    )
    portal(here(ada)).totps.delete(public_id("member", max_.pk))

    assert sent() == [("max@acme.example", "Authenticator app removed from your Acme account")]
    assert "Removed by Ada Admin, ada@acme.example Still active Password" in said()
    assert "198.51.100.7" not in said()


def test_an_app_that_a_product_removes_says_so(max_: models.MemberRow) -> None:
    set_up_app(max_)
    backend().members.delete_totp(public_id("member", max_.pk))

    assert sent() == [("max@acme.example", "Authenticator app removed from your Acme account")]
    assert "Removed by The team that runs this portal" in said()


@pytest.mark.parametrize("is_verified", [True, False])
def test_a_phone_number_that_counted_is_removed(max_: models.MemberRow, is_verified: bool) -> None:
    models.MemberRow.objects.filter(pk=max_.pk).update(
        mfa_phone_number="+12025550123", mfa_phone_number_verified=is_verified
    )
    backend().members.delete_mfa_phone_number(public_id("member", max_.pk))

    expected = [("max@acme.example", "Phone number removed from your Acme account")]
    assert sent() == (expected if is_verified else [])
    assert not mail.outbox or "2025550123" not in said()


def test_a_phone_number_that_is_added(max_: models.MemberRow) -> None:
    entry = models.ActivityEntryRow.objects.order_by("-pk").first()
    assert entry
    notices.second_factor_added(max_, SMS_OTP, entry.pk)

    assert sent() == [("max@acme.example", "Phone number added to your Acme account")]
    assert "codes by text message" in said()


@pytest.mark.parametrize("is_own", [True, False])
def test_recovery_codes_that_are_replaced(max_: models.MemberRow, *, is_own: bool) -> None:
    set_up_app(max_)
    now = timezone.now()
    totp = AuthenticatorAppFactor(totp_public_id(max_.totp_id))
    app = AuthenticationFactor("totp", "authenticator_app", now, now, authenticator_app_factor=totp)
    who = start_session(max_, AT_HOME, password_entered_at=now, factors=[app])
    directory = portal(who) if is_own else backend()
    directory.recovery_codes.rotate(public_id("member", max_.pk))

    assert sent() == [("max@acme.example", "New recovery codes for your Acme account")]
    assert "New recovery codes were created for max@acme.example. The earlier ones no longer work." in said()
    assert ("Device Chrome on macOS" in said()) == is_own
    assert "Review sign-in methods on id.example.com: https://id.example.com/o/acme/account/" in said()


@pytest.mark.django_db(transaction=True)
def test_two_who_remove_an_app_at_the_same_moment_cause_one_email(max_: models.MemberRow) -> None:
    set_up_app(max_)
    ready, errors = threading.Barrier(2), []

    def remove() -> None:
        ready.wait()
        try:
            backend().members.delete_totp(public_id("member", max_.pk))
        except DirectoryError as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=remove) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(errors) == 1
    assert len(sent()) == 1


# --- Sign-ins on new devices ------------------------------------------------------------------------------------------

NEW_SIGN_IN = ("max@acme.example", "New sign-in to your Acme account")


def sign_in(member: models.MemberRow, origin: Origin) -> None:
    start_session(member, origin, password_entered_at=timezone.now())


def test_a_sign_in_on_a_new_device(max_: models.MemberRow) -> None:
    EmbeddedDirectory(Scope("acme", ELSEWHERE)).sessions.sign_in(email_address="max@acme.example", password=PASSWORD)

    assert sent() == [NEW_SIGN_IN]
    assert "Device Firefox on Windows IP address 203.0.113.61" in said()
    entry = models.ActivityEntryRow.objects.filter(action="member_session.create").latest("pk")
    assert entry.after == {"is_new_device": True}


@pytest.mark.parametrize("user_agent", [CHROME, CHROME.replace("140.0", "141.0")])
def test_a_known_browser_and_system_from_anywhere_causes_none(max_: models.MemberRow, user_agent: str) -> None:
    sign_in(max_, Origin("192.0.2.200", user_agent))

    assert sent() == []


def test_a_client_without_a_known_browser_is_a_device_too(max_: models.MemberRow) -> None:
    sign_in(max_, Origin("203.0.113.61", "curl/8 evil.example"))
    sign_in(max_, Origin("203.0.113.61", ""))

    assert sent() == [NEW_SIGN_IN]
    assert "evil" not in said()


def test_the_first_sign_in_ever_causes_none(admin: models.MemberRow) -> None:
    models.MemberRow.objects.update(email_address_verified=True)
    admin.refresh_from_db()
    sign_in(admin, AT_HOME)

    assert sent() == []


def test_a_device_is_known_after_its_session_is_deleted(max_: models.MemberRow) -> None:
    models.MemberSessionRow.objects.all().delete()
    sign_in(max_, AT_HOME)
    sign_in(max_, ELSEWHERE)

    assert sent() == [NEW_SIGN_IN]


def test_a_device_of_another_member_is_not_known(max_: models.MemberRow, admin: models.MemberRow) -> None:
    sign_in(admin, ELSEWHERE)
    sign_in(max_, ELSEWHERE)

    assert sent() == [NEW_SIGN_IN]


@pytest.mark.parametrize(("origin", "minutes", "is_news"), [(ELSEWHERE, 9, False), (ELSEWHERE, 11, True)])
def test_a_sign_in_after_a_reset_on_the_same_device_causes_none(
    max_: models.MemberRow, origin: Origin, minutes: int, is_news: bool
) -> None:
    portal(here(max_), origin).account.change_password(NEW_PASSWORD, existing_password=PASSWORD)
    max_.refresh_from_db()
    with time_machine.travel(timezone.now() + timedelta(minutes=minutes)):
        sign_in(max_, origin)

        assert (NEW_SIGN_IN in sent()) is is_news


def test_a_reset_elsewhere_does_not_make_a_device_known(max_: models.MemberRow) -> None:
    portal(here(max_), AT_HOME).account.change_password(NEW_PASSWORD, existing_password=PASSWORD)
    max_.refresh_from_db()
    sign_in(max_, ELSEWHERE)

    assert NEW_SIGN_IN in sent()


def test_after_five_on_a_day_one_email_says_that_there_are_more(max_: models.MemberRow) -> None:
    noon = timezone.now().replace(hour=12)
    with time_machine.travel(noon):
        for number in range(9):
            sign_in(max_, _device(number))
        subjects = [subject for _, subject in sent()]

        assert subjects == [NEW_SIGN_IN[1]] * 5 + ["More new sign-ins to your Acme account"]
    with time_machine.travel(noon + timedelta(days=1)):
        sign_in(max_, Origin("", "Mozilla/5.0 (CrOS) Edg/1"))

        assert [subject for _, subject in sent()][6:] == [NEW_SIGN_IN[1]]


def _device(number: int) -> Origin:
    browsers = ("Firefox/1", "Edg/1", "OPR/1", "Safari/1", "CriOS/1", "FxiOS/1")
    systems = ("Windows", "Linux")
    return Origin("", f"Mozilla/5.0 ({systems[number % 2]}) {browsers[number // 2]}")


def test_a_backend_is_not_a_device(max_: models.MemberRow) -> None:
    backend().passwords.authenticate(email_address="max@acme.example", password=PASSWORD, terms=SessionTerms())

    assert sent() == []


@pytest.mark.parametrize("user_agent", ["curl/8", ""])
def test_a_sign_in_through_a_backend_makes_no_device_known(max_: models.MemberRow, user_agent: str) -> None:
    backend().passwords.authenticate(email_address="max@acme.example", password=PASSWORD, terms=SessionTerms())
    sign_in(max_, Origin("203.0.113.61", user_agent))

    assert sent() == [NEW_SIGN_IN]


def test_a_known_device_costs_a_sign_in_one_query(max_: models.MemberRow, settings: Settings) -> None:
    def queries(is_set_up: bool) -> int:
        settings.EMAIL_IS_SET_UP = is_set_up
        with CaptureQueriesContext(connection) as captured:
            sign_in(max_, AT_HOME)
        return len(captured)

    queries(is_set_up=False)
    assert queries(is_set_up=True) == queries(is_set_up=False) + 1


def test_the_devices_of_a_member_are_read_from_an_index(max_: models.MemberRow) -> None:
    with CaptureQueriesContext(connection) as captured:
        notices.is_new_device(max_, AT_HOME)
    is_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if is_postgresql:
            # With few rows PostgreSQL prefers a sequential scan.
            cursor.execute(
                "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off"
            )
        cursor.execute(f"{'EXPLAIN' if is_postgresql else 'EXPLAIN QUERY PLAN'} {captured[0]['sql']}")
        plan = without_partitions(str(cursor.fetchall()))

    assert len(captured) == 1
    assert "activity_by_actor " in plan.replace("_id_idx", " "), plan
    assert "TEMP B-TREE" not in plan


# --- Language ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of_member", "of_organization", "subject"),
    [
        ("de-DE", "fr", "Ihr Passwort für Acme wurde geändert"),
        ("", "de-DE", "Ihr Passwort für Acme wurde geändert"),
        ("", "", "Your password for Acme was changed"),
    ],
)
def test_a_notice_is_in_the_language_of_the_member_or_the_organization(
    max_: models.MemberRow, of_member: str, of_organization: str, subject: str
) -> None:
    models.MemberRow.objects.update(locale=of_member)
    models.OrganizationRow.objects.update(locale=of_organization)
    portal(here(max_)).account.change_password(NEW_PASSWORD, existing_password=PASSWORD)

    assert sent() == [("max@acme.example", subject)]
    assert mail.outbox[-1].message()["Content-Language"] == (of_member or of_organization or "en")


def test_the_identity_provider_says_which_language_a_member_has(max_: models.MemberRow) -> None:
    user = factories.scim_user(factories.scim_connection(max_.organization), "max@acme.example")
    document: dict[str, Any] = {**user.document, "preferredLanguage": "de-AT"}
    models.ScimUserRow.objects.filter(pk=user.pk).update(member=max_, document=document)
    portal(here(max_)).account.change_password(NEW_PASSWORD, existing_password=PASSWORD)

    assert sent() == [("max@acme.example", "Ihr Passwort für Acme wurde geändert")]


def test_a_request_says_which_language_its_email_has(max_: models.MemberRow, settings: Settings) -> None:
    models.MemberRow.objects.update(locale="fr")
    urls = ("https://app.example.com/authenticate",)
    settings.PROJECT = replace(settings.PROJECT, redirect_urls=RedirectUrls(login=urls, signup=urls))
    for locale in ("de-DE", ""):
        request = MagicLinkRequest(email_address="max@acme.example", locale=locale)
        backend().magic_links.login_or_signup(request)

    assert [subject for _, subject in sent()] == ["Ihr Anmeldelink für Acme", "Votre lien de connexion à Acme"]
