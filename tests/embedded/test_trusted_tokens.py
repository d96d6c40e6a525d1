"""Trusted auth tokens: whose JWTs are believed, and what of them."""

import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from contextlib import ExitStack
from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from pytest_django import Settings

from portal.directory.configuration import AttributeMapping, TrustedTokenProfile
from portal.directory.errors import Unauthenticated
from portal.embedded.sign_in import trusted_tokens
from portal.embedded.sign_in.trusted_tokens import public_key, verified
from tests.outbound.conftest import Answer, Server, says, serve

ISSUER, AUDIENCE = "https://issuer.example", "gatehouse"
KEY = RSAKey.generate_key(2048)
MAPPING = AttributeMapping(email="email", token_id="jti", organization_id="org")


def profile_with(*keys: RSAKey | ECKey | OKPKey, jwks_url: str = "") -> TrustedTokenProfile:
    pems = tuple(one.as_pem(private=False).decode() for one in keys)
    return TrustedTokenProfile("profile-1", ISSUER, AUDIENCE, MAPPING, jwks_url=jwks_url, public_keys=pems)


def token(key: Any = KEY, algorithm: str = "RS256", header: Mapping[str, Any] | None = None, **changed: Any) -> str:
    """Return a token. A claim that is None is left out."""
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "exp": int(time.time()) + 300,
        "email": "ada@acme.example",
        "jti": "token-1",
        "org": "acme",
    }
    kept = {name: value for name, value in {**claims, **changed}.items() if value is not None}
    return jwt.encode({"alg": algorithm, **(header or {})}, kept, key, algorithms=[algorithm])


def encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [(KEY, "RS256"), (KEY, "PS256"), (ECKey.generate_key("P-256"), "ES256"), (OKPKey.generate_key("Ed25519"), "EdDSA")],
)
def test_token_of_the_issuer_is_believed(key: Any, algorithm: str) -> None:
    other = RSAKey.generate_key(2048)

    found = verified(profile_with(other, key), token(key, algorithm, header={"kid": "whatever"}))

    assert (found.email_address, found.token_id, found.organization) == ("ada@acme.example", "token-1", "acme")


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://issuer.example.evil"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"exp": int(time.time()) - 120},
        {"exp": None},
        {"nbf": int(time.time()) + 86_400},
        {"iat": int(time.time()) + 86_400},
        {"email": None},
        {"email": ["ada@acme.example"]},
        {"jti": ""},
        {"jti": 7},
    ],
)
def test_other_claims_are_rejected(changed: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        verified(profile_with(KEY), token(**changed))


def test_another_key_is_rejected() -> None:
    with pytest.raises(Unauthenticated):
        verified(profile_with(KEY), token(RSAKey.generate_key(2048)))


def test_public_key_is_not_a_shared_secret() -> None:
    """Anyone who has the public key could otherwise sign with it."""
    _, claims, _ = token().split(".")
    header = encoded(b'{"alg":"HS256"}')
    signed = f"{header}.{claims}"
    signature = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")

    with pytest.raises(Unauthenticated):
        verified(profile_with(KEY), f"{signed}.{encoded(signature)}")


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "e30.e30.", f"{'a' * 20_000}.b.c", token()[:-4] + "AAAA"])
def test_anything_else_is_rejected(text: str) -> None:
    with pytest.raises(Unauthenticated):
        verified(profile_with(KEY), text)


def test_unsigned_token_is_rejected() -> None:
    unsigned = jwt.encode({"alg": "none"}, {"iss": ISSUER}, KEY, algorithms=["none"])

    with pytest.raises(Unauthenticated):
        verified(profile_with(KEY), unsigned)


@pytest.mark.parametrize("pem", ["", "secret", RSAKey.generate_key(1024).as_pem(private=False).decode()])
def test_weak_and_other_keys_are_not_loaded(pem: str) -> None:
    with pytest.raises(ValueError, match="public key"):
        public_key(pem)


def published(*keys: RSAKey | ECKey, **more: Any) -> Answer:
    body = msgspec.json.encode({"keys": [{**one.as_dict(private=False), **more} for one in keys] + [{"kty": "new"}]})
    return says(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@pytest.fixture
def servers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that serves key sets, and forget what was read before."""
    monkeypatch.setattr(trusted_tokens, "_published", trusted_tokens._PublishedKeys())
    settings.OUTBOUND_ALLOWED_NETWORKS = (ip_network("127.0.0.0/8"),)
    settings.OUTBOUND_ALLOW_HTTP = True
    with ExitStack() as stack:

        def start(*answers: Answer) -> Server:
            server = stack.enter_context(serve(*answers))
            settings.OUTBOUND_PORTS = (server.port,)
            return server

        yield start


def named(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid})


def test_keys_are_read_once_and_again_for_an_unknown_one(servers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = named("first"), named("second")
    server = servers(published(first), published(first, second))
    profile = profile_with(jwks_url=server.url)

    for _ in range(3):
        verified(profile, token(first, header={"kid": "first"}))
    assert len(server.requests) == 1
    with pytest.raises(Unauthenticated):
        verified(profile, token(second, header={"kid": "second"}))
    assert len(server.requests) == 1, "unknown keys must not make us ask all the time"

    monkeypatch.setattr(trusted_tokens, "_PAUSE_SECONDS", 0.0)
    verified(profile, token(second, header={"kid": "second"}))
    assert len(server.requests) == 2


def test_outage_of_the_issuer_keeps_its_known_keys(servers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    key = named("first")
    server = servers(published(key), says(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"))
    profile = profile_with(jwks_url=server.url)
    verified(profile, token(key, header={"kid": "first"}))

    monkeypatch.setattr(trusted_tokens, "_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(trusted_tokens, "_FRESH_SECONDS", 0.0)

    assert verified(profile, token(key, header={"kid": "first"})).token_id == "token-1"
    assert len(server.requests) == 2


def test_keys_for_encryption_and_unknown_ones_are_ignored(servers: Any) -> None:
    key = named("first")
    server = servers(published(key, use="enc"))

    with pytest.raises(Unauthenticated):
        verified(profile_with(jwks_url=server.url), token(key, header={"kid": "first"}))
