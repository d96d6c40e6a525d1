"""Session JWTs, which Stytch's SDKs verify without a request (reference/sdk.md 3.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from portal.directory.ids import parse_id
from portal.directory.sessions import ORGANIZATION_CLAIM, SESSION_CLAIM, SignedIn
from portal.embedded.sessions.signing_keys import ALGORITHM, current_key, project_id, verifying_key

LIFETIME = timedelta(minutes=5)  # Stytch: fixed, however long the session lasts
_MAX_CHARACTERS = 32_768


@dataclass(frozen=True, slots=True)
class Subject:
    """The session and member of a JWT. The JWT doesn't say whether the session is live."""

    organization_key: UUID
    session_key: UUID
    member_id: str


def signed(signed_in: SignedIn) -> str:
    """Return a JWT of the session, valid for five minutes but not after the session's end."""
    signing = current_key()
    now = timezone.now()
    claims = {
        **signed_in.session.custom_claims,
        "iss": _issuer(signing.project_id),
        "aud": [signing.project_id],
        "sub": signed_in.member.member_id,
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int(min(now + LIFETIME, signed_in.session.expires_at).timestamp()),
        SESSION_CLAIM: _session_claim(signed_in),
        ORGANIZATION_CLAIM: {
            "organization_id": signed_in.organization.organization_id,
            "slug": signed_in.organization.organization_slug,
        },
    }
    header = {"alg": ALGORITHM, "kid": signing.kid, "typ": "JWT"}
    return jwt.encode(header, claims, signing.key, algorithms=[ALGORITHM])


def read(session_jwt: str) -> Subject | None:
    """Return the subject of a JWT, even an expired one. None unless we signed it for this project."""
    if len(session_jwt) > _MAX_CHARACTERS:
        return None
    try:
        claims = jwt.decode(session_jwt, _key_of, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError, TypeError):  # TypeError: the header is JSON, but not of a JWT
        return None
    return _subject(claims)


def _subject(claims: Mapping[str, Any]) -> Subject | None:
    own = project_id()
    session, member_id, organization = claims.get(SESSION_CLAIM), claims.get("sub"), claims.get(ORGANIZATION_CLAIM)
    if claims.get("iss") != _issuer(own) or claims.get("aud") != [own]:
        return None
    if not isinstance(session, Mapping) or not isinstance(organization, Mapping) or not isinstance(member_id, str):
        return None
    keys = (
        parse_id("organization", str(organization.get("organization_id"))),
        parse_id("member-session", str(session.get("id"))),
    )
    return Subject(*keys, member_id)


def _key_of(token: Any) -> RSAKey:
    """Return the key that the token names. Raise ValueError, which joserfc passes on."""
    key = verifying_key(str(token.headers().get("kid", "")))
    if key is None:
        raise ValueError("The JWT names an unknown key.")
    return key


def _issuer(of_project: str) -> str:
    return f"stytch.com/{of_project}"


def _session_claim(signed_in: SignedIn) -> dict[str, Any]:
    session = signed_in.session
    return {
        "id": session.member_session_id,
        "started_at": _timestamp(session.started_at),
        "last_accessed_at": _timestamp(session.last_accessed_at),
        "expires_at": _timestamp(session.expires_at),
        "attributes": {"ip_address": session.ip_address, "user_agent": session.user_agent},
        "authentication_factors": [
            {
                "type": factor.type,
                "delivery_method": factor.delivery_method,
                "last_authenticated_at": _timestamp(factor.last_authenticated_at),
                "created_at": _timestamp(factor.created_at),
                "updated_at": _timestamp(factor.last_authenticated_at),
                "sequence_order": factor.sequence_order,
            }
            for factor in session.authentication_factors
        ],
        "roles": sorted(session.roles),
    }


def _timestamp(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
