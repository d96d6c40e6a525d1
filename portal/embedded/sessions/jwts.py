"""Session JWTs as Stytch's SDKs verify them (reference/sdk.md 3.1): what a product reads of a session without asking."""

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

LIFE = timedelta(minutes=5)  # Stytch: fixed, however long the session lasts
_MOST_CHARACTERS = 32_768


@dataclass(frozen=True, slots=True)
class Named:
    """Whose session a JWT is about; that the session lives is for the database to say."""

    session_key: UUID
    member_id: str


def signed(signed_in: SignedIn) -> str:
    """Return a JWT of the session that is good for five minutes, and never for longer than the session."""
    signing = current_key()
    now = timezone.now()
    claims = {
        **signed_in.session.custom_claims,
        "iss": _issuer(signing.project_id),
        "aud": [signing.project_id],
        "sub": signed_in.member.member_id,
        "iat": int(now.timestamp()),
        "nbf": int(now.timestamp()),
        "exp": int(min(now + LIFE, signed_in.session.expires_at).timestamp()),
        SESSION_CLAIM: _session_claim(signed_in),
        ORGANIZATION_CLAIM: {
            "organization_id": signed_in.organization.organization_id,
            "slug": signed_in.organization.organization_slug,
        },
    }
    header = {"alg": ALGORITHM, "kid": signing.kid, "typ": "JWT"}
    return jwt.encode(header, claims, signing.key, algorithms=[ALGORITHM])


def read(session_jwt: str) -> Named | None:
    """Return whose session the JWT is about, also when its five minutes are over; None unless we signed it for this project."""
    if len(session_jwt) > _MOST_CHARACTERS:
        return None
    try:
        claims = jwt.decode(session_jwt, _key_of, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError, TypeError):  # the last for a header that is JSON, but not a JWT's
        return None
    return _named(claims)


def _named(claims: Mapping[str, Any]) -> Named | None:
    own = project_id()
    session, member_id = claims.get(SESSION_CLAIM), claims.get("sub")
    if claims.get("iss") != _issuer(own) or claims.get("aud") != [own]:
        return None
    if not isinstance(session, Mapping) or not isinstance(member_id, str):
        return None
    return Named(parse_id("member-session", str(session.get("id"))), member_id)


def _key_of(token: Any) -> RSAKey:
    """Return the key that the token names. Raises ValueError, which joserfc passes on."""
    key = verifying_key(str(token.headers().get("kid", "")))
    if key is None:
        raise ValueError("The JWT names no key of this project.")
    return key


def _issuer(of_project: str) -> str:
    return f"stytch.com/{of_project}"


def _session_claim(signed_in: SignedIn) -> dict[str, Any]:
    session = signed_in.session
    return {
        "id": session.member_session_id,
        "started_at": _written(session.started_at),
        "last_accessed_at": _written(session.last_accessed_at),
        "expires_at": _written(session.expires_at),
        "attributes": {"ip_address": session.ip_address, "user_agent": session.user_agent},
        "authentication_factors": [
            {
                "type": factor.type,
                "delivery_method": factor.delivery_method,
                "last_authenticated_at": _written(factor.last_authenticated_at),
                "created_at": _written(factor.created_at),
                "updated_at": _written(factor.last_authenticated_at),
                "sequence_order": "PRIMARY",
            }
            for factor in session.authentication_factors
        ],
        "roles": sorted(session.roles),
    }


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
