"""Session JWTs and the keys that sign them."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import RSAKey
from pytest_django import Settings

from portal.directory.actor import Origin
from portal.directory.errors import Conflict, NotFound, Unauthenticated, Unavailable
from portal.directory.ids import public_id
from portal.directory.sessions import ORGANIZATION_CLAIM, SESSION_CLAIM, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.database.encryption import decrypted, encrypted
from portal.embedded.project import EmbeddedProject
from portal.embedded.sessions import jwts, signing_keys
from tests.embedded.conftest import ORIGIN, api_session
from tests.meta.test_settings import GOOD, ROOT

pytestmark = pytest.mark.django_db


def part(token: str, number: int) -> dict[str, Any]:
    text = token.split(".")[number]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


def resigned(token: str, key: Any, *, header: dict[str, Any] | None = None, session: Any = None, **claims: Any) -> str:
    """Return the same JWT with other claims, signed by someone else."""
    named = {**part(token, 0), **(header or {})}
    if session is not None:
        claims[SESSION_CLAIM] = session
    return jwt.encode(named, {**part(token, 1), **claims}, key, algorithms=["RS256"])


def test_jwt_has_the_claims_that_sdks_read(known: EmbeddedProject, ada: SignedIn) -> None:
    token = jwts.signed(ada)

    header, claims = part(token, 0), part(token, 1)
    project_id = public_id("project", models.ProjectRow.objects.get().pk)
    assert header == {"typ": "JWT", "alg": "RS256", "kid": signing_keys.current_key().kid}
    assert (claims["iss"], claims["aud"]) == (f"stytch.com/{project_id}", [project_id])
    assert claims["sub"] == ada.member.member_id
    assert claims["exp"] - claims["iat"] == 300
    assert claims["nbf"] == claims["iat"]
    assert claims[ORGANIZATION_CLAIM] == {"organization_id": ada.organization.organization_id, "slug": "acme"}
    session = claims[SESSION_CLAIM]
    assert session["id"] == ada.session.member_session_id
    assert session["roles"] == ["stytch_admin", "stytch_member"]
    assert session["attributes"] == {"ip_address": "192.0.2.1", "user_agent": "a product"}
    assert [(f["type"], f["delivery_method"]) for f in session["authentication_factors"]] == [("password", "knowledge")]
    assert session["expires_at"].endswith("Z")
    assert set(session) >= {"started_at", "last_accessed_at"}


def test_custom_claims_cannot_replace_standard_claims(known: EmbeddedProject, admin: models.MemberRow) -> None:
    held = api_session(admin, SessionTerms(custom_claims={"plan": "gold", "seats": [1, {"a": "é"}]}))

    claims = part(jwts.signed(held), 1)

    assert (claims["plan"], claims["seats"]) == ("gold", [1, {"a": "é"}])


def test_jwt_expires_with_its_session(known: EmbeddedProject, ada: SignedIn) -> None:
    with time_machine.travel(ada.session.expires_at - timedelta(seconds=90), tick=False):
        claims = part(jwts.signed(ada), 1)

    assert claims["exp"] - claims["iat"] in {89, 90}


def test_expired_jwt_finds_its_session(known: EmbeddedProject, ada: SignedIn) -> None:
    token = jwts.signed(ada)

    with time_machine.travel(timezone.now() + timedelta(minutes=30)):
        signed_in, _ = known.open_session(token)

    assert signed_in.session.member_session_id == ada.session.member_session_id
    # The token isn't known, because only its hash is stored.
    assert signed_in.session_token == ""


def test_jwt_of_ended_session_is_rejected(known: EmbeddedProject, ada: SignedIn) -> None:
    token = jwts.signed(ada)
    models.MemberSessionRow.objects.update(revoked_at=timezone.now())

    with pytest.raises(Unauthenticated) as error:
        known.open_session(token)

    assert error.value.error_type == "session_not_found"


def jwks(known: EmbeddedProject) -> list[dict[str, Any]]:
    return [dict(jwk) for jwk in known.jwks(signing_keys.current_key().project_id)]


def other_key() -> RSAKey:
    return RSAKey.import_key(rsa.generate_private_key(65537, 2048))


def public_pem() -> bytes:
    key = signing_keys.current_key().key.public_key
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signed_by_public_key(token: str) -> str:
    # Built manually, because no good library does it.
    signed = ".".join(encoded({**part(token, 0), "alg": "HS256"}) if n == 0 else token.split(".")[n] for n in (0, 1))
    signature = hmac.digest(public_pem(), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def encoded(header: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")


def without_signature(token: str) -> str:
    return ".".join([encoded({**part(token, 0), "alg": "none"}), token.split(".")[1], ""])


FORGERIES: dict[str, Callable[[str], str]] = {
    "signed by someone else": lambda token: resigned(token, other_key()),
    "unsigned": without_signature,
    "signed with our public key as the secret": signed_by_public_key,
    "with the forger's key in its header": lambda token: resigned(
        token, (key := other_key()), header={"jwk": key.as_dict(private=False)}
    ),
    "with a key that is not ours": lambda token: resigned(token, other_key(), header={"kid": "jwk-live-1"}),
    "of another project": lambda token: resigned(
        token, signing_keys.current_key().key, iss="stytch.com/project-live-2", aud=["project-live-2"]
    ),
    "for another project": lambda token: resigned(token, signing_keys.current_key().key, aud=["project-live-2"]),
    "from another issuer": lambda token: resigned(token, signing_keys.current_key().key, iss="https://evil.example"),
    "of another member": lambda token: resigned(token, signing_keys.current_key().key, sub="member-live-1"),
    "without a session": lambda token: resigned(token, signing_keys.current_key().key, session="member-session"),
    "of an unknown session": lambda token: resigned(
        token, signing_keys.current_key().key, session={"id": "member-session-live-1"}
    ),
    "with a changed payload": lambda token: token[:120] + ("A" if token[120] != "A" else "B") + token[121:],
    "cut short": lambda token: token.rpartition(".")[0] + ".",
    "of two parts": lambda token: token.rpartition(".")[0],
    "with a header that is no JWT's": lambda token: ".".join(
        [encoded({**part(token, 0), "crit": 5}), *token.split(".")[1:]]
    ),
    "made of dots": lambda token: "...",
    "far too long": lambda token: token + "A" * 100_000,
    "no text that can be encoded": lambda token: "a.\ud800.c",
}


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES)
def test_forged_jwt_is_rejected(known: EmbeddedProject, ada: SignedIn, forge: Callable[[str], str]) -> None:
    token = jwts.signed(ada)
    assert known.open_session(token)

    with pytest.raises(Unauthenticated):
        known.open_session(forge(token))


def test_portal_does_not_accept_jwts(known: EmbeddedProject, ada: SignedIn) -> None:
    with pytest.raises(Unauthenticated):
        known.open_session(ada.session_token)[1].sessions.authenticate(jwts.signed(ada))


def test_without_project_there_is_no_key(db: None) -> None:
    with pytest.raises(NotFound):
        signing_keys.jwks()


def test_key_is_published_in_stytchs_form(known: EmbeddedProject) -> None:
    (jwk,) = jwks(known)

    assert set(jwk) == {"kty", "use", "key_ops", "alg", "kid", "x5c", "x5tS256", "n", "e"}
    der = base64.b64decode(jwk["x5c"][0])
    certificate = x509.load_der_x509_certificate(der)
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert key.public_numbers() == RSAKey.import_key(dict(jwk)).public_key.public_numbers()
    assert certificate.subject == certificate.issuer
    assert base64.urlsafe_b64decode(jwk["x5tS256"] + "=") == hashlib.sha256(der).digest()


def test_private_key_is_neither_published_nor_stored_unencrypted(known: EmbeddedProject) -> None:
    signing = signing_keys.current_key()
    private = signing.key.as_dict(private=True)

    row = models.SigningKeyRow.objects.get()

    published = json.dumps(jwks(known))
    assert not any(private[name] in published for name in ("d", "p", "q", "dp", "dq", "qi"))  # type: ignore[operator]  # -- they are texts
    number = base64.urlsafe_b64decode(private["d"] + "==")  # type: ignore[operator]  # -- as above
    assert number not in bytes(row.private_key)
    assert "d" not in row.public_jwk
    assert number in (decrypted(row.private_key, purpose="signing-key") or b"")
    assert "RSAKey" not in repr(signing)


@pytest.mark.django_db(transaction=True)
def test_concurrent_first_uses_create_one_key() -> None:
    models.ProjectRow.objects.create(public_token="public-token-live-1")
    found: list[str] = []
    ready = threading.Barrier(6)

    def ask() -> None:
        ready.wait()
        # As in six processes.
        signing = signing_keys._read().signing
        assert signing
        found.append(signing.kid)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 6
    assert set(found) == {public_id("jwk", models.SigningKeyRow.objects.get().pk)}


def once_the_new_key_signs() -> Any:
    """Travel to the time when a new key has begun to sign."""
    signing_keys.forget()
    return time_machine.travel(timezone.now() + timedelta(minutes=13))


def test_new_key_is_published_ten_minutes_before_it_signs(known: EmbeddedProject, ada: SignedIn) -> None:
    """SDKs fetch unknown keys at most twice a minute, and reject their JWTs until then."""
    before = part(jwts.signed(ada), 0)["kid"]

    call_command("rotatesigningkey")

    published = {jwk["kid"] for jwk in jwks(known)}
    assert len(published) == 2
    assert part(jwts.signed(ada), 0)["kid"] == before
    with once_the_new_key_signs():
        assert {part(jwts.signed(ada), 0)["kid"], before} == published


def test_replaced_key_is_trusted_for_a_month(known: EmbeddedProject, ada: SignedIn) -> None:
    before = jwts.signed(ada)
    signing_keys.rotate(Origin())
    models.MemberSessionRow.objects.update(expires_at=timezone.now() + timedelta(days=365))

    with once_the_new_key_signs():
        after = jwts.signed(ada)
        assert known.open_session(before)
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        signing_keys.forget()
        assert [jwk["kid"] for jwk in jwks(known)] == [part(after, 0)["kid"]]
        assert known.open_session(after)
        with pytest.raises(Unauthenticated):
            known.open_session(before)


def test_replaced_private_key_is_deleted(known: EmbeddedProject) -> None:
    former = signing_keys.current_key().kid
    signing_keys.rotate(Origin())

    with once_the_new_key_signs():
        assert signing_keys.current_key().kid != former

    row = models.SigningKeyRow.objects.exclude(replaced_at=None).get()
    assert public_id("jwk", row.pk) == former
    assert bytes(row.private_key) == b""


def test_rotation_is_rejected_while_a_new_key_is_published(known: EmbeddedProject) -> None:
    signing_keys.current_key()
    signing_keys.rotate(Origin())

    with pytest.raises(Conflict):
        signing_keys.rotate(Origin())

    assert models.SigningKeyRow.objects.count() == 2


def test_withdrawn_key_is_not_trusted(known: EmbeddedProject, ada: SignedIn) -> None:
    before = jwts.signed(ada)

    call_command("rotatesigningkey", withdraw=True)

    with pytest.raises(Unauthenticated):
        known.open_session(before)
    assert len(jwks(known)) == 1


def test_other_processes_trust_a_new_key_immediately(known: EmbeddedProject, ada: SignedIn) -> None:
    jwts.signed(ada)
    knew = signing_keys._cached
    signing_keys.rotate(Origin())
    models.SigningKeyRow.objects.filter(replaced_at=None).update(signs_from=timezone.now())
    models.SigningKeyRow.objects.exclude(replaced_at=None).update(replaced_at=timezone.now())
    signing_keys.forget()
    by_new = jwts.signed(ada)

    signing_keys._cached = knew

    assert part(jwts.signed(ada), 0)["kid"] != part(by_new, 0)["kid"]
    assert known.open_session(by_new)


OTHER_SECRET = "another-" + "zyxwvutsrqponmlkjihgfedcba9876543210" * 2


@pytest.fixture
def node(settings: Settings) -> Callable[..., str]:
    """What a node signs with, by its SECRET_KEY and its fallbacks."""

    def sign(secret_key: str, *fallbacks: str) -> str:
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = secret_key, list(fallbacks)
        signing_keys.forget()
        return signing_keys.current_key().kid

    return sign


def test_secret_key_can_be_changed_node_by_node(
    known: EmbeddedProject, settings: Settings, node: Callable[..., str]
) -> None:
    """In the order of docs/operate.md: after each step the nodes before and after it sign with the same key."""
    old = settings.SECRET_KEY
    steps = [[(old,), (old, OTHER_SECRET)], [(old, OTHER_SECRET), (OTHER_SECRET, old)], [(OTHER_SECRET, old)]]
    kids = {node(*keys) for step in steps for keys in [*step, *step]}
    signing_keys.reencrypt(ORIGIN)
    kids |= {node(OTHER_SECRET, old), node(OTHER_SECRET)}

    assert len(kids) == 1
    assert models.SigningKeyRow.objects.count() == 1
    with pytest.raises(Unavailable):
        node(old)


def test_node_that_cannot_decrypt_the_key_does_not_sign(
    known: EmbeddedProject,
    ada: SignedIn,
    settings: Settings,
    node: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    old, before = settings.SECRET_KEY, jwts.signed(ada)
    stored = models.SigningKeyRow.objects.values().get()

    with pytest.raises(Unavailable):
        node(OTHER_SECRET)
    # It still verifies, and publishes what others verify with.
    assert known.open_session(before)
    assert [jwk["kid"] for jwk in known.jwks(signing_keys.project_id())] == [part(before, 0)["kid"]]

    assert "Add that key to ENCRYPTION_KEY_FALLBACKS" in caplog.text
    assert models.SigningKeyRow.objects.values().get() == stored
    assert node(old) == part(before, 0)["kid"]


def test_node_with_a_fallback_keeps_the_stored_encryption(
    known: EmbeddedProject, settings: Settings, node: Callable[..., str]
) -> None:
    old = settings.SECRET_KEY
    kid = node(old)

    assert node(OTHER_SECRET, old) == kid
    assert node(old) == kid


@pytest.mark.parametrize("command", [("rotatekey", "complete", "SECRET_KEY"), ("rotatesigningkey",)])
def test_commands_do_not_replace_an_unreadable_key(
    known: EmbeddedProject, settings: Settings, node: Callable[..., str], command: tuple[str, ...]
) -> None:
    node(settings.SECRET_KEY)
    stored = models.SigningKeyRow.objects.values().get()
    settings.SECRET_KEY = OTHER_SECRET

    with pytest.raises(CommandError, match="encrypted under a key that isn't set here"):
        call_command(*command)

    assert models.SigningKeyRow.objects.values().get() == stored


def test_lost_key_is_replaced_and_stays_trusted(
    known: EmbeddedProject, ada: SignedIn, settings: Settings, node: Callable[..., str]
) -> None:
    before = jwts.signed(ada)
    with pytest.raises(CommandError, match="without --lost"):
        call_command("rotatesigningkey", lost=True)
    settings.SECRET_KEY = OTHER_SECRET

    call_command("rotatesigningkey", lost=True)

    assert node(OTHER_SECRET) != part(before, 0)["kid"]
    assert known.open_session(before)


def test_encryption_is_bound_to_its_purpose() -> None:
    assert decrypted(encrypted(b"secret", purpose="one"), purpose="other") is None


def test_new_keys_are_in_the_activity_log(known: EmbeddedProject) -> None:
    signing_keys.current_key()
    signing_keys.rotate(ORIGIN)

    entries = models.ActivityEntryRow.objects.order_by("pk").values_list("action", "target_id")

    kids = [public_id("jwk", row.pk) for row in models.SigningKeyRow.objects.order_by("pk")]
    assert list(entries) == [("signing_key.create", kids[0]), ("signing_key.rotate", kids[1])]


LOADED = """
import sys
from portal.wsgi import application
from django.urls import get_resolver
get_resolver().url_patterns
from portal.directories import project
from portal.directory.actor import Origin
project(Origin())
print(*sorted({"joserfc", "cryptography", "zxcvbn", "bcrypt"} & sys.modules.keys()))
"""


def test_processes_that_do_not_sign_do_not_load_cryptography() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, env=GOOD, capture_output=True, text=True, check=False
    )

    assert (answer.returncode, answer.stdout.strip()) == (0, ""), answer.stderr
