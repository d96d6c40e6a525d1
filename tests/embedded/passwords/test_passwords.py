"""Passwords as products use them (portal.directory.passwords)."""

import base64
import hashlib
import time
from datetime import timedelta
from typing import Any

import argon2
import bcrypt
import pytest
import time_machine
from django.contrib.auth.hashers import check_password
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from portal.directories import directories
from portal.directory.actor import Origin
from portal.directory.errors import Conflict, DirectoryError, Forbidden, Invalid, InvalidLink, Unauthenticated
from portal.directory.members import MemberStatus
from portal.directory.passwords import HASH_TYPES, MigratedMember, PasswordHash
from portal.directory.sessions import Continuation, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.members.sign_in_links import new_link
from portal.embedded.passwords.migrated import encoded_hash
from portal.embedded.passwords.strength import strength
from portal.embedded.project import EmbeddedProject
from tests import factories
from tests.conftest import PASSWORD
from tests.embedded.conftest import Opened, api_session, row_of

pytestmark = pytest.mark.django_db
ADA = "ada@acme.example"
NEW = "twelve pelicans over Utrecht"
TERMS = SessionTerms()
WORD = "pässword with ünicode 1"


def authenticate(opened: Opened, email_address: str = ADA, password: str = PASSWORD, **more: Any) -> SignedIn:
    outcome = opened(more.pop("slug", "acme")).passwords.authenticate(
        email_address=email_address, password=password, **{"terms": TERMS, **more}
    )
    assert outcome.signed_in
    return outcome.signed_in


# --- Signing in --------------------------------------------------------------------------------------------------------


def test_right_password_starts_a_products_session(
    known: EmbeddedProject, opened: Opened, admin: models.MemberRow
) -> None:
    who = authenticate(opened, "ADA@acme.example", terms=SessionTerms(duration_minutes=30, custom_claims={"a": 1}))

    assert who.session.roles == {"stytch_admin", "stytch_member"}
    assert [one.type for one in who.session.authentication_factors] == ["password"]
    assert (who.session.custom_claims, row_of(who).ends_when_idle) == ({"a": 1}, False)
    assert known.open_session(who.session_token)


@pytest.mark.parametrize(
    ("email_address", "password"),
    [
        (ADA, "wrong"),
        (ADA, ""),
        ("nobody@acme.example", PASSWORD),
        ("gil@globex.example", PASSWORD),
        ("gone@acme.example", PASSWORD),
        ("none@acme.example", ""),
    ],
)
def test_failed_sign_ins_have_the_same_message(
    opened: Opened, admin: models.MemberRow, other_admin: models.MemberRow, email_address: str, password: str
) -> None:
    factories.member(admin.organization, "none@acme.example")
    deleted = factories.member(admin.organization, "gone@acme.example", password=PASSWORD)
    models.MemberRow.objects.filter(pk=deleted.pk).update(status=MemberStatus.DELETED)

    for passwords in (opened("acme").passwords,):
        with pytest.raises(Unauthenticated) as error:
            passwords.authenticate(email_address=email_address, password=password, terms=TERMS)
        with pytest.raises(Unauthenticated) as second_error:
            passwords.reset_by_existing_password(
                email_address=email_address, existing_password=password, new_password=NEW, terms=TERMS
            )

    assert error.value.detail == second_error.value.detail == "Incorrect email or password."
    assert error.value.error_type == "unauthorized_credentials"


def test_organization_without_passwords_accepts_only_emergency_admins(
    opened: Opened, admin: models.MemberRow, member: models.MemberRow
) -> None:
    models.OrganizationRow.objects.filter(slug="acme").update(
        settings={"auth_methods": "RESTRICTED", "allowed_auth_methods": ["sso"]}
    )
    models.MemberRow.objects.filter(pk=admin.pk).update(is_breakglass=True)

    with pytest.raises(Forbidden) as error:
        authenticate(opened, "max@acme.example")

    assert error.value.error_type == "operation_restricted_by_organization_auth_methods"
    assert authenticate(opened)


def test_organization_without_passwords_rejects_sign_in_links(acme: models.OrganizationRow) -> None:
    link = new_link(factories.member(acme, "pia@acme.example")).url
    models.OrganizationRow.objects.update(settings={"auth_methods": "RESTRICTED", "allowed_auth_methods": ["sso"]})
    sign_in_links = directories().open("acme", Origin()).sign_in_links
    assert sign_in_links

    with pytest.raises(InvalidLink):
        sign_in_links.redeem(link.rpartition("=")[2], password=NEW)

    models.MemberRow.objects.update(is_breakglass=True)
    assert sign_in_links.redeem(link.rpartition("=")[2], password=NEW)


def test_current_session_continues(opened: Opened, admin: models.MemberRow) -> None:
    first = authenticate(opened)
    models.MemberSessionRow.objects.update(password_entered_at=timezone.now() - timedelta(hours=1))

    second = authenticate(
        opened, before=Continuation(session=first), terms=SessionTerms(duration_minutes=120, custom_claims={"a": 1})
    )

    assert second.session.member_session_id == first.session.member_session_id
    assert second.session_token == first.session_token
    entered_at = row_of(first).password_entered_at
    assert entered_at is not None
    assert entered_at > timezone.now() - timedelta(minutes=1)
    assert row_of(first).custom_claims == {"a": 1}


def test_another_members_session_is_rejected(opened: Opened, admin: models.MemberRow, max_: SignedIn) -> None:
    with pytest.raises(Invalid) as error:
        authenticate(opened, before=Continuation(session=max_))

    assert error.value.error_type == "member_session_member_id_mismatch"
    assert models.MemberSessionRow.objects.count() == 1


# --- Migrated hashes -------------------------------------------------------------------------------------------------------


def b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def hashed(name: str, before: str = "", after: str = "") -> str:
    return hashlib.new(name, (before + WORD + after).encode()).hexdigest()


SALT = b"\x00salt\xff$: 16 bytes"
SALTS = {"prepend_salt": "be$fore:", "append_salt": "äfter"}
PBKDF2 = {"salt": b64(SALT), "iteration_amount": 1000, "key_length": 32, "algorithm": "sha256"}
SCRYPT = {"salt": b64(SALT), "n_parameter": 1024, "r_parameter": 8, "p_parameter": 1, "key_length": 32}
ARGON2 = {"salt": "saltsaltsalt", "iteration_amount": 2, "memory": 1024, "threads": 1, "key_length": 32}


def argon2_hex(variant: argon2.Type) -> str:
    return argon2.low_level.hash_secret_raw(WORD.encode(), b"saltsaltsalt", 2, 1024, 1, 32, variant).hex()


def argon2_text(variant: argon2.Type) -> str:
    return argon2.PasswordHasher(time_cost=1, memory_cost=512, parallelism=2, type=variant).hash(WORD)


def scrypt(**more: Any) -> bytes:
    return hashlib.scrypt(WORD.encode(), **{"salt": SALT, "n": 1024, "r": 8, "p": 1, "dklen": 32, **more})


def hashes() -> dict[str, PasswordHash]:
    rounds = hashlib.pbkdf2_hmac("sha256", WORD.encode(), SALT, 1000, 32)
    rounds_512 = hashlib.pbkdf2_hmac("sha512", WORD.encode(), SALT, 1000, 64)
    phc = f"$scrypt$ln=10,r=8,p=1${b64(SALT).rstrip('=')}${b64(scrypt()).rstrip('=')}"
    php = bcrypt.hashpw(WORD.encode(), bcrypt.gensalt(4)).decode().replace("$2b$", "$2y$")
    old = bcrypt.hashpw(WORD.encode(), bcrypt.gensalt(4, prefix=b"2a")).decode()
    return {
        "bcrypt": PasswordHash("bcrypt", bcrypt.hashpw(WORD.encode(), bcrypt.gensalt(4)).decode()),
        "bcrypt of PHP": PasswordHash("bcrypt", php),
        "bcrypt 2a": PasswordHash("bcrypt", old),
        "md5": PasswordHash("md_5", hashed("md5")),
        "md5 in capitals": PasswordHash("md_5", hashed("md5").upper()),
        "md5 with salts": PasswordHash("md_5", hashed("md5", *SALTS.values()), SALTS),
        "sha1": PasswordHash("sha_1", hashed("sha1", "a"), {"prepend_salt": "a", "append_salt": ""}),
        "sha512": PasswordHash("sha_512", hashed("sha512", "", "b"), {"append_salt": "b", "prepend_salt": ""}),
        "argon2id": PasswordHash("argon_2id", argon2_text(argon2.Type.ID)),
        "argon2i": PasswordHash("argon_2i", argon2_text(argon2.Type.I)),
        "argon2id of parts": PasswordHash("argon_2id", argon2_hex(argon2.Type.ID), ARGON2),
        "argon2i of parts": PasswordHash("argon_2i", argon2_hex(argon2.Type.I), ARGON2),
        "scrypt": PasswordHash("scrypt", b64(scrypt()), SCRYPT),
        "scrypt encoded": PasswordHash("scrypt", phc),
        "pbkdf2": PasswordHash("pbkdf_2", b64(rounds), PBKDF2),
        "pbkdf2 sha512": PasswordHash("pbkdf_2", b64(rounds_512), {**PBKDF2, "algorithm": "sha512", "key_length": 64}),
    }


KINDS = hashes()


@pytest.fixture(params=["fast", "real"])
def _hasher(request: pytest.FixtureRequest, settings: Settings) -> None:
    if request.param == "real":
        from portal.settings import PASSWORD_HASHERS  # noqa: PLC0415 -- those that the tests replace

        settings.PASSWORD_HASHERS = PASSWORD_HASHERS


@pytest.mark.usefixtures("_hasher")
@pytest.mark.parametrize("kind", KINDS)
def test_migrated_hash_matches_only_its_password(kind: str) -> None:
    encoded = encoded_hash(KINDS[kind])

    assert len(encoded) <= 256
    assert KINDS[kind].hash not in encoded or KINDS[kind].hash_type.startswith("argon")
    assert check_password(WORD, encoded)
    assert not check_password(WORD + ".", encoded)
    assert not check_password("", encoded)


def test_phpass_hash_of_wordpress() -> None:
    """The example of phpass' own test program."""
    encoded = encoded_hash(PasswordHash("phpass", "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0"))

    assert check_password("test12345", encoded)
    assert not check_password("test12346", encoded)


def test_bcrypt_uses_72_bytes() -> None:
    encoded = encoded_hash(PasswordHash("bcrypt", bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()))

    assert check_password("x" * 100, encoded)


def test_all_hash_types_of_stytch_are_supported() -> None:
    assert {one.hash_type for one in KINDS.values()} | {"phpass"} == set(HASH_TYPES)


BAD: dict[str, tuple[PasswordHash, str]] = {
    "unknown": (PasswordHash("crypt", "x"), "invalid_hash_type"),
    "no bcrypt": (PasswordHash("bcrypt", "$2b$10$short"), "invalid_bcrypt_hash"),
    "endless bcrypt": (PasswordHash("bcrypt", "$2b$31$" + "a" * 53), "invalid_bcrypt_hash"),
    "no md5": (PasswordHash("md_5", "zz" * 16), "invalid_md_5_hash"),
    "short sha1": (PasswordHash("sha_1", "ab" * 19), "invalid_sha_1_hash"),
    "no sha512": (PasswordHash("sha_512", ""), "invalid_sha_512_hash"),
    "long salt": (PasswordHash("md_5", "ab" * 16, {"prepend_salt": "x" * 500}), "invalid_hash"),
    "no phpass": (PasswordHash("phpass", "$P$short"), "invalid_phpass_hash_format"),
    "endless phpass": (PasswordHash("phpass", "$P$z" + "a" * 30), "invalid_phpass_hash_format"),
    "pbkdf2 without parts": (PasswordHash("pbkdf_2", "YWJj"), "invalid_pbkdf_2_iteration_amount"),
    "pbkdf2 sha1": (PasswordHash("pbkdf_2", "YWJj", {**PBKDF2, "algorithm": "sha1"}), "invalid_pbkdf_2_algorithm"),
    "pbkdf2 of another length": (PasswordHash("pbkdf_2", "YWJj", PBKDF2), "pbkdf_2_key_length_mismatch"),
    "endless pbkdf2": (
        PasswordHash("pbkdf_2", "YWJj", {**PBKDF2, "iteration_amount": 10**9}),
        "invalid_pbkdf_2_iteration_amount",
    ),
    "pbkdf2 of many blocks": (
        PasswordHash("pbkdf_2", "YWJj" * 32, {**PBKDF2, "iteration_amount": 2_000_000, "key_length": 96}),
        "invalid_pbkdf_2_iteration_amount",
    ),
    "a length that is no number": (
        PasswordHash("pbkdf_2", "YWJj", {**PBKDF2, "key_length": [3]}),
        "pbkdf_2_key_length_mismatch",
    ),
    "scrypt without parts": (PasswordHash("scrypt", "YWJj"), "invalid_scrypt_n_parameter"),
    "scrypt of 3": (
        PasswordHash("scrypt", "YWJj", {**SCRYPT, "n_parameter": 3, "key_length": 3}),
        "invalid_scrypt_parameters",
    ),
    "greedy scrypt": (
        PasswordHash("scrypt", "YWJj", {**SCRYPT, "n_parameter": 262_144, "r_parameter": 64, "key_length": 3}),
        "invalid_scrypt_parameters",
    ),
    "greedy encoded scrypt": (PasswordHash("scrypt", "$scrypt$ln=60,r=8,p=1$YWJj$YWJj"), "invalid_scrypt_parameters"),
    "scrypt, not base64": (PasswordHash("scrypt", "!", SCRYPT), "invalid_base64_scrypt_hash"),
    "argon2 of the other kind": (PasswordHash("argon_2i", argon2_text(argon2.Type.ID)), "invalid_hash"),
    "argon2d": (PasswordHash("argon_2d", argon2_text(argon2.Type.D)), "invalid_hash_type"),
    "greedy argon2": (
        PasswordHash("argon_2id", "$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHQ$aGFzaA"),
        "invalid_argon_2_memory",
    ),
    "slow argon2": (
        PasswordHash("argon_2id", "$argon2id$v=19$m=262144,t=5,p=1$c2FsdHNhbHQ$aGFzaA"),
        "invalid_argon_2_memory",
    ),
    "argon2 with little memory": (
        PasswordHash("argon_2id", "$argon2id$v=19$m=7,t=1,p=1$c2FsdHNhbHQ$aGFzaA"),
        "invalid_argon_2_memory",
    ),
    "argon2 of no passes": (
        PasswordHash("argon_2id", "$argon2id$v=19$m=64,t=0,p=1$c2FsdHNhbHQ$aGFzaA"),
        "invalid_argon_2_memory",
    ),
    "argon2 with a short salt": (
        PasswordHash("argon_2id", "$argon2id$v=19$m=64,t=1,p=1$c2FsdA$aGFzaA"),
        "invalid_argon_2_salt",
    ),
    "argon2, not base64": (PasswordHash("argon_2id", "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzé"), "invalid_hash"),
    "bcrypt with a salt that there is not": (
        PasswordHash("bcrypt", "$2y$04$Whl6JHRXX/kyimKWhLibzBH5vuS5yn3LqnmpT6IknxEZxpPboX148"),
        "invalid_hash",
    ),
    "scrypt of no parts": (PasswordHash("scrypt", "$scrypt$ln=4,r=1,p=0$YWJj$YWJj"), "invalid_scrypt_parameters"),
    "argon2 without parts": (PasswordHash("argon_2id", "abcd"), "invalid_argon_2_memory"),
    "argon2 of another length": (PasswordHash("argon_2id", "abcd", ARGON2), "argon_2_key_length_mismatch"),
    "nothing": (PasswordHash("", ""), "invalid_hash_type"),
}


@pytest.mark.parametrize(("password", "error_type"), BAD.values(), ids=BAD)
def test_uncheckable_hash_is_rejected_with_the_reason(password: PasswordHash, error_type: str) -> None:
    with pytest.raises(Invalid) as error:
        encoded_hash(password)

    assert error.value.error_type == error_type
    if error_type == "invalid_hash_type":
        assert all(name in error.value.detail for name in HASH_TYPES)


@given(
    st.sampled_from([*HASH_TYPES, "other"]),
    st.text(max_size=80) | st.from_regex(r"\$(2[abxy]|argon2id?|scrypt|P|H)\$.{0,80}", fullmatch=True),
    st.dictionaries(st.sampled_from([*ARGON2, *SCRYPT, *PBKDF2, *SALTS]), st.integers(-1, 200) | st.text(max_size=20)),
)
@hypothesis_settings(deadline=None, max_examples=300, suppress_health_check=list(HealthCheck))
def test_accepted_hashes_can_be_checked(hash_type: str, text: str, config: dict[str, Any]) -> None:
    try:
        encoded = encoded_hash(PasswordHash(hash_type, text, config))
    except Invalid:
        return
    check_password(WORD, encoded)


def test_migration_creates_the_member(opened: Opened, acme: models.OrganizationRow) -> None:
    migrant = MigratedMember(
        "Pia@acme.example", name="Pia", roles=["stytch_admin"], external_id="p-1", trusted_metadata={"a": 1}
    )

    member, is_new = opened("acme").passwords.migrate(migrant, KINDS["bcrypt"])

    assert (is_new, member.name, member.external_id, member.email_address_verified) == (True, "Pia", "p-1", True)
    assert (member.status, member.trusted_metadata) == (MemberStatus.ACTIVE, {"a": 1})
    assert "stytch_admin" in member.role_ids
    assert authenticate(opened, "pia@acme.example", WORD)
    actions = models.ActivityEntryRow.objects.order_by("pk").values_list("action", "actor_type")
    assert list(actions)[:2] == [("member.create", "project"), ("member.set_password", "project")]


def test_migration_adds_the_password_to_an_existing_member(opened: Opened, acme: models.OrganizationRow) -> None:
    factories.member(acme, "pia@acme.example", name="Pia", roles=["stytch_admin"])

    member, is_new = opened("acme").passwords.migrate(MigratedMember("PIA@acme.example", external_id="x"), KINDS["md5"])

    assert (is_new, member.name, member.external_id) == (False, "Pia", "")
    assert "stytch_admin" in member.role_ids


def test_migration_does_not_replace_a_password(opened: Opened, admin: models.MemberRow) -> None:
    with pytest.raises(Conflict) as error:
        opened("acme").passwords.migrate(MigratedMember(ADA), KINDS["bcrypt"])

    assert error.value.error_type == "member_password_exists"
    assert authenticate(opened)


@pytest.mark.parametrize(
    "migrant", [MigratedMember("no address"), MigratedMember("p@a.example", roles=["none"]), MigratedMember("")]
)
def test_invalid_fields_of_a_migration_are_rejected(
    opened: Opened, acme: models.OrganizationRow, migrant: MigratedMember
) -> None:
    with pytest.raises(Invalid):
        opened("acme").passwords.migrate(migrant, KINDS["bcrypt"])

    assert not models.MemberRow.objects.exists()


def test_first_sign_in_rehashes_a_migrated_password(opened: Opened, acme: models.OrganizationRow) -> None:
    opened("acme").passwords.migrate(MigratedMember("pia@acme.example"), KINDS["md5"])
    assert models.MemberRow.objects.get().password.startswith("migrated$md_5$")

    with pytest.raises(Unauthenticated):
        authenticate(opened, "pia@acme.example", "wrong")
    assert models.MemberRow.objects.get().password.startswith("migrated$")
    authenticate(opened, "pia@acme.example", WORD)

    assert models.MemberRow.objects.get().password.startswith("md5$")  # the tests' own
    assert authenticate(opened, "pia@acme.example", WORD)


def test_long_passwords_are_wrong_without_hashing(opened: Opened, acme: models.OrganizationRow) -> None:
    longest, longer = "x" * 1024, "x" * 1025
    for email_address, word in (("a@acme.example", longest), ("b@acme.example", longer)):
        md5 = hashlib.md5(word.encode(), usedforsecurity=False).hexdigest()
        opened("acme").passwords.migrate(MigratedMember(email_address), PasswordHash("md_5", md5))

    assert authenticate(opened, "a@acme.example", longest)
    with pytest.raises(Unauthenticated):
        authenticate(opened, "b@acme.example", longer)


def test_migration_on_behalf_of_a_member_is_rejected(
    known: EmbeddedProject, opened: Opened, ada: SignedIn, max_: SignedIn, acme: models.OrganizationRow
) -> None:
    eve = factories.member(acme, "eve@acme.example", roles=["stytch_admin"])

    for holder in (ada, max_):
        directory = known.open_session(holder.session_token)[1]
        with pytest.raises(Forbidden):
            directory.passwords.migrate(MigratedMember(eve.email_address), PasswordHash("md_5", "ab" * 16))

    eve.refresh_from_db()
    assert (eve.password, eve.email_address_verified) == ("", False)


def test_migrated_password_signs_in_to_the_portal(opened: Opened, acme: models.OrganizationRow) -> None:
    opened("acme").passwords.migrate(MigratedMember("pia@acme.example"), KINDS["scrypt"])

    assert directories().open("acme", Origin()).sessions.sign_in(email_address="pia@acme.example", password=WORD)


# --- New ones ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "is_valid"),
    [
        ("", False),
        ("k9$Fz!", False),
        ("aaaaaaaaaaaaaaaa", False),
        ("Password1234", False),
        ("ada@acme.example", False),
        ("acme.example1", False),
        (NEW, True),
        (PASSWORD, True),
        ("x7" * 65, False),
        (NEW + " " * 40 + "é\0", True),
    ],
)
def test_new_password_has_to_be_long_and_hard_to_guess(password: str, is_valid: bool) -> None:
    judged = strength(password, email_address=ADA)

    assert judged.valid_password is is_valid
    assert 0 <= judged.score <= 4
    assert is_valid or judged.warning or judged.suggestions


def test_adversarial_password_is_scored_quickly() -> None:
    started_at = time.process_time()

    assert strength("4@8({[<369!|105$7+%2" * 6).valid_password
    assert strength(NEW, email_address="a@" * 8_000_000).valid_password

    assert time.process_time() - started_at < 1


def test_reset_replaces_the_password_and_revokes_sessions(
    known: EmbeddedProject, opened: Opened, ada: SignedIn
) -> None:
    outcome = opened("acme").passwords.reset_by_existing_password(
        email_address=ADA, existing_password=PASSWORD, new_password=NEW, terms=TERMS
    )

    assert outcome.signed_in
    assert known.open_session(outcome.signed_in.session_token)
    with pytest.raises(Unauthenticated):
        known.open_session(ada.session_token)
    with pytest.raises(Unauthenticated):
        authenticate(opened)
    assert authenticate(opened, password=NEW)
    assert models.ActivityEntryRow.objects.get(action="member.set_password").target_id == ada.member.member_id


def test_migrated_password_can_be_replaced(opened: Opened, acme: models.OrganizationRow) -> None:
    """Its hash is renewed on the way, by the same call."""
    opened("acme").passwords.migrate(MigratedMember("pia@acme.example"), KINDS["md5"])

    assert (
        opened("acme")
        .passwords.reset_by_existing_password(
            email_address="pia@acme.example", existing_password=WORD, new_password=NEW, terms=TERMS
        )
        .signed_in
    )
    assert authenticate(opened, "pia@acme.example", NEW)


def test_concurrent_resets_replace_the_password_once(
    opened: Opened, admin: models.MemberRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one's proof is the password that the first has replaced."""
    passwords = opened("acme").passwords
    proved = passwords._authenticated_member

    def overtaken(email_address: str, password: str) -> models.MemberRow:
        member = proved(email_address, password)
        monkeypatch.undo()
        opened("acme").passwords.reset_by_existing_password(
            email_address=ADA, existing_password=PASSWORD, new_password="seven otters under Ghent", terms=TERMS
        )
        return member

    monkeypatch.setattr(passwords, "_authenticated_member", overtaken)
    with pytest.raises(Unauthenticated):
        passwords.reset_by_existing_password(
            email_address=ADA, existing_password=PASSWORD, new_password=NEW, terms=TERMS
        )

    assert authenticate(opened, password="seven otters under Ghent")


def test_reset_continues_the_current_session(known: EmbeddedProject, opened: Opened, ada: SignedIn) -> None:
    other = authenticate(opened)

    outcome = opened("acme").passwords.reset_by_existing_password(
        email_address=ADA, existing_password=PASSWORD, new_password=NEW, terms=TERMS, before=Continuation(session=ada)
    )

    assert outcome.signed_in
    assert outcome.signed_in.session_token == ada.session_token
    with pytest.raises(Unauthenticated):
        known.open_session(other.session_token)


def test_reset_with_another_members_session_is_rejected(opened: Opened, ada: SignedIn, max_: SignedIn) -> None:
    with pytest.raises(Invalid):
        opened("acme").passwords.reset_by_existing_password(
            email_address=ADA,
            existing_password=PASSWORD,
            new_password=NEW,
            terms=TERMS,
            before=Continuation(session=max_),
        )

    assert row_of(ada).revoked_at is None
    assert authenticate(opened)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "x" * 200])
def test_weak_password_is_rejected(known: EmbeddedProject, opened: Opened, ada: SignedIn, password: str) -> None:
    with pytest.raises(Invalid) as error:
        opened("acme").passwords.reset_by_existing_password(
            email_address=ADA, existing_password=PASSWORD, new_password=password, terms=TERMS
        )
    _, directory = known.open_session(ada.session_token)
    with pytest.raises(Invalid) as second_error:
        directory.passwords.reset_by_session(password=password, terms=TERMS)

    assert (error.value.field, error.value.error_type) == ("new_password", "weak_password")
    assert (second_error.value.field, second_error.value.error_type) == ("password", "weak_password")
    assert authenticate(opened)
    assert row_of(ada).revoked_at is None


def test_session_with_recent_password_can_replace_it(known: EmbeddedProject, opened: Opened, ada: SignedIn) -> None:
    other = authenticate(opened)
    _, directory = known.open_session(ada.session_token)

    outcome = directory.passwords.reset_by_session(password=NEW, terms=SessionTerms(duration_minutes=90))

    assert outcome.signed_in
    assert outcome.signed_in.session_token == ada.session_token
    assert known.open_session(ada.session_token)
    with pytest.raises(Unauthenticated):
        known.open_session(other.session_token)
    assert authenticate(opened, password=NEW)


def test_session_without_recent_password_cannot_replace_it(
    known: EmbeddedProject, opened: Opened, ada: SignedIn, globex: models.OrganizationRow
) -> None:
    models.MemberRow.objects.update(email_address_verified=True)
    factories.member(globex, ADA, password="another one entirely")
    exchanged = opened("globex").sessions.exchange(api_session(models.MemberRow.objects.first() or 1), TERMS).signed_in  # type: ignore[arg-type]  # -- there is one
    assert exchanged
    _, elsewhere = known.open_session(exchanged.session_token)
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        _, later = known.open_session(ada.session_token)
        refusals: list[DirectoryError] = []
        for directory in (elsewhere, later):
            with pytest.raises(Forbidden) as error:
                directory.passwords.reset_by_session(password=NEW, terms=TERMS)
            refusals.append(error.value)

    assert {one.error_type for one in refusals} == {"session_too_old_to_reset_password"}
    assert authenticate(opened)


def test_reset_by_session_needs_a_session(opened: Opened, admin: models.MemberRow) -> None:
    with pytest.raises(Unauthenticated):
        opened("acme").passwords.reset_by_session(password=NEW, terms=TERMS)
