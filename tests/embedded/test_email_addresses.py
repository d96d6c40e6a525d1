"""Email addresses are compared by one rule everywhere, so that a similar domain gives no access."""

import re
from importlib import import_module
from pathlib import Path

import pytest
import structlog

from portal.access.rate_limits import Attempt, admit
from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.email_addresses import domain_of, fold_address
from portal.directory.errors import Conflict, Invalid, NotFound, Unauthenticated
from portal.directory.members import MemberChanges
from portal.directory.organizations import EmailImplicitRoleAssignment, OrganizationChanges
from portal.directory.search import Operand
from portal.directory.sessions import SessionTerms
from portal.embedded import models
from portal.embedded.directory import EmbeddedDirectory, EmbeddedProvider
from portal.embedded.models.fields import fold
from portal.embedded.organizations.email_domains import read_domain
from portal.embedded.project import EmbeddedProject
from tests import factories
from tests.conftest import PASSWORD
from tests.historical import apps_at
from tests.scim_server.conftest import Idp

ADMIN = "stytch_admin"
ROOT = Path(__file__).parents[2]
# Domains and local parts that belong to different people, though case folding or NFKC makes one of the two.
DIFFERENT = {
    "ß and ss": ("ada@strasse.example", "ada@straße.example"),
    "ß and ss in xn--": ("ada@strasse.example", "ada@xn--strae-oqa.example"),
    "ẞ and SS": ("ada@STRASSE.example", "ada@STRAẞE.example"),
    "ς and σ": ("ada@βόλοσ.example", "ada@βόλος.example"),
    "a joiner": ("ada@क्ष.example", "ada@क्\u200dष.example"),
    "full-width letters of a domain": ("ada@acme.example", "ada@ａcme.example"),
    "full-width letters of a local part": ("ada@acme.example", "ａda@acme.example"),
    "ß of a local part": ("strasse@acme.example", "straße@acme.example"),
    "a ligature": ("fin@acme.example", "ﬁn@acme.example"),
    "a long s": ("ada@business.example", "ada@buſiness.example"),
}
SAME = {
    "upper case": ("Ada@Acme.example", "ada@aCME.EXAMPLE"),
    "xn-- and Unicode": ("ada@straße.example", "ada@XN--STRAE-OQA.example"),
    "ß and ẞ": ("ada@straße.example", "ADA@STRAẞE.EXAMPLE"),
    "upper case beyond ASCII": ("elodie@üben.example", "Elodie@ÜBEN.example"),
    "composed and decomposed": ("elodie@\u00fcben.example", "elodie@u\u0308ben.example"),
}
each_difference = pytest.mark.parametrize(("theirs", "like_theirs"), DIFFERENT.values(), ids=DIFFERENT)
each_spelling = pytest.mark.parametrize(("theirs", "spelled"), SAME.values(), ids=SAME)


def project(slug: str = "acme") -> EmbeddedDirectory:
    return EmbeddedProject(Origin()).open(slug, Actor(ActorType.PROJECT, "secret-live-1"))


def roles_by(domain: str, role_id: str) -> OrganizationChanges:
    return OrganizationChanges(rbac_email_implicit_role_assignments=[EmailImplicitRoleAssignment(domain, role_id)])


def provision(idp: Idp, user_name: str) -> int:
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"]
    return int(idp.send("POST", "/Users", {"schemas": schemas, "userName": user_name}).status_code)


@each_difference
def test_different_addresses_are_not_equal(theirs: str, like_theirs: str) -> None:
    assert fold_address(theirs) != fold_address(like_theirs)
    assert fold_address(fold_address(like_theirs)) == fold_address(like_theirs)


@each_spelling
def test_spellings_of_one_address_are_equal(theirs: str, spelled: str) -> None:
    assert fold_address(theirs) == fold_address(spelled)
    assert domain_of(theirs) == domain_of(spelled)


@pytest.mark.parametrize("text", ["", "@", "ada", "xn--", "a@xn--", "a@xn--a", "a@..", "a@ü" * 10_000, "\0", "\ud800"])
def test_other_text_is_folded_too(text: str) -> None:
    assert fold_address(fold_address(text)) == fold_address(text)


@each_difference
def test_session_is_not_exchanged_for_a_similar_address(
    theirs: str, like_theirs: str, acme: models.OrganizationRow, globex: models.OrganizationRow
) -> None:
    factories.member(acme, theirs)
    attacker = factories.member(globex, like_theirs)
    models.MemberRow.objects.update(email_address_verified=True)
    held, _ = EmbeddedProject(Origin()).open_session(factories.product_session_token(attacker))

    with pytest.raises(NotFound):
        project().sessions.exchange(held, SessionTerms())


@each_difference
def test_similar_address_neither_signs_in_nor_is_discovered(
    theirs: str, like_theirs: str, acme: models.OrganizationRow
) -> None:
    factories.member(acme, theirs, password=PASSWORD)

    with pytest.raises(Unauthenticated):
        EmbeddedProvider().open("acme", Origin()).sessions.sign_in(email_address=like_theirs, password=PASSWORD)
    with pytest.raises(Unauthenticated):
        EmbeddedProvider().discovery(Origin()).authenticate(email_address=like_theirs, password=PASSWORD)


@each_difference
def test_similar_addresses_can_both_be_members(theirs: str, like_theirs: str, acme: models.OrganizationRow) -> None:
    members = project().members
    for address in (theirs, like_theirs):
        factories.member(acme, address)

    for address in (theirs, like_theirs):
        assert members.by_email_address(address).email_address == address
        found = members.search([Operand("member_emails", [address])])
        assert [one.email_address for one in found.items] == [address]


@pytest.mark.parametrize("name", ["ß and ss", "ß and ss in xn--", "ς and σ", "a joiner"])
def test_similar_domain_has_neither_roles_nor_trust(name: str, acme: models.OrganizationRow) -> None:
    theirs, like_theirs = DIFFERENT[name]
    domain = theirs.partition("@")[2]
    project().organization.update(roles_by(domain, ADMIN))
    project().organization.update(OrganizationChanges(email_allowed_domains=[domain]))
    factories.member(acme, like_theirs)
    members, idp = project().members, Idp(factories.scim_connection(acme), "scim_token-of-acme")

    assert ADMIN not in members.by_email_address(like_theirs).role_ids
    # Okta's request: a member of a domain that isn't allowed is not linked without an admin's approval.
    assert provision(idp, like_theirs) == 409
    assert ADMIN in members.create(MemberChanges(email_address=theirs)).role_ids
    assert provision(idp, theirs) == 201


@pytest.mark.parametrize(
    "domain", ["ａcme.example", "a\u200db.example", "a☃.example", "buſiness.example", "xn--a.example"]
)
def test_domain_that_idna_does_not_allow_is_invalid(domain: str) -> None:
    with pytest.raises(Invalid):
        read_domain(domain)


@each_spelling
def test_spellings_of_one_address_are_one_member(theirs: str, spelled: str, acme: models.OrganizationRow) -> None:
    factories.member(acme, theirs, password=PASSWORD)
    members = project().members

    with pytest.raises(Conflict):
        members.create(MemberChanges(email_address=spelled))
    assert members.by_email_address(spelled).email_address == theirs
    signed_in = EmbeddedProvider().open("acme", Origin()).sessions.sign_in(email_address=spelled, password=PASSWORD)
    assert signed_in.member.email_address == theirs
    assert EmbeddedProvider().discovery(Origin()).authenticate(email_address=spelled, password=PASSWORD).organizations


@each_spelling
def test_spellings_of_one_domain_have_its_roles_and_trust(
    theirs: str, spelled: str, acme: models.OrganizationRow
) -> None:
    domain = spelled.partition("@")[2]
    project().organization.update(roles_by(domain, ADMIN))
    project().organization.update(OrganizationChanges(email_allowed_domains=[domain]))
    factories.member(acme, theirs)

    assert ADMIN in project().members.by_email_address(theirs).role_ids
    idp = Idp(factories.scim_connection(acme), "scim_token-of-acme")
    assert provision(idp, theirs) == 201
    assert models.ScimUserRow.objects.get().member is not None


@each_spelling
def test_attempts_with_all_spellings_are_counted_together(
    theirs: str, spelled: str, db: None, settings: object
) -> None:
    settings.SIGN_IN_RATE_PER_MEMBER = "1 per hour"  # type: ignore[attr-defined]  # -- pytest-django's

    assert admit(Attempt("192.0.2.1", "acme", theirs))
    assert not admit(Attempt("192.0.2.1", "acme", spelled))


@each_spelling
def test_former_address_is_kept_in_all_spellings(theirs: str, spelled: str, acme: models.OrganizationRow) -> None:
    members = project().members
    had = members.create(MemberChanges(email_address=theirs))
    members.update(had.member_id, MemberChanges(email_address="eve@acme.example"))

    with pytest.raises(Conflict):
        members.create(MemberChanges(email_address=spelled))
    members.unlink_retired_email(had.member_id, email_address=spelled)
    assert members.create(MemberChanges(email_address=spelled))


def test_no_other_module_folds_addresses() -> None:
    """By no other lower case or folding in the code."""
    other = re.compile(
        r"\b(fold|casefold|lower)\(.*(address|email|domain)|(address|email|domain)\w*\.(lower|casefold)\("
    )
    files = [path for path in (ROOT / "portal").rglob("*.py") if "migrations" not in path.parts]
    found = {f"{path.name}: {line}" for path in files for line in path.read_text().splitlines() if other.search(line)}

    assert found == set()


# --- What is stored from before ------------------------------------------------------------------------------------------


def migrate() -> None:
    import_module("portal.embedded.migrations.0025_addresses_by_idna").fold_addresses(
        apps_at("0025_addresses_by_idna"), None
    )


def test_migration_folds_stored_addresses_again(acme: models.OrganizationRow) -> None:
    ada, eve = factories.member(acme, "Ada@Straße.example"), factories.member(acme, "eve@acme.example")
    scim = factories.scim_connection(acme)
    contact = models.ScimContactRow.objects.create(
        organization=acme,
        connection=scim,
        email_address="ada@straße.example",
        email_address_folded="ada@strasse.example",
    )
    waiting = factories.scim_user(scim, "Bob@Straße.example")
    models.MemberRow.objects.filter(pk=ada.pk).update(email_address_folded=fold(ada.email_address))
    models.MemberRow.objects.filter(pk=eve.pk).update(
        retired_email_addresses=[
            {"id": str(eve.pk), "email_address": "eve@straße.example", "folded": fold("eve@straße.example")}
        ]
    )
    models.ScimContactRow.objects.update(email_address_folded=fold("ada@straße.example"))
    models.ScimUserRow.objects.update(awaited_address=fold("Bob@Straße.example"))
    models.OrganizationRow.objects.update(
        email_allowed_domains=["xn--strae-oqa.example", "acme.example"],
        settings={
            "claimed_email_domains": ["xn--strae-oqa.example"],
            "rbac_email_implicit_role_assignments": [{"domain": "xn--strae-oqa.example", "role_id": ADMIN}],
        },
    )

    migrate()
    migrate()

    for row in (ada, eve, contact, waiting, acme):
        row.refresh_from_db()
    assert ada.email_address_folded == contact.email_address_folded == "ada@straße.example"
    assert [one["folded"] for one in eve.retired_email_addresses or ()] == ["eve@straße.example"]
    assert waiting.awaited_address == "bob@straße.example"
    assert acme.email_allowed_domains == ["straße.example", "acme.example"]
    assert acme.settings == {
        "claimed_email_domains": ["straße.example"],
        "rbac_email_implicit_role_assignments": [{"domain": "straße.example", "role_id": ADMIN}],
    }
    assert ADMIN in project().members.by_email_address("ada@STRAẞE.example").role_ids


def test_migration_succeeds_with_members_whose_addresses_became_equal(acme: models.OrganizationRow) -> None:
    first = factories.member(acme, "ada@xn--strae-oqa.example")
    models.MemberRow.objects.update(email_address_folded="ada@xn--strae-oqa.example")
    second = factories.member(acme, "ada@straße.example")
    models.MemberRow.objects.filter(pk=second.pk).update(email_address_folded=fold("ada@straße.example"))

    with structlog.testing.capture_logs() as logs:
        migrate()

    assert project().members.by_email_address("ada@straße.example").member_id.endswith(str(second.pk))
    assert [(one["event"], one["id"]) for one in logs] == [("address_in_two_spellings", str(first.pk))]
    # The other can still be given an address of their own.
    project().members.update(f"member-live-{first.pk}", MemberChanges(email_address="eve@acme.example"))
