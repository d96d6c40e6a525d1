"""Inviting people on the pages: a form, a list that is checked, its progress and results, and pending invitations."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.directory.ids import public_id
from portal.embedded import models
from portal.mail.delivery import UndeliverableError
from portal.pages.members import invitation_lists
from portal.pages.members.invitation_lists import Defaults, UnreadableListError, read_file, read_text
from tests import factories
from tests.conftest import PASSWORD
from tests.tasks import run_tasks

INVITE, PENDING = "/o/acme/members/invite/", "/o/acme/members/invitations/"
NIA = "nia@new.example"


@pytest.fixture
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "Gatehouse <portal@example.com>"


def upload(client: Client, content: bytes, **more: str) -> str:
    """Upload a file, and return the URL of the list."""
    answer = client.post(INVITE, {"file": SimpleUploadedFile("people.csv", content), **more})
    assert answer.status_code == 303, answer.content.decode()
    return str(answer["Location"])


def results(client: Client, url: str) -> list[dict[str, str]]:
    answer = client.post(f"{url}results/")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]  # -- a streaming response
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.usefixtures("_email")
def test_one_person_is_invited_at_once(admin_client: Client) -> None:
    answer = admin_client.post(INVITE, {"people": f"Nia New <{NIA}>", "roles": "stytch_admin"})

    assert (answer.status_code, answer["Location"]) == (303, PENDING)
    page = admin_client.get(PENDING).content.decode()
    assert NIA in page
    assert "Expires <time" in page
    assert "by Ada Admin" in page


@pytest.mark.usefixtures("_email")
def test_an_address_that_the_mail_server_rejects_is_shown(
    admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rejected(*_: object, **__: object) -> None:
        raise UndeliverableError

    monkeypatch.setattr("portal.embedded.invitations.sending.send_email", rejected)
    url = admin_client.post(INVITE, {"people": f"lee@new.example, {NIA}"})["Location"]
    admin_client.post(f"{url}start/")
    run_tasks()
    assert "Not emailed" not in admin_client.get(PENDING).content.decode()

    models.InvitationRow.objects.update(sent_at=timezone.now() - timedelta(minutes=31))
    for page in (PENDING, "/o/acme/members/?state=invited"):
        assert admin_client.get(page).content.decode().count("Not emailed") == 2


@pytest.mark.usefixtures("_email")
@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ("ada@acme.example", "Already a member."),
        ("nobody", "This isn’t a valid email address."),
        ("", "Enter an address or choose a file."),
    ],
)
def test_a_person_who_cannot_be_invited_keeps_the_form(admin_client: Client, entered: str, said: str) -> None:
    answer = admin_client.post(INVITE, {"people": entered})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert entered in answer.content.decode()


@pytest.mark.usefixtures("_email")
def test_a_list_is_checked_started_and_has_results(admin_client: Client) -> None:
    text = f"lee@new.example\nKim Vega <kim@new.example>\nada@acme.example\nsam.example\n{NIA}"
    url = admin_client.post(INVITE, {"people": text})["Location"]
    review = admin_client.get(url).content.decode()
    assert "3 of 5 can be invited" in review
    assert "Send 3 invitations" in review
    assert models.MemberRow.objects.count() == 1
    assert (
        "Kim Vega &lt;kim@new.example&gt;" in admin_client.get(f"{INVITE}?draft={url.split('/')[-2]}").content.decode()
    )

    assert admin_client.post(f"{url}start/").status_code == 303
    running = admin_client.get(url, headers={"HX-Request": "true", "HX-Target": "invitation-job"}).content.decode()
    assert "0 of 5 invited" in running
    assert "data-poll" in running
    run_tasks()

    done = admin_client.get(url).content.decode()
    assert "3 of 5 invited" in done
    assert "data-poll" not in done
    assert [(one["line"], one["result"], one["reason"]) for one in results(admin_client, url)] == [
        ("1", "Invited", ""),
        ("2", "Invited", ""),
        ("3", "Already a member", "Already a member."),
        ("4", "Invalid", "This isn’t a valid email address."),
        ("5", "Invited", ""),
    ]
    only = admin_client.get(f"{url}?state=invalid").content.decode()
    assert "sam.example" in only
    assert "lee@new.example" not in only


@pytest.mark.usefixtures("_email")
def test_a_job_can_be_stopped(admin_client: Client) -> None:
    url = admin_client.post(INVITE, {"people": f"lee@new.example, {NIA}"})["Location"]
    admin_client.post(f"{url}start/")
    assert admin_client.post(f"{url}cancel/").status_code == 303
    run_tasks()
    assert "0 of 2 invited" in admin_client.get(url).content.decode()
    assert admin_client.post(f"{url}cancel/").status_code == 409


@pytest.mark.usefixtures("_email")
def test_a_hostile_file_is_shown_and_downloaded_as_text(admin_client: Client) -> None:
    content = (
        b"email,name,roles\n"
        b'=cmd|calc@new.example,"=HYPERLINK(""http://x"")",\n'
        b"+1@new.example,@SUM(A1),\n"
        b"<script>alert(1)</script>,x,\n"
    )
    url = upload(admin_client, content)
    page = admin_client.get(url).content.decode()
    assert "<script>alert" not in page
    admin_client.post(f"{url}start/")
    run_tasks()
    cells = [value for one in results(admin_client, url) for value in one.values()]
    assert not [one for one in cells if one.startswith(("=", "+", "@", "-", "\t"))]
    assert '\'=HYPERLINK("http://x")' in cells


@pytest.mark.usefixtures("_email")
def test_roles_are_granted_after_a_proof_and_nothing_is_lost(admin_client: Client) -> None:
    factories.forget_password_entry()
    answer = admin_client.post(INVITE, {"people": NIA, "roles": "stytch_admin"})
    assert answer["Location"].startswith("/o/acme/confirm/?next=%2Fo%2Facme%2Fmembers%2Finvite%2F")
    url = f"{INVITE}{public_id('invitation-job', models.InvitationJobRow.objects.get().pk)}/"
    assert admin_client.post(f"{url}start/")["Location"].startswith("/o/acme/confirm/")
    admin_client.post("/o/acme/confirm/", {"password": PASSWORD})
    assert admin_client.post(f"{url}start/")["Location"] == url
    run_tasks()
    assert models.MemberRow.objects.get(email_address=NIA).direct_roles == ["stytch_admin"]


@pytest.mark.usefixtures("_email")
def test_an_invitation_is_sent_again_and_revoked(admin_client: Client) -> None:
    admin_client.post(INVITE, {"people": NIA})
    key = models.MemberRow.objects.get(email_address=NIA).pk
    url = f"{PENDING}{public_id('member', key)}/"
    models.InvitationRow.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert "Expired" in admin_client.get(PENDING).content.decode()
    assert "1 invitation has expired" in admin_client.get("/o/acme/").content.decode()

    admin_client.post(f"{url}resend/")
    assert "Try again in 5 minutes" in admin_client.get(PENDING).content.decode()
    models.InvitationRow.objects.update(sent_at=timezone.now() - timedelta(days=1))
    admin_client.post(f"{url}resend/")
    assert "Expired" not in admin_client.get(PENDING).content.decode()
    assert admin_client.post(f"{url}revoke/").status_code == 303
    assert "No pending invitations" in admin_client.get(PENDING).content.decode()
    assert admin_client.post(f"{url}revoke/").status_code == 404


def test_without_email_the_page_says_why(admin_client: Client) -> None:
    page = admin_client.get(INVITE).content.decode()
    assert "Email isn’t configured on this server" in page
    assert "<textarea" not in page


@pytest.mark.usefixtures("_email")
def test_others_see_neither_form_nor_list(
    admin_client: Client, member_client: Client, other_admin_client: Client
) -> None:
    url = admin_client.post(INVITE, {"people": f"lee@new.example, {NIA}"})["Location"]
    for path in (INVITE, PENDING, url):
        assert member_client.get(path).status_code == 403
    other = url.replace("/acme/", "/globex/")
    assert other_admin_client.get(other).status_code == 404
    for action in ("start", "cancel", "results"):
        assert other_admin_client.post(f"{other}{action}/").status_code == 404
        assert member_client.post(f"{url}{action}/").status_code == 403


def test_a_large_body_is_rejected_by_its_header(admin_client: Client) -> None:
    class Unread(io.BytesIO):
        def read(self, *_: object) -> bytes:
            raise AssertionError("the body was read")

    environment: dict[str, Any] = {"CONTENT_TYPE": "multipart/form-data; boundary=x", "CONTENT_LENGTH": "52428800"}
    answer = admin_client.generic("POST", INVITE, **environment, **{"wsgi.input": Unread()})  # type: ignore[arg-type]  # -- WSGI's name
    assert answer.status_code == 413
    assert "larger than 8 MB" in answer.content.decode()


@pytest.mark.usefixtures("_email")
def test_a_file_beyond_the_limit_keeps_the_form(admin_client: Client) -> None:
    answer = admin_client.post(INVITE, {"file": SimpleUploadedFile("people.csv", b"a@b.example\n" * 200_000)})
    assert answer.status_code == 422
    assert "larger than 2 MB" in answer.content.decode()


DEFAULTS = Defaults(roles=("stytch_admin",), locale="fr", role_ids=("stytch_member", "stytch_admin", "it_admin"))
ROW = "email,name\nzoë@new.example,Zoë Ünal\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1"])
def test_a_file_is_read_in_any_usual_encoding(encoding: str) -> None:
    (line,) = read_file(ROW.encode(encoding), DEFAULTS)
    assert (line.number, line.email_address, line.name) == (2, "zoë@new.example", "Zoë Ünal")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a@x.example,Ann", [(1, "a@x.example", "Ann", ("stytch_admin",), "fr")]),
        (
            "Name;E-Mail;Roles\nAnn;a@x.example;It admin|stytch_member",
            [(2, "a@x.example", "Ann", ("it_admin", "stytch_member"), "fr")],
        ),
        ("email\tlocale\r\n\r\na@x.example\tde-DE\r\n", [(3, "a@x.example", "", ("stytch_admin",), "de-DE")]),
        (
            'email,name\na@x.example,"Ann ""A"", the\nfirst"\n',
            [(2, "a@x.example", 'Ann "A", the\nfirst', ("stytch_admin",), "fr")],
        ),
        ('email,name\n"a@x.example', [(2, "a@x.example", "", ("stytch_admin",), "fr")]),
        ("email,roles\na@x.example,Emperor", [(2, "a@x.example", "", ("Emperor",), "fr")]),
    ],
)
def test_a_file_of_any_spreadsheet_is_read(content: str, expected: list[tuple[object, ...]]) -> None:
    found = read_file(content.encode(), DEFAULTS)
    assert [(one.number, one.email_address, one.name, one.roles, one.locale) for one in found] == expected


def test_hostile_rows_are_problems_of_their_row() -> None:
    content = b"email\na\0@x.example\n" + b"x" * 200_000 + b"\nb@x.example\n\xff\xfe\n" + b"," * 5000 + b"\n"
    found = read_file(content, DEFAULTS)
    assert [(one.number, one.email_address[:20], bool(one.problem)) for one in found[:3]] == [
        (2, "a\0@x.example", False),
        (3, "", True),
        (4, "b@x.example", False),
    ]


def test_pasted_addresses_are_read_with_names_and_separators() -> None:
    text = 'lee@x.example\n"Vega, Kim" <kim@x.example>; Ann Lee <ann@x.example>,bob@x.example\n\nsam'
    assert [(one.number, one.email_address, one.name) for one in read_text(text, DEFAULTS)] == [
        (1, "lee@x.example", ""),
        (2, "kim@x.example", "Vega, Kim"),
        (3, "ann@x.example", "Ann Lee"),
        (4, "bob@x.example", ""),
        (5, "sam", ""),
    ]
    assert [one.name for one in read_text("email,name\na@x.example,Ann", DEFAULTS)] == ["Ann"]


def test_a_list_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (b"a@x.example\n" * 5001, b"", b"email,name\n", b"x" * (invitation_lists.MAX_FILE_BYTES + 1)):
        with pytest.raises(UnreadableListError):
            read_file(content, DEFAULTS)
    assert len(read_file(b"a@x.example\n" * 5000, DEFAULTS)) == 5000


@pytest.mark.usefixtures("_email")
def test_several_invitations_are_sent_again_at_once(admin_client: Client, member: models.MemberRow) -> None:
    for address in (NIA, "lee@new.example"):
        admin_client.post(INVITE, {"people": address})
    rows = models.InvitationRow.objects.all()
    rows.update(sent_at=timezone.now() - timedelta(hours=1), expires_at=timezone.now() - timedelta(minutes=1))
    chosen = [public_id("member", key) for key in (*rows.values_list("member_id", flat=True), member.pk)]

    answer = admin_client.post(
        "/o/acme/members/bulk/", {"action": "resend-invitation", "member": chosen, "confirmed": "yes"}
    )

    html = answer.content.decode()
    assert "2 members will get another invitation." in html
    assert member.email_address in html
    assert rows.filter(expires_at__gt=timezone.now()).count() == 2
