"""Each email that the portal sends, as a mail server receives it: its two parts, its headers, and names that attack it."""

import ast
import email
import re
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.locales import LOCALES
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.audit import Caller
from portal.embedded.doctor.mail import send_test
from portal.embedded.members.sign_in_links import email_link
from portal.embedded.members.values import member_id
from portal.embedded.organizations import domain_codes
from portal.embedded.organizations.domain_warnings import email_warnings
from portal.embedded.scim.reminder_emails import Reminded, hold_email, token_email
from portal.embedded.scim.reminders import enqueue_reminders
from portal.embedded.scope import Scope
from portal.folders import RESOURCES as ROOT
from portal.mail.catalog import texts
from portal.mail.rendering import render_text
from portal.mail.wrapping import columns
from tests import factories
from tests.tasks import run_tasks

HOST = "https://id.example.com"
SHORT = 72
MAX_BYTES = 60_000


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "Gatehouse <portal@id.example.com>"
    settings.EMAIL_REPLY_TO, settings.PUBLIC_URL = "Gatehouse support <support@id.example.com>", HOST


@pytest.fixture
def connection(acme: models.OrganizationRow) -> models.ScimConnectionRow:
    connection = factories.scim_connection(acme)
    models.ScimContactRow.objects.create(
        organization_id=acme.pk, connection=connection, email_address="it@acme.example"
    )
    return connection


def expire(connection: models.ScimConnectionRow, days: float) -> models.ScimTokenRow:
    token = connection.tokens.get(revoked_at=None, is_next=False)
    token.expires_at, token.last_used_at = timezone.now() + timedelta(days=days), timezone.now()
    token.save()
    return token


def hold(connection: models.ScimConnectionRow, *, users: int = 0, removals: int = 0, removed: int = 0) -> None:
    """Put deactivations of users, and the removal of users from a group with roles, on hold."""
    connection.hold_started_at = timezone.now()
    connection.save()
    models.ScimSafeguardRow.objects.create(
        organization_id=connection.organization_id,
        connection=connection,
        deactivated_count=200,
        removed_count=removed,
        user_count=998,
    )
    held = [factories.scim_user(connection, f"u{n}@acme.example") for n in range(users)]
    models.ScimUserRow.objects.filter(pk__in=[one.pk for one in held]).update(deactivation_held_at=timezone.now())
    if removals:
        group = factories.scim_group(connection, "Engineers")
        models.ScimGroupRow.objects.filter(pk=group.pk).update(
            removal_held_at=timezone.now(), removal_held_count=removals, member_count=removals
        )


def send(sender: models.MemberRow | None, to: models.MemberRow, origin: Origin | None = None) -> None:
    actor = Actor(ActorType.MEMBER, member_id(sender), sender.name) if sender else Actor(ActorType.VISITOR)
    email_link(to, Caller(actor, origin or Origin()))
    run_tasks()


def invite(admin: models.MemberRow, member: models.MemberRow, connection: models.ScimConnectionRow) -> None:
    member.status, member.password, member.direct_roles = MemberStatus.PENDING, "", ["stytch_admin"]
    member.save()
    send(admin, member)


def request_reset(admin: models.MemberRow, member: models.MemberRow, connection: models.ScimConnectionRow) -> None:
    send(None, member)


def send_reset(admin: models.MemberRow, member: models.MemberRow, connection: models.ScimConnectionRow) -> None:
    send(admin, member)


def remind_of_token(admin: models.MemberRow, member: models.MemberRow, connection: models.ScimConnectionRow) -> None:
    expire(connection, 14)
    enqueue_reminders()
    run_tasks()


def report_hold(admin: models.MemberRow, member: models.MemberRow, connection: models.ScimConnectionRow) -> None:
    hold(connection, users=7)
    enqueue_reminders()
    run_tasks()


def check_server(admin: models.MemberRow, member: models.MemberRow, connection: models.ScimConnectionRow) -> None:
    send_test("ops@acme.example")


def ask_for_domain_code(
    admin: models.MemberRow, member: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    factories.proved_domain(admin.organization, "acme.example")
    domain_codes.ask(Scope("acme", Origin(ip_address="198.51.100.7")), "it@acme.example")
    run_tasks()


def warn_of_missing_record(
    admin: models.MemberRow, member: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    row = factories.proved_domain(admin.organization, "acme.example")
    models.MemberRow.objects.update(email_address_verified=True)
    row.owned_at = row.missing_since = timezone.now()
    row.save()
    email_warnings(row)
    run_tasks()


EACH = [
    invite,
    request_reset,
    send_reset,
    remind_of_token,
    report_hold,
    check_server,
    ask_for_domain_code,
    warn_of_missing_record,
]
TO_CONTACTS = [remind_of_token, report_hold]
Sender = Callable[[models.MemberRow, models.MemberRow, models.ScimConnectionRow], None]


class Sent:
    """The last email, as bytes that a mail server got."""

    def __init__(self) -> None:
        self.raw = mail.outbox[-1].message().as_bytes()
        self.message: EmailMessage = email.message_from_bytes(self.raw, policy=default)
        self.text, self.html = (self._part(kind) for kind in ("plain", "html"))
        self.seen = Seen(self.html)

    def _part(self, kind: str) -> str:
        return next(str(one.get_content()) for one in self.message.walk() if one.get_content_type() == f"text/{kind}")

    @property
    def said(self) -> str:
        """The text part on one line."""
        return " ".join(self.text.split())


class Seen(HTMLParser):
    """What the HTML part shows: each text between two blocks, and each link with its text."""

    BLOCKS = frozenset({"p", "td", "th", "li", "h1", "div", "br"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str]]] = []
        self._hidden = 0
        self._text = ""
        self.feed(html[html.index("<body") :])
        self._end()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.tags.append((tag, attributes))
        if tag == "a":
            self.links.append(attributes["href"])
        if tag in self.BLOCKS:
            self._end()
        self._hidden += tag == "div"

    def handle_endtag(self, tag: str) -> None:
        if tag in self.BLOCKS:
            self._end()
        self._hidden -= tag == "div"

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._text += data

    def _end(self) -> None:
        if text := " ".join(self._text.split()):
            self.texts.append(text)
        self._text = ""


@pytest.fixture
def sent(
    request: pytest.FixtureRequest,
    admin: models.MemberRow,
    member: models.MemberRow,
    connection: models.ScimConnectionRow,
) -> Sent:
    request.param(admin, member, connection)
    return Sent()


each = pytest.mark.parametrize("sent", EACH, indirect=True, ids=lambda one: one.__name__)


@each
def test_an_email_is_text_first_then_html(sent: Sent) -> None:
    kinds = [one.get_content_type() for one in sent.message.walk()]

    assert kinds == ["multipart/alternative", "text/plain", "text/html"]
    for part in sent.message.iter_parts():
        assert part["Content-Transfer-Encoding"] == "quoted-printable"
        assert part.get_content_charset() == "utf-8"
    assert len(sent.raw) < MAX_BYTES


@pytest.mark.parametrize("send_one", [one for one in EACH if one is not check_server], ids=lambda one: one.__name__)
def test_an_email_has_the_color_of_its_organization(
    send_one: Sender, admin: models.MemberRow, member: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    models.OrganizationRow.objects.update(settings={"theme": {"color": "#800080"}})
    for one in (admin, member, connection):
        one.refresh_from_db()

    send_one(admin, member, connection)

    html = Sent().html
    assert 'bgcolor="#800080"' in html
    assert "#3b52d4" not in html


def test_every_email_of_an_organization_is_sent_with_its_color() -> None:
    """Emails that belong to no organization, or to several, have the project's."""
    sendings = [
        (path.stem, {keyword.arg for keyword in one.keywords})
        for path in sorted((ROOT / "portal/embedded").rglob("*.py"))
        for one in ast.walk(ast.parse(path.read_text()))
        if isinstance(one, ast.Call) and ast.unparse(one.func) == "send_email"
    ]

    assert len(sendings) > 10
    # In turn: the two tests of the mail server, and the email before an organization is chosen.
    assert {name for name, given in sendings if "color" not in given} == {"mail", "discovery"}


@each
def test_text_and_html_say_the_same(sent: Sent) -> None:
    assert set(sent.seen.links) == set(re.findall(r"https://\S+", sent.text))
    # The button and the sentence under it are worded differently, and the monogram is a decoration.
    in_html = ("The button opens this", "Change contacts:", "Stop these emails")
    shown = [one for one in sent.seen.texts if not one.startswith(in_html) and len(one) > 1 and "https://" not in one]
    assert [one for one in shown if one not in sent.said] == []
    in_text = " ".join(re.sub(r"https://\S+|-{3,}|={3,}", "", sent.text).replace("The link works once", "").split())
    in_text = re.sub(r"\S[^.]* on id\.example\.com: ?|You sign in on that page first\.|\b\d\. ", "", in_text)
    assert set(re.findall(r"[\w%]+", in_text)) <= set(re.findall(r"[\w%]+", " ".join(sent.seen.texts)))


@each
def test_lines_of_the_text_are_short_and_a_link_is_alone(sent: Sent) -> None:
    lines = sent.text.splitlines()

    assert [line for line in lines if len(line) > SHORT and not re.fullmatch(r"https://\S+", line)] == []
    assert [line for line in lines if "https://" in line and not re.fullmatch(r"https://\S+", line)] == []


@each
def test_every_link_leads_to_the_portal(sent: Sent) -> None:
    assert {f"{urlsplit(link).scheme}://{urlsplit(link).netloc}" for link in sent.seen.links} <= {HOST}
    assert all(urlsplit(link).path.startswith("/o/acme/") for link in sent.seen.links)


@each
def test_nothing_is_loaded_and_nothing_runs(sent: Sent) -> None:
    tags = {tag for tag, _ in sent.seen.tags}

    assert tags <= set("body div table tbody tr td th p h1 strong ol li span a br".split())
    assert not re.search(r"url\(|@import|src=|<link|<script|<form", sent.html)
    assert not [name for _, attributes in sent.seen.tags for name in attributes if name.startswith("on")]


@each
def test_the_headers_say_that_a_machine_sent_it(sent: Sent) -> None:
    headers = sent.message

    assert headers["From"] == "Gatehouse <portal@id.example.com>"
    assert headers["Reply-To"] == "Gatehouse support <support@id.example.com>"
    assert re.fullmatch(r"[^@\s]+@acme\.example", headers["To"])
    assert (headers["Auto-Submitted"], headers["X-Auto-Response-Suppress"]) == ("auto-generated", "OOF, AutoReply")
    assert headers["Content-Language"] == "en"
    assert re.fullmatch(r"<[0-9a-f]{40}@id\.example\.com>", headers["Message-ID"])


@each
def test_the_subject_and_the_preheader_hold_no_secret(sent: Sent) -> None:
    hidden = re.search(r"<div[^>]*>(.*?)</div>", sent.html, re.DOTALL)

    assert hidden
    assert "token" not in sent.message["Subject"].lower().replace("scim token", "")
    assert "https://" not in hidden[1]
    assert sent.message["Subject"] not in hidden[1]


@each
def test_the_email_says_why_it_was_sent_and_who_reads_replies(sent: Sent) -> None:
    assert f"You get this email at {sent.message['To']} because " in sent.said
    assert "Sent by Gatehouse (id.example.com)" in sent.said
    assert "Replies go to Gatehouse support." in sent.said


@pytest.mark.parametrize("sent", EACH[:3], indirect=True, ids=lambda one: one.__name__)
def test_an_email_that_was_asked_for_cannot_be_stopped(sent: Sent) -> None:
    assert sent.message["List-Unsubscribe"] is None


@pytest.mark.parametrize("sent", TO_CONTACTS, indirect=True, ids=lambda one: one.__name__)
def test_mail_programs_can_stop_an_email_to_a_contact(sent: Sent) -> None:
    link = sent.message["List-Unsubscribe"]

    assert sent.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link.strip(" <>") in sent.seen.links


def test_without_a_reply_address_the_email_says_that_no_one_reads_replies(
    settings: Settings, admin: models.MemberRow, member: models.MemberRow
) -> None:
    settings.EMAIL_REPLY_TO = ""
    send(admin, member)

    assert "Replies to this email aren’t read." in Sent().said


def test_an_invitation_names_who_invites_and_the_roles(
    admin: models.MemberRow, member: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    invite(admin, member, connection)
    sent = Sent()

    assert sent.message["Subject"] == "You’re invited to join Acme"
    assert "Invited by Ada Admin, ada@acme.example Role Admin" in sent.said
    assert re.search(r"The link works once, until \d+ \w+ \d{4}, \d\d:\d\d UTC\.", sent.said)
    assert "because an admin of Acme invited this address." in sent.said


def test_a_link_that_was_requested_is_valid_for_half_an_hour(
    member: models.MemberRow, admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    request_reset(admin, member, connection)
    sent, link = Sent(), models.SignInLinkRow.objects.get()

    assert link.expires_at - timezone.now() <= timedelta(minutes=30)
    assert f"The link works once, for 30 minutes, until {link.expires_at:%-d %b %Y, %H:%M} UTC." in sent.said
    assert "because someone entered this address to sign in to Acme." in sent.said


CHROME = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
)


def test_a_requested_link_says_from_where(member: models.MemberRow) -> None:
    send(None, member, Origin("198.51.100.7", CHROME))

    assert "Device Chrome on macOS IP address 198.51.100.7" in Sent().said


def test_a_requested_link_does_not_repeat_the_words_of_a_client(member: models.MemberRow) -> None:
    send(None, member, Origin("198.51.100.7", "Visit evil.example now"))

    assert "evil" not in Sent().said
    assert "Device" not in Sent().said
    assert "IP address 198.51.100.7" in Sent().said


def test_a_link_that_an_admin_sends_is_valid_for_a_day(
    member: models.MemberRow, admin: models.MemberRow, connection: models.ScimConnectionRow
) -> None:
    send_reset(admin, member, connection)

    assert "The link works once, for 1 day, until " in Sent().said
    assert "Sent by Ada Admin, ada@acme.example" in Sent().said


@pytest.mark.parametrize(
    ("days", "later"),
    [
        (30, "If the token isn’t rotated, we remind you 14 days, 7 days and 1 day before it expires."),
        (14, "we remind you 7 days and 1 day before it expires."),
        (7, "we remind you 1 day before it expires."),
    ],
)
def test_the_email_about_a_token_says_which_reminders_follow(
    connection: models.ScimConnectionRow, days: int, later: str
) -> None:
    expire(connection, days)
    enqueue_reminders()
    run_tasks()

    assert f"The SCIM token expires in {days} days" in Sent().said
    assert later in Sent().said


def test_the_last_reminder_of_a_token_announces_no_other(connection: models.ScimConnectionRow) -> None:
    expire(connection, 0.9)
    enqueue_reminders()
    run_tasks()

    assert "we remind you" not in Sent().said


@pytest.mark.parametrize(
    ("held", "subject", "kept"),
    [
        ({}, "Deactivations in Acme need approval", "People keep their access until an admin decides."),
        (
            {"users": 1},
            "1 deactivation in Acme needs approval",
            "This person keeps their access until an admin decides.",
        ),
        (
            {"users": 7},
            "7 deactivations in Acme need approval",
            "These 7 people keep their access until an admin decides.",
        ),
        (
            {"removals": 3},
            "3 group changes in Acme need approval",
            "These 3 people keep their roles until an admin decides.",
        ),
        (
            {"users": 2, "removals": 3, "removed": 4},
            "2 deactivations and 3 group changes in Acme need approval",
            "These 5 people keep their access and their roles until an admin decides.",
        ),
    ],
)
def test_the_email_about_a_hold_counts_what_is_on_hold(
    connection: models.ScimConnectionRow, held: dict[str, int], subject: str, kept: str
) -> None:
    hold(connection, **held)
    enqueue_reminders()
    run_tasks()

    assert Sent().message["Subject"] == subject
    assert kept in Sent().said
    removed = " and took 4 out of groups that grant roles" if "removed" in held else ""
    assert (
        f"Okta deactivated 200 of 998 people{removed} within an hour. More would exceed your limit of 20%"
        in Sent().said
    )


@pytest.mark.parametrize("locale", LOCALES)
def test_every_reminder_can_be_said_in_each_language(connection: models.ScimConnectionRow, locale: str) -> None:
    models.OrganizationRow.objects.update(locale=locale)
    connection.identity_provider = "generic"
    connection.save()
    said = []
    for users, removals, removed in ((0, 0, 0), (1, 0, 0), (2, 0, 3), (0, 5, 0), (1, 4, 21)):
        models.ScimUserRow.objects.all().delete()
        models.ScimGroupRow.objects.all().delete()
        models.ScimSafeguardRow.objects.all().delete()
        hold(connection, users=users, removals=removals, removed=removed)
        about = Reminded(models.ScimConnectionRow.objects.select_related("organization").get(), f"{HOST}/o/acme/")
        said += [hold_email(about, timezone.now(), is_repeated=repeated) for repeated in (False, True)]
    token = expire(connection, 30)
    for days in (0.01, 1, 14, 30):
        token.expires_at = timezone.now() + timedelta(days=days)
        said.append(token_email(about, token, [one for one in (14, 7, 1) if one < days]))

    assert {one.locale for one in said} == {locale}
    assert len({one.subject for one in said}) == len(said)
    for one in said:
        assert not re.search(r"[{}*]", render_text(one, "it@acme.example"))


NAMES = [
    "Acme\r\nBcc: eve@mars.example",
    "<b>Acme</b> & Söhne",
    "{{ link }}{link}",
    "https://evil.example/",
    "evil.example",
    "www.evil.example",
    "\u202egro.live",
    "\u2066Acme\u2069\0\x1b[31m",
    "A" * 256,
    "Acme 👩🏽‍🚀",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("to_send", EACH[:5], ids=lambda one: one.__name__)
def test_a_name_cannot_change_the_email(
    admin: models.MemberRow,
    member: models.MemberRow,
    connection: models.ScimConnectionRow,
    name: str,
    to_send: Sender,
) -> None:
    name = name.replace("\0", "")[:128]  # PostgreSQL stores no NUL, and no longer name of an organization
    models.OrganizationRow.objects.update(name=name)
    models.ScimConnectionRow.objects.update(display_name=name)
    models.MemberRow.objects.filter(pk=admin.pk).update(name=name)
    member.refresh_from_db()
    connection.refresh_from_db()
    to_send(admin, member, connection)
    sent = Sent()

    assert sent.message["Bcc"] is None
    assert [mail.outbox[-1].recipients()] == [[sent.message["To"]]]
    assert len(sent.message["Subject"]) < 110
    assert {tag for tag, _ in sent.seen.tags} <= set(
        "body div table tbody tr td th p h1 strong ol li span a br".split()
    )
    for part in (sent.text, sent.html, sent.message["Subject"]):
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", part)
        assert "A" * 61 not in part
    body = sent.text + sent.html[sent.html.index("<body") :]
    assert not re.search(r"(?:evil|mars)\.example", body)


@pytest.mark.parametrize(
    "name",
    [
        "https://evil.example/",
        "evil.example",
        "www.evil",
        "eve@evil",
        "a/b",
        " \u202e ",
        "evil\u3002com",
        "evil\uff0ecom",
    ],
)
def test_an_invitation_shows_no_name_that_could_be_a_link(
    admin: models.MemberRow, member: models.MemberRow, connection: models.ScimConnectionRow, name: str
) -> None:
    models.OrganizationRow.objects.update(name=name)
    models.MemberRow.objects.filter(pk=admin.pk).update(name=name)
    member.refresh_from_db()
    invite(admin, member, connection)
    sent = Sent()

    assert sent.message["Subject"] == "You’re invited to join acme"
    assert "Invited by ada@acme.example" in sent.said
    assert name.strip("/ \u202e") not in " ".join(sent.seen.texts) or not name.strip("/ \u202e")


def test_a_host_in_a_request_does_not_change_links(
    admin: models.MemberRow, member: models.MemberRow, settings: Settings
) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    send(admin, member)

    assert all(link.startswith(f"{HOST}/o/acme/sign-in/link/") for link in Sent().seen.links)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("to_send", EACH[:5], ids=lambda one: one.__name__)
def test_an_email_is_whole_in_each_language(
    admin: models.MemberRow,
    member: models.MemberRow,
    connection: models.ScimConnectionRow,
    to_send: Sender,
    locale: str,
) -> None:
    models.OrganizationRow.objects.update(locale=locale)
    member.refresh_from_db()
    to_send(admin, member, connection)
    sent = Sent()

    tag = "pt-BR" if locale == "pt-br" else locale
    assert sent.message["Content-Language"] == tag
    assert f'<html lang="{tag}" dir="{"rtl" if locale == "fa" else "ltr"}">' in sent.html
    assert set(sent.seen.links) == set(re.findall(r"https://\S+", sent.text))
    lines = [line for line in sent.text.splitlines() if not re.fullmatch(r"https://\S+", line)]
    assert [line for line in lines if columns(line) > SHORT + 2 or "https://" in line] == []
    english = texts("en")
    if locale != "en":
        assert english("frame.no_replies") not in sent.said
        assert "You get this email" not in sent.said
        assert english("password-reset.unexpected") not in sent.said
    shown = "".join(re.findall(r"\w", "".join(sent.seen.texts)))
    # Browsers number the steps of a list themselves.
    for word in re.findall(r"\w+", re.sub(r"(?m)https://\S+|-{3,}|={3,}|^\d\. ", "", sent.text)):
        assert word in shown
