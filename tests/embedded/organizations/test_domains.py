"""Email domains: what proves one, what lapses, and who may join by it (portal.directory.domains)."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from django.core import mail
from django.db import connections
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.domains import MAX_DOMAINS, Domain, DomainFinding, DomainState
from portal.directory.errors import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    StepUpRequired,
    TooManyRequests,
    Unauthenticated,
)
from portal.directory.organizations import OrganizationChanges
from portal.directory.sessions import SessionTerms
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory
from portal.embedded.organizations import domain_checks
from portal.embedded.organizations.domain_checks import enqueue_checks
from portal.embedded.organizations.domains import EmbeddedDomains
from portal.embedded.project import EmbeddedProject
from portal.embedded.scope import Scope
from portal.embedded.sessions.intermediate import start_intermediate_session
from portal.embedded.sign_in.joining import may_join
from portal.outbound import dns
from tests import factories
from tests.conftest import PASSWORD
from tests.dns_server import FAILS, MISSING, DnsServer, garbage, hangs, serve_dns, txt
from tests.tasks import run_tasks

pytestmark = pytest.mark.django_db
DOMAIN, RECORD = "acme.example", "_gatehouse.acme.example"
BACKEND = Actor(ActorType.PROJECT, "secret-1", "secret …abcd")
NEW = "new@acme.example"


@pytest.fixture
def dns_server(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsServer]:
    monkeypatch.setattr(dns, "_SECONDS", 0.4)
    with serve_dns() as server:
        settings.DNS_RESOLVERS = (server.resolver,)
        yield server


@pytest.fixture
def domains(acme: models.OrganizationRow, admin: models.MemberRow) -> EmbeddedDomains:
    return of(admin)


def of(member: models.MemberRow) -> EmbeddedDomains:
    portal = EmbeddedDirectory(Scope(member.organization.slug, Origin(ip_address="192.0.2.1")))
    signed_in = portal.sessions.sign_in(email_address=member.email_address, password=PASSWORD)
    return portal.acting_as(signed_in).domains


def backend(slug: str = "acme") -> EmbeddedDirectory:
    return EmbeddedProject(Origin()).open(slug, BACKEND)


def set_by_product(*listed: str, slug: str = "acme") -> None:
    backend(slug).organization.update(OrganizationChanges(email_allowed_domains=listed))


def lets_join(slug: str = "acme", email_address: str = NEW) -> bool:
    models.OrganizationRow.objects.update(settings={"email_jit_provisioning": "RESTRICTED"})
    return may_join(models.OrganizationRow.objects.get(slug=slug), email_address)


def owned(dns_server: DnsServer, domains: EmbeddedDomains) -> Domain:
    added = domains.add(DOMAIN)
    dns_server.answers[RECORD] = txt("v=other", added.record_value)
    return checked(domains, added)


def checked(domains: EmbeddedDomains, domain: Domain) -> Domain:
    """Look the record up now, as the schedule does."""
    enqueue_checks()
    run_tasks()
    return domains.get(domain.domain_id)


def code() -> str:
    run_tasks()
    found = re.search(r"\b\d{3} ?\d{3}\b", str(mail.outbox[-1].body))
    assert found
    return found[0]


# --- Who may join ------------------------------------------------------------------------------------------------


def test_nobody_joins_by_a_domain_that_a_member_added(domains: EmbeddedDomains) -> None:
    added = domains.add(f" @{DOMAIN.upper()}. ")

    assert (added.domain, added.state, added.lets_join) == (DOMAIN, DomainState.NOT_PROVED, False)
    assert backend().organization.get().email_allowed_domains == (DOMAIN,)
    assert not lets_join()


def test_people_join_by_a_domain_that_the_product_set(acme: models.OrganizationRow) -> None:
    set_by_product(DOMAIN)

    assert lets_join()
    assert not lets_join(email_address="new@sub.acme.example")


def test_a_product_that_sends_the_whole_list_vouches_for_nothing_that_was_in_it(domains: EmbeddedDomains) -> None:
    domains.add(DOMAIN)

    set_by_product(DOMAIN, "other.example")

    assert [(one.domain, one.lets_join) for one in domains.all()] == [(DOMAIN, False), ("other.example", True)]
    set_by_product("other.example")
    set_by_product(DOMAIN, "other.example")
    assert lets_join()


def test_the_sdk_lets_nobody_join(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    portal = EmbeddedDirectory(Scope("acme", Origin()))
    signed_in = portal.sessions.sign_in(email_address=admin.email_address, password=PASSWORD)

    backend().acting_as(signed_in).organization.update(OrganizationChanges(email_allowed_domains=[DOMAIN]))

    assert not lets_join()


def test_invitations_of_allowed_domains_need_a_proof(domains: EmbeddedDomains) -> None:
    domains.add(DOMAIN)
    models.OrganizationRow.objects.update(settings={"email_invites": "RESTRICTED"})

    with pytest.raises(Forbidden, match="inviting"):
        backend().magic_links._require_invitations(NEW)
    models.EmailDomainRow.objects.update(is_trusted=True)
    backend().magic_links._require_invitations(NEW)


# --- What can be added -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "domain",
    [
        "gmail.com",
        "acme",
        "*.acme.example",
        "192.0.2.1",
        "a b.example",
        f"{'a' * 60}.{'b' * 60}.{'c' * 60}.{'d' * 60}.example",
    ],
)
def test_what_nobody_can_own_is_rejected(domains: EmbeddedDomains, domain: str) -> None:
    with pytest.raises(Invalid):
        domains.add(domain)


def test_spellings_of_one_domain_are_one_domain(domains: EmbeddedDomains) -> None:
    added = domains.add("Straße.EXAMPLE")

    assert added.record_name == "_gatehouse.xn--strae-oqa.example"
    with pytest.raises(Conflict):
        domains.add("xn--strae-oqa.example.")


def test_there_is_a_limit(domains: EmbeddedDomains, acme: models.OrganizationRow) -> None:
    for number in range(MAX_DOMAINS):
        factories.proved_domain(acme, f"d{number}.example")

    with pytest.raises(Conflict, match="most"):
        domains.add(DOMAIN)


# --- Rights ------------------------------------------------------------------------------------------------------


def test_changes_need_the_permission_and_a_recent_proof(
    domains: EmbeddedDomains, member: models.MemberRow, admin: models.MemberRow
) -> None:
    added, others = domains.add(DOMAIN), of(member)
    changes: tuple[Callable[[EmbeddedDomains], object], ...] = (
        lambda one: one.add("x.example"),
        lambda one: one.remove(added.domain_id),
        lambda one: one.send_code(added.domain_id, NEW),
        lambda one: one.prove_affiliation(added.domain_id, email_address=NEW, code="123456"),
    )

    assert others.all() == (added,)
    with pytest.raises(Forbidden):
        others.check_now(added.domain_id)
    for change in changes:
        with pytest.raises(Forbidden):
            change(others)
    with time_machine.travel(timezone.now() + timedelta(minutes=40)):
        for change in changes:
            with pytest.raises(StepUpRequired):
                change(domains)


def test_a_domain_of_another_organization_does_not_exist(
    domains: EmbeddedDomains, other_admin: models.MemberRow
) -> None:
    added, others = domains.add(DOMAIN), of(other_admin)

    assert others.all() == ()
    for act in (
        lambda: others.get(added.domain_id),
        lambda: others.remove(added.domain_id),
        lambda: others.check_now(added.domain_id),
        lambda: others.send_code(added.domain_id, NEW),
        lambda: others.prove_affiliation(added.domain_id, email_address=NEW, code="123456"),
    ):
        with pytest.raises(NotFound):
            act()


# --- Ownership ---------------------------------------------------------------------------------------------------


def test_a_record_proves_ownership(dns_server: DnsServer, domains: EmbeddedDomains) -> None:
    found = owned(dns_server, domains)

    assert (found.state, found.finding, found.lets_join) == (DomainState.OWNED, DomainFinding.FOUND, True)
    assert lets_join()
    assert models.ActivityEntryRow.objects.filter(action="organization.own_domain").count() == 1


def test_another_value_is_shown_and_proves_nothing(dns_server: DnsServer, domains: EmbeddedDomains) -> None:
    added = domains.add(DOMAIN)
    dns_server.answers[RECORD] = txt(f"x{added.record_value}", "gatehouse-domain=old")

    found = checked(domains, added)

    assert (found.state, found.finding) == (DomainState.NOT_PROVED, DomainFinding.OTHER_VALUE)
    assert found.found_value == "gatehouse-domain=old"


def test_the_first_to_prove_ownership_keeps_others_out(
    dns_server: DnsServer, domains: EmbeddedDomains, other_admin: models.MemberRow
) -> None:
    others = of(other_admin)
    claimed, added = others.add(DOMAIN), domains.add(DOMAIN)
    dns_server.answers[RECORD] = txt(claimed.record_value, added.record_value)
    domains.check_now(added.domain_id)
    run_tasks()

    found = checked(others, claimed)

    assert domains.get(added.domain_id).state is DomainState.OWNED
    assert (found.state, found.finding) == (DomainState.NOT_PROVED, DomainFinding.TAKEN)
    assert not lets_join("globex")
    domains.remove(added.domain_id)
    others.check_now(claimed.domain_id)
    run_tasks()
    assert others.get(claimed.domain_id).state is DomainState.OWNED


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_of_two_organizations_at_once_one_owns_the_domain(
    dns_server: DnsServer, domains: EmbeddedDomains, other_admin: models.MemberRow
) -> None:
    added = [domains.add(DOMAIN), of(other_admin).add(DOMAIN)]
    dns_server.answers[RECORD] = txt(*(one.record_value for one in added))
    rows, barrier = list(models.EmailDomainRow.objects.all()), Barrier(2)

    def check(row: models.EmailDomainRow) -> None:
        barrier.wait()
        domain_checks.check_record.call(str(row.organization_id), str(row.pk))
        connections.close_all()

    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(check, rows))
        assert models.OwnedDomainRow.objects.filter(domain=DOMAIN).count() == 1
        assert models.EmailDomainRow.objects.filter(owned_at__isnull=False).count() == 1
        assert models.EmailDomainRow.objects.filter(finding=DomainFinding.TAKEN).count() == 1
        models.OwnedDomainRow.objects.all().delete()
        models.EmailDomainRow.objects.update(owned_at=None, finding="")


def test_a_removed_or_deleted_organizations_domain_is_free(dns_server: DnsServer, domains: EmbeddedDomains) -> None:
    owned(dns_server, domains)

    backend().organization.delete()

    assert not models.OwnedDomainRow.objects.exists()
    assert enqueue_checks() == 0


# --- The schedule, and what lapses -------------------------------------------------------------------------------


def test_records_are_looked_up_each_minute_then_each_day_then_no_more(domains: EmbeddedDomains) -> None:
    domains.add(DOMAIN)
    row = models.EmailDomainRow.objects.get()
    row.finding = DomainFinding.MISSING

    def wait(**after: float) -> timedelta | None:
        now = row.created_at + timedelta(**after)
        due = domain_checks._next_check(row, now)
        return due - now if due else None

    assert [wait(seconds=1), wait(minutes=59)] == [timedelta(minutes=1)] * 2
    assert [wait(hours=1), wait(days=29)] == [timedelta(days=1)] * 2
    assert wait(days=30) is None
    row.owned_at = row.created_at
    assert wait(days=300) == timedelta(days=1)


def test_a_missing_record_warns_before_it_lapses(
    dns_server: DnsServer, domains: EmbeddedDomains, admin: models.MemberRow, settings: Settings
) -> None:
    settings.EMAIL_IS_SET_UP = True
    models.MemberRow.objects.update(email_address_verified=True)
    added, began = owned(dns_server, domains), timezone.now()
    dns_server.answers[RECORD] = MISSING

    def after(**time: float) -> Domain:
        with time_machine.travel(began + timedelta(**time)):
            return checked(domains, added)

    assert after(days=1, minutes=1).state is DomainState.LAPSING
    assert mail.outbox == []
    assert after(days=1, hours=2).lapses_at
    assert after(days=1, hours=4).lets_join
    (email,) = mail.outbox
    assert email.to == [admin.email_address]
    assert str(added.record_value) in email.body
    assert after(days=7, hours=23).state is DomainState.LAPSING
    lapsed = after(days=8, minutes=2)
    assert (lapsed.state, lapsed.lets_join) == (DomainState.LAPSED, False)
    assert not models.OwnedDomainRow.objects.exists()
    dns_server.answers[RECORD] = txt(added.record_value)
    assert after(days=9, hours=1).state is DomainState.OWNED
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("answer", [FAILS, hangs, garbage])
def test_servers_that_fail_let_nothing_lapse(dns_server: DnsServer, domains: EmbeddedDomains, answer: object) -> None:
    added, began = owned(dns_server, domains), timezone.now()
    dns_server.answers[RECORD] = answer  # type: ignore[assignment]  # -- one of them

    for days in (2, 30):
        with time_machine.travel(began + timedelta(days=days)):
            found = checked(domains, added)
        assert (found.state, found.finding) == (DomainState.OWNED, DomainFinding.NO_ANSWER)
    assert found.checked_at
    assert found.missing_since is None


def test_a_check_that_a_worker_lost_is_added_again(dns_server: DnsServer, domains: EmbeddedDomains) -> None:
    domains.add(DOMAIN)

    assert [enqueue_checks(), enqueue_checks()] == [1, 0]
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        assert enqueue_checks() == 1
    assert run_tasks() == 2


def test_checks_that_members_ask_for_are_limited(dns_server: DnsServer, domains: EmbeddedDomains) -> None:
    added = domains.add(DOMAIN)
    for _ in range(6):
        domains.check_now(added.domain_id)

    with pytest.raises(TooManyRequests):
        domains.check_now(added.domain_id)
    assert run_tasks() == 1


# --- Affiliation -------------------------------------------------------------------------------------------------


def test_a_code_proves_affiliation_once(domains: EmbeddedDomains, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = True
    added = domains.add(DOMAIN)
    domains.send_code(added.domain_id, NEW)
    right = code()
    assert mail.outbox[-1].to == [NEW]

    found = domains.prove_affiliation(added.domain_id, email_address=NEW, code=right)

    assert (found.state, found.lets_join, found.affiliated_address) == (DomainState.AFFILIATED, True, NEW)
    assert lets_join(email_address="another@acme.example")
    with pytest.raises(Unauthenticated):
        domains.prove_affiliation(added.domain_id, email_address=NEW, code=right)


def test_a_code_cannot_be_guessed_or_used_elsewhere(domains: EmbeddedDomains, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = True
    added, other = domains.add(DOMAIN), domains.add("other.example")
    domains.send_code(added.domain_id, NEW)
    right = code()
    wrong = f"{(int(right.replace(' ', '')) + 1) % 1_000_000:06}"

    with pytest.raises(Invalid):
        domains.prove_affiliation(other.domain_id, email_address=NEW, code=right)
    with pytest.raises(Unauthenticated):
        backend().email_otps.authenticate(email_address=NEW, code=right, terms=SessionTerms())
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            domains.prove_affiliation(added.domain_id, email_address=NEW, code=wrong)
    with pytest.raises(Unauthenticated):
        domains.prove_affiliation(added.domain_id, email_address=NEW, code=right)


def test_codes_to_all_addresses_in_a_domain_are_limited_together(domains: EmbeddedDomains, settings: Settings) -> None:
    settings.EMAIL_IS_SET_UP = True
    added = domains.add(DOMAIN)
    with pytest.raises(Invalid):
        domains.send_code(added.domain_id, "new@sub.acme.example")
    for number in range(5):
        domains.send_code(added.domain_id, f"n{number}@acme.example")

    with pytest.raises(TooManyRequests):
        domains.send_code(added.domain_id, NEW)


def test_affiliation_does_not_count_where_another_organization_owns_the_domain(
    dns_server: DnsServer, domains: EmbeddedDomains, other_admin: models.MemberRow, settings: Settings
) -> None:
    settings.EMAIL_IS_SET_UP = True
    others = of(other_admin)
    for one in others.add(DOMAIN), others.add("late.example"):
        others.send_code(one.domain_id, f"gil@{one.domain}")
        right = code()
        if one.domain == DOMAIN:
            others.prove_affiliation(one.domain_id, email_address=f"gil@{one.domain}", code=right)
    assert lets_join("globex")

    owned(dns_server, domains)
    models.OwnedDomainRow.objects.create(
        organization_id=models.OrganizationRow.objects.get(slug="acme").pk,
        domain="late.example",
        owned_at=timezone.now(),
    )

    assert not lets_join("globex")
    assert lets_join("acme")
    with pytest.raises(Conflict, match="Another organization"):
        others.prove_affiliation(one.domain_id, email_address="gil@late.example", code=right)


def test_a_creator_is_affiliated_with_their_own_domain_alone(db: None) -> None:
    _, token = start_intermediate_session("eve@eve.example", (), proves_address=True)
    new = OrganizationChanges(organization_name="Eve", email_allowed_domains=["eve.example", DOMAIN])

    EmbeddedProject(Origin()).discovery(None).create_organization(token, new, SessionTerms())

    assert {one.domain: bool(one.affiliated_at) for one in models.EmailDomainRow.objects.all()} == {
        "eve.example": True,
        DOMAIN: False,
    }
