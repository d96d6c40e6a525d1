"""Invitations of the embedded directory: their emails and links, who may give which role, and lists as background jobs."""

import re
from collections.abc import Sequence
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from portal.directory.actor import Origin
from portal.directory.bulk_invitations import DraftLine, InvitationJob, JobState, LineState
from portal.directory.errors import Conflict, Forbidden, NotFound, StepUpRequired, TooManyRequests
from portal.directory.ids import parse_id, public_id
from portal.directory.invitations import NewInvitation
from portal.directory.members import MemberStatus
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory, EmbeddedProvider
from portal.embedded.invitations import jobs
from portal.embedded.invitations.many import create_many
from portal.embedded.invitations.sending import email_invitation
from portal.embedded.tasks import claims
from portal.embedded.tasks.execution import execute, store
from tests import factories
from tests.tasks import run_tasks

pytestmark = pytest.mark.django_db
NIA = "nia@new.example"
ADDRESSES = [f"person{number}@new.example" for number in range(45)]


@pytest.fixture(autouse=True)
def _email(settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP, settings.DEFAULT_FROM_EMAIL = True, "Gatehouse <portal@example.com>"


def acting(member: models.MemberRow) -> EmbeddedDirectory:
    directory = EmbeddedProvider().open(member.organization.slug, Origin())
    return directory.acting_as(directory.sessions.authenticate(factories.session_token(member)))


@pytest.fixture
def ada(admin: models.MemberRow) -> EmbeddedDirectory:
    return acting(admin)


def host(acme: models.OrganizationRow, *actions: str) -> models.MemberRow:
    """Return a member whose custom role allows actions on members."""
    role = {
        "role_id": "host",
        "description": "",
        "permissions": [{"resource_id": "stytch.member", "actions": ["create", "search", "delete", *actions]}],
    }
    models.OrganizationRow.objects.filter(pk=acme.pk).update(custom_roles=[role])
    acme.refresh_from_db()
    return factories.member(acme, "hal@acme.example", name="Hal Host", roles=["host"])


def links() -> list[str]:
    return [re.findall(r"https?://\S+token=\S+", str(one.body))[0] for one in mail.outbox]


def drafted(directory: EmbeddedDirectory, addresses: Sequence[str], roles: tuple[str, ...] = ()) -> InvitationJob:
    lines = [DraftLine(number, address, roles=roles) for number, address in enumerate(addresses, 1)]
    return directory.bulk_invitations.draft(lines)


def started(directory: EmbeddedDirectory, addresses: Sequence[str], roles: tuple[str, ...] = ()) -> str:
    return directory.bulk_invitations.start(drafted(directory, addresses, roles).job_id).job_id


def states(directory: EmbeddedDirectory, job_id: str) -> list[tuple[str, str]]:
    lines = directory.bulk_invitations.lines(job_id).items
    return [(line.email_address, line.state.value) for line in lines]


def sent_to() -> list[str]:
    return sorted(one.to[0] for one in mail.outbox)


# One person


def test_the_link_of_the_email_lets_a_person_in_once(ada: EmbeddedDirectory, client: Client) -> None:
    ada.invitations.invite(NewInvitation(NIA, "Nia New", locale="fr"))
    run_tasks()

    (message,), (url,) = mail.outbox, links()
    assert (message.to, message.extra_headers["Content-Language"]) == ([NIA], "fr")
    assert "Ada Admin" in str(message.body)
    entered = client.post(url, {"password": "correct horse battery staple"})
    assert (entered.status_code, entered["Location"]) == (303, "/o/acme/")
    assert models.MemberRow.objects.get(email_address=NIA).status == MemberStatus.ACTIVE
    assert ada.invitations.page().items == ()
    assert Client().post(url, {"password": "correct horse battery staple"}).status_code == 410


def test_the_link_leads_to_the_product_where_one_is_configured(ada: EmbeddedDirectory, settings: Settings) -> None:
    from portal.directory.configuration import load_configuration  # noqa: PLC0415 -- only here

    settings.PROJECT = load_configuration(None, ["https://app.example.com/authenticate"])
    ada.invitations.invite(NewInvitation(NIA))
    run_tasks()

    (url,) = links()
    assert url.startswith("https://app.example.com/authenticate?stytch_token_type=multi_tenant_magic_links&token=")
    assert models.EmailTokenRow.objects.get().expires_at == models.InvitationRow.objects.get().expires_at


def test_a_second_attempt_sends_nothing_and_an_interrupted_one_sends_the_same(ada: EmbeddedDirectory) -> None:
    """The mail server has the email, and the worker was killed before it stored that."""
    ada.invitations.invite(NewInvitation(NIA))
    run_tasks()
    row = models.InvitationRow.objects.get()

    email_invitation.call(str(row.organization_id), str(row.pk), row.sends)
    assert len(mail.outbox) == 1

    models.InvitationRow.objects.update(emailed_at=None)
    email_invitation.call(str(row.organization_id), str(row.pk), row.sends)
    first, second = mail.outbox
    assert first.extra_headers["Message-ID"] == second.extra_headers["Message-ID"]
    assert len(set(links())) == 1


def test_a_task_holds_neither_address_nor_token(ada: EmbeddedDirectory) -> None:
    ada.invitations.invite(NewInvitation(NIA))
    claim = claims.claim_next(models.InvitationRow.objects.get().pk)
    assert claim is not None
    assert NIA not in str(claim.row.args_kwargs)
    assert models.SignInLinkRow.objects.count() == 0
    store(claim, execute(claim))
    assert models.SignInLinkRow.objects.count() == 1


def test_a_revoked_invitation_opens_nothing(ada: EmbeddedDirectory, client: Client) -> None:
    member_id = ada.invitations.invite(NewInvitation(NIA)).member_id
    run_tasks()
    (url,) = links()

    ada.invitations.revoke(member_id)

    assert client.get(url).status_code == 410
    assert models.MemberRow.objects.get(email_address=NIA).status == MemberStatus.DELETED
    assert [one.action for one in models.ActivityEntryRow.objects.order_by("id")][-2:] == [
        "member.create",
        "member.delete",
    ]


def test_a_revoked_invitation_that_waits_is_not_sent(ada: EmbeddedDirectory) -> None:
    ada.invitations.revoke(ada.invitations.invite(NewInvitation(NIA)).member_id)
    run_tasks()
    assert mail.outbox == []


def test_sending_again_replaces_the_link_and_waits(ada: EmbeddedDirectory, client: Client) -> None:
    member_id = ada.invitations.invite(NewInvitation(NIA)).member_id
    run_tasks()
    with pytest.raises(TooManyRequests):
        ada.invitations.resend(member_id)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        ada.invitations.resend(member_id)
        run_tasks()
        first, second = links()
        assert [client.get(url).status_code for url in (first, second)] == [410, 200]


def test_an_expired_invitation_is_listed_first_and_counted(ada: EmbeddedDirectory) -> None:
    ada.invitations.invite(NewInvitation("old@new.example"))
    models.InvitationRow.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    ada.invitations.invite(NewInvitation(NIA))

    first, second = ada.invitations.page(limit=1), ada.invitations.page()

    assert [(one.member.email_address, one.has_expired) for one in second.items] == [
        ("old@new.example", True),
        (NIA, False),
    ]
    assert first.next_cursor
    assert ada.invitations.page(cursor=first.next_cursor).items == second.items[1:]
    expiring = ada.invitations.expiring()
    assert (expiring.expired, expiring.expiring) == (1, 0)


def test_a_day_has_a_limit(ada: EmbeddedDirectory, settings: Settings) -> None:
    settings.INVITATION_RATE_PER_ORGANIZATION = "1 per day"
    ada.invitations.invite(NewInvitation(NIA))
    with pytest.raises(TooManyRequests):
        ada.invitations.invite(NewInvitation("leo@new.example"))
    assert models.MemberRow.objects.filter(email_address="leo@new.example").count() == 0


def test_no_one_gives_a_role_with_more_permissions_than_their_own(acme: models.OrganizationRow) -> None:
    hal = acting(host(acme, "update.settings.roles"))
    assert hal.invitations.grantable_roles() == ("host",)
    with pytest.raises(Forbidden):
        hal.invitations.invite(NewInvitation(NIA, roles=("stytch_admin",)))
    assert "host" in hal.invitations.invite(NewInvitation(NIA, roles=("host",))).role_ids


def test_roles_need_a_permission_and_a_recent_proof(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    with pytest.raises(Forbidden):
        acting(host(acme)).invitations.invite(NewInvitation(NIA, roles=("host",)))
    directory = EmbeddedProvider().open("acme", Origin())
    token = factories.session_token(admin)
    factories.forget_password_entry()
    late = directory.acting_as(directory.sessions.authenticate(token))
    with pytest.raises(StepUpRequired):
        late.invitations.invite(NewInvitation(NIA, roles=("host",)))
    assert late.invitations.invite(NewInvitation(NIA)).status is MemberStatus.INVITED


# Lists


def test_a_list_says_what_will_happen_to_each_person(
    acme: models.OrganizationRow, admin: models.MemberRow, ada: EmbeddedDirectory
) -> None:
    former = factories.member(acme, "former@acme.example")
    models.MemberRow.objects.filter(pk=former.pk).update(status=MemberStatus.DELETED, email_address_verified=True)
    ada.invitations.revoke(ada.invitations.invite(NewInvitation("revoked@new.example")).member_id)
    ada.invitations.invite(NewInvitation("waiting@new.example"))
    lines = [
        DraftLine(1, NIA),
        DraftLine(2, "ADA@acme.example"),
        DraftLine(3, "former@acme.example"),
        DraftLine(4, "revoked@new.example"),
        DraftLine(5, "waiting@new.example"),
        DraftLine(6, NIA.upper()),
        DraftLine(7, "no address"),
        DraftLine(8, "x@new.example\0"),
        DraftLine(9, "king@new.example", roles=("king",)),
        DraftLine(10, "long@new.example", "x" * 300),
        DraftLine(11, "tlh@new.example", locale="tlh"),
        DraftLine(12, ""),
    ]

    job = ada.bulk_invitations.draft(lines)

    assert [state for _, state in states(ada, job.job_id)] == [
        "ready",
        "member",
        "deactivated",
        "ready",
        "invited",
        "duplicate",
        *["invalid"] * 6,
    ]
    assert (job.ready, job.total, job.state) == (2, 12, JobState.DRAFT)
    run_tasks()
    assert sent_to() == ["waiting@new.example"]


def test_the_organization_limits_invitations_by_domain(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    models.OrganizationRow.objects.update(
        settings={"email_invites": "RESTRICTED"}, email_allowed_domains=["new.example"]
    )
    factories.proved_domain(models.OrganizationRow.objects.get(slug="acme"), "new.example")
    directory = acting(admin)
    job = drafted(directory, [NIA, "leo@other.example"])
    assert states(directory, job.job_id) == [(NIA, "ready"), ("leo@other.example", "not_allowed")]


def test_a_job_invites_everyone_of_a_list_once(ada: EmbeddedDirectory) -> None:
    job_id = started(ada, ADDRESSES)
    run_tasks()

    job = ada.bulk_invitations.get(job_id)
    assert (job.state, job.sent, job.percent) == (JobState.FINISHED, 45, 100)
    assert sent_to() == sorted(ADDRESSES)
    entries = list(models.ActivityEntryRow.objects.values_list("action", flat=True))
    assert (entries.count("member.create"), entries.count("invitation_job.start")) == (45, 1)
    with pytest.raises(Conflict):
        ada.bulk_invitations.start(job_id)
    for again in range(2):
        jobs.invite_next.call(str(models.OrganizationRow.objects.get().pk), str(parse_id("invitation-job", job_id)))
        assert run_tasks() == 0, again
    assert len(mail.outbox) == 45


def test_two_jobs_with_the_same_people_invite_them_once(ada: EmbeddedDirectory) -> None:
    first, second = started(ada, ADDRESSES), started(ada, ADDRESSES)
    run_tasks()

    assert sent_to() == sorted(ADDRESSES)
    counts = [ada.bulk_invitations.get(job_id).counts for job_id in (first, second)]
    assert {(one.get(LineState.SENT, 0), one.get(LineState.INVITED, 0)) for one in counts} == {(45, 0), (0, 45)}


def test_what_was_not_stored_is_done_again(ada: EmbeddedDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A transaction holds member, email and result together: what ends in between leaves none of them."""
    monkeypatch.setattr(jobs, "CHUNK", 20)
    job_id = started(ada, ADDRESSES)
    real, seen = create_many, []

    def interrupted(*arguments: object, **options: object) -> object:
        seen.append(1)
        result = real(*arguments, **options)  # type: ignore[arg-type]  # -- passed on
        if len(seen) == 2:
            raise SystemExit
        return result

    monkeypatch.setattr(jobs, "create_many", interrupted)
    claim = claims.claim_next(models.MemberRow.objects.all()[0].pk)
    assert claim is not None
    failure = execute(claim)
    assert failure is not None
    assert models.InvitationRow.objects.count() == ada.bulk_invitations.get(job_id).sent == 20

    DBTaskResult.objects.filter(pk=claim.task_id).update(status="READY")
    run_tasks()
    assert ada.bulk_invitations.get(job_id).sent == 45
    assert sent_to() == sorted(ADDRESSES)


@pytest.fixture
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a task invite 20 people only."""
    monkeypatch.setattr(jobs, "CHUNK", 20)
    monkeypatch.setattr(jobs, "BATCH", 20)


def run_one() -> None:
    claim = claims.claim_next(models.MemberRow.objects.all()[0].pk)
    assert claim is not None
    store(claim, execute(claim))


@pytest.mark.usefixtures("_few_at_once")
@pytest.mark.parametrize("change", ["role", "member"])
def test_a_right_that_ends_while_the_job_runs_ends_the_job(
    acme: models.OrganizationRow, ada: EmbeddedDirectory, change: str
) -> None:
    hal = host(acme)
    job_id = started(acting(hal), ADDRESSES)
    run_one()
    changes: dict[str, object] = {"direct_roles": []} if change == "role" else {"status": MemberStatus.DELETED}
    models.MemberRow.objects.filter(pk=hal.pk).update(**changes)
    run_tasks()

    job = ada.bulk_invitations.get(job_id)
    assert (job.state, job.sent, job.counts[LineState.FAILED]) == (JobState.FINISHED, 20, 25)
    last = ada.bulk_invitations.lines(job_id).items[-1]
    assert last.reason == "Hal Host can no longer invite people."
    assert len(mail.outbox) == 20


@pytest.mark.usefixtures("_few_at_once")
def test_a_role_that_can_no_longer_be_given_and_a_new_setting_count(
    acme: models.OrganizationRow, admin: models.MemberRow
) -> None:
    hal = host(acme, "update.settings.roles")
    directory = acting(hal)
    with_roles = started(directory, ADDRESSES[:25], ("host",))
    run_one()
    role = {
        "role_id": "host",
        "description": "",
        "permissions": [{"resource_id": "stytch.member", "actions": ["create"]}],
    }
    models.OrganizationRow.objects.update(custom_roles=[role])
    run_tasks()
    assert directory.bulk_invitations.get(with_roles).counts == {LineState.SENT: 20, LineState.ROLE: 5}

    plain = started(acting(hal), ADDRESSES[25:])
    models.OrganizationRow.objects.update(settings={"email_invites": "NOT_ALLOWED"})
    run_tasks()
    assert directory.bulk_invitations.get(plain).counts == {LineState.NOT_ALLOWED: 20}


@pytest.mark.usefixtures("_few_at_once")
def test_a_canceled_job_invites_no_one_else(ada: EmbeddedDirectory) -> None:
    job_id = started(ada, ADDRESSES)
    run_one()
    job = ada.bulk_invitations.cancel(job_id)
    run_tasks()

    assert (job.state, job.counts) == (JobState.CANCELED, {LineState.SENT: 20, LineState.CANCELED: 25})
    assert len(mail.outbox) == 20
    with pytest.raises(Conflict):
        ada.bulk_invitations.cancel(job_id)


@pytest.mark.usefixtures("_few_at_once")
def test_another_organizations_task_runs_in_between(ada: EmbeddedDirectory, other_admin: models.MemberRow) -> None:
    started(ada, ADDRESSES)
    gil = acting(other_admin)
    gil.invitations.invite(NewInvitation(NIA))
    queue = ""
    for _ in range(2):
        claim = claims.claim_next(models.MemberRow.objects.all()[0].pk, after=queue)
        assert claim is not None
        store(claim, execute(claim))
        queue = claim.queue
    assert NIA in sent_to()


def test_a_list_of_another_organization_or_member_is_not_found(
    acme: models.OrganizationRow, ada: EmbeddedDirectory, other_admin: models.MemberRow
) -> None:
    job_id, gil, hal = drafted(ada, ADDRESSES).job_id, acting(other_admin), acting(host(acme))
    for directory in (gil, hal):
        bulk = directory.bulk_invitations
        for method in (bulk.get, bulk.lines, bulk.start, bulk.cancel):
            with pytest.raises(NotFound):
                method(job_id)


def test_lists_need_the_permission(ada: EmbeddedDirectory, member: models.MemberRow) -> None:
    job_id, bulk = started(ada, ADDRESSES), acting(member).bulk_invitations
    for method in (bulk.get, bulk.lines, bulk.start, bulk.cancel):
        with pytest.raises(Forbidden):
            method(job_id)
    with pytest.raises(Forbidden):
        drafted(acting(member), ADDRESSES)
    with pytest.raises(Forbidden):
        bulk.recent()


def test_starting_a_list_with_roles_needs_a_recent_proof(ada: EmbeddedDirectory, admin: models.MemberRow) -> None:
    factories.forget_password_entry()
    directory = EmbeddedProvider().open("acme", Origin())
    token = factories.session_token(admin)
    factories.forget_password_entry()
    late = directory.acting_as(directory.sessions.authenticate(token))
    job = drafted(late, ADDRESSES, ("stytch_admin",))
    with pytest.raises(StepUpRequired):
        late.bulk_invitations.start(job.job_id)
    assert late.bulk_invitations.get(job.job_id).state is JobState.DRAFT


def test_old_lists_and_ended_invitations_are_deleted(ada: EmbeddedDirectory, admin: models.MemberRow) -> None:
    started(ada, ADDRESSES[:2])
    run_tasks()
    drafted(ada, ADDRESSES)
    drafted(ada, ADDRESSES)
    assert models.InvitationJobRow.objects.count() == 2
    models.MemberRow.objects.filter(email_address=ADDRESSES[0]).update(status=MemberStatus.ACTIVE)
    assert jobs.prune() == 1
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        assert jobs.prune() == 1
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        assert jobs.prune() == 1
    assert models.InvitationLineRow.objects.count() == 0


def test_the_operators_invitations_are_listed(acme: models.OrganizationRow, ada: EmbeddedDirectory) -> None:
    from portal.embedded import operator  # noqa: PLC0415 -- only here

    operator.create_member(
        organization_slug="acme", email_address=NIA, name="", roles=[], password=None, origin=Origin()
    )

    (invitation,) = ada.invitations.page().items
    assert (invitation.member.email_address, invitation.invited_by) == (NIA, "")
    assert public_id("member", models.InvitationRow.objects.get().member_id) == invitation.member.member_id
