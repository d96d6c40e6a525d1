"""Trusted auth tokens: JWTs of another issuer, which the operator's configuration trusts (Stytch: sessions.attest)."""

import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from threading import Lock
from typing import Any

import msgspec
import structlog
from django.conf import settings
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from portal.directory.configuration import ProjectConfiguration, TrustedTokenProfile
from portal.directory.errors import NotFound, Unauthenticated
from portal.directory.trusted_tokens import TrustedToken
from portal.outbound.client import fetch
from portal.outbound.errors import InvalidResponse, OutboundError
from portal.outbound.policy import Limits

# Only signatures with a private key: with a shared secret, those who can verify a token can also make one.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
_MAX_CHARACTERS = 16_384
_MAX_VALUE = 254
_LEEWAY_SECONDS = 60
_MIN_RSA_BITS = 2048
_MAX_KEYS = 50
_LIMITS = Limits(seconds=3.0, max_bytes=262_144)
# Keys are read again after this time, and earlier when a token names an unknown one, but not more often than this.
_FRESH_SECONDS, _PAUSE_SECONDS = 600.0, 60.0

# TypeError: the header is JSON, but not of a JWT.
_FAILURES = (JoseError, ValueError, TypeError)
Key = RSAKey | ECKey | OKPKey
_KINDS: Mapping[str, type[Key]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}

log = structlog.get_logger("gatehouse.sign_in")


def trusted_token(profile_id: str, token: str) -> TrustedToken:
    """Return what a token of a configured profile says. Raise NotFound, Unauthenticated as `verified`."""
    configuration: ProjectConfiguration = settings.PROJECT
    profile = next((one for one in configuration.trusted_auth_tokens if one.profile_id == profile_id), None)
    if profile is None:
        raise NotFound(
            "The project has no trusted auth token profile with this ID.",
            field="profile_id",
            error_type="trusted_auth_token_profile_not_found",
        )
    return verified(profile, token)


def verified(profile: TrustedTokenProfile, token: str) -> TrustedToken:
    """Return what a token says. Raise Unauthenticated unless the profile's issuer signed it for its audience."""
    if len(token) > _MAX_CHARACTERS:
        raise _invalid("is too long")
    rules = jwt.JWTClaimsRegistry(
        leeway=_LEEWAY_SECONDS,
        iss={"essential": True, "value": profile.issuer},
        aud={"essential": True, "value": profile.audience},
        exp={"essential": True},
    )
    try:
        claims = _claims(profile, token)
        rules.validate(claims)
    except _FAILURES as error:
        log.info("trusted_token_rejected", profile_id=profile.profile_id, reason=str(error)[:200])
        raise _invalid("isn't valid for this profile: its signature, issuer, audience or time") from error
    mapping = profile.attribute_mapping
    return TrustedToken(
        _required(claims, mapping.email),
        _required(claims, mapping.token_id),
        _optional(claims, mapping.organization_id),
    )


def public_key(pem: str) -> Key:
    """Return a public key in PEM form. Raise ValueError for anything else, and for RSA with less than 2,048 bits."""
    for kind in _KINDS.values():
        with suppress(JoseError, ValueError, TypeError):
            return _checked(kind.import_key(pem))
    raise ValueError("isn't a public key in PEM form of RSA (2,048 bits or more), an elliptic curve, or Ed25519")


def _claims(profile: TrustedTokenProfile, token: str) -> dict[str, Any]:
    """Return the claims of a token that one of the profile's keys verifies."""
    error: Exception = ValueError("no key of the profile has the token's key ID")
    for key in _candidates(profile, token):
        try:
            return jwt.decode(token, key, algorithms=list(_ALGORITHMS)).claims
        except _FAILURES as one:
            error = one
    raise error


def _candidates(profile: TrustedTokenProfile, token: str) -> list[Key]:
    """Return the keys that may have signed a token: those of the configuration, or the published ones with its key ID."""
    if profile.public_keys:
        return [public_key(one) for one in profile.public_keys]
    key_id = jws.extract_compact(token.encode()).headers().get("kid")
    published = _published.of(profile, key_id)
    return published if key_id is None and len(published) == 1 else [one for one in published if one.kid == key_id]


class _PublishedKeys:
    """The keys that issuers publish, as this process last read them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read: dict[str, tuple[float, list[Key]]] = {}

    def of(self, profile: TrustedTokenProfile, key_id: str | None) -> list[Key]:
        """Return the keys of a profile, read again if they are old or lack this one."""
        with self._lock:
            read_at, keys = self._read.get(profile.jwks_url, (float("-inf"), []))
            age = time.monotonic() - read_at
            if age < _PAUSE_SECONDS or (age < _FRESH_SECONDS and any(one.kid == key_id for one in keys)):
                return keys
            # Also after a failure, the issuer isn't asked again at once, and its old keys remain.
            self._read[profile.jwks_url] = (time.monotonic(), keys)
        try:
            keys = _fetch(profile.jwks_url)
        except (OutboundError, msgspec.MsgspecError) as error:
            log.warning("trusted_token_keys_failed", profile_id=profile.profile_id, reason=str(error)[:200])
            return keys
        with self._lock:
            self._read[profile.jwks_url] = (time.monotonic(), keys)
        return keys


_published = _PublishedKeys()


class _KeySet(msgspec.Struct):
    """A JWK set (RFC 7517)."""

    keys: list[dict[str, Any]]


def _fetch(url: str) -> list[Key]:
    answer = fetch(url, limits=_LIMITS)
    if answer.status != HTTPStatus.OK:
        raise InvalidResponse(f"The key set's server answered with the status {answer.status}.")
    keys: list[Key] = []
    for one in msgspec.json.decode(answer.body, type=_KeySet).keys[:_MAX_KEYS]:
        kind = _KINDS.get(str(one.get("kty")))
        if kind is not None and one.get("use") in {None, "sig"}:
            # A key that can't be used doesn't keep the others from it.
            with suppress(JoseError, ValueError, TypeError):
                keys.append(_checked(kind.import_key(one)))
    return keys


def _checked(key: Key) -> Key:
    if isinstance(key, RSAKey) and key.public_key.key_size < _MIN_RSA_BITS:
        raise ValueError("The RSA key is too short.")
    return key


def _required(claims: Mapping[str, Any], claim: str) -> str:
    value = _optional(claims, claim)
    if not value:
        raise _invalid(f'has no text of 1 to {_MAX_VALUE} characters in its claim "{claim}"')
    return value


def _optional(claims: Mapping[str, Any], claim: str | None) -> str:
    value = claims.get(claim, "") if claim else ""
    return value if isinstance(value, str) and len(value) <= _MAX_VALUE else ""


def _invalid(problem: str) -> Unauthenticated:
    return Unauthenticated(f"The token {problem}.", field="token", error_type="invalid_trusted_auth_token")
