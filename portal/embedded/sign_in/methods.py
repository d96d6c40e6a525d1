"""The sign-in methods that an organization allows, and whether what a person proved is enough for it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid5

from portal.directory.ids import public_id
from portal.directory.organizations import EMAIL_OTP, MAGIC_LINK, PASSWORD, OrganizationSettings
from portal.directory.sessions import AuthenticationFactor, EmailFactor
from portal.embedded import models
from portal.embedded.scope import settings_value

# The method in allowed_auth_methods by the type of the factor.
_METHODS = {"password": PASSWORD, "magic_link": MAGIC_LINK, "email_otp": EMAIL_OTP}


def may_use(member: models.MemberRow, auth_method: str) -> bool:
    """Say whether the organization lets a member sign in by a method (Stytch: auth_methods, is_breakglass)."""
    return member.is_breakglass or settings_value(member.organization).allows(auth_method)


def is_enough(member: models.MemberRow, factors: Iterable[AuthenticationFactor]) -> bool:
    """Say whether one of the factors is a method that the organization lets the member sign in by. Second factors aren't."""
    return any(may_use(member, _METHODS.get(one.type, one.type)) for one in factors if not one.is_second)


def is_allowed_by(settings: OrganizationSettings, factor_type: str) -> bool:
    """Say whether settings let members sign in by a factor of this type. Emergency admins always can."""
    return settings.allows(_METHODS.get(factor_type, factor_type))


def email_factor(auth_method: str, email_address: str, owner: UUID, now: datetime) -> AuthenticationFactor:
    """Return the factor of a link or code by email. `owner` is the member, or the project before one is known."""
    return AuthenticationFactor(
        auth_method, "email", now, now, email_factor=EmailFactor(email_id(owner, email_address), email_address)
    )


def email_id(owner: UUID, email_address: str) -> str:
    """Return the ID of a member's address, the same as long as it is theirs (Stytch: method_id, email_id)."""
    return public_id("email", uuid5(owner, email_address))


def merged(*groups: Iterable[AuthenticationFactor]) -> tuple[AuthenticationFactor, ...]:
    """Return factors, each type once, with when it was first and last used."""
    found: dict[str, AuthenticationFactor] = {}
    for one in (factor for group in groups for factor in group):
        earlier = found.get(one.type)
        if earlier:
            found[one.type] = replace(
                one,
                created_at=min(one.created_at, earlier.created_at),
                last_authenticated_at=max(one.last_authenticated_at, earlier.last_authenticated_at),
            )
        else:
            found[one.type] = one
    return tuple(found.values())


def session_factors(
    factors: tuple[AuthenticationFactor, ...],
) -> tuple[datetime | None, tuple[AuthenticationFactor, ...]]:
    """Return when the password was entered, which a session stores as a time, and the other factors."""
    entered_at = next((one.last_authenticated_at for one in factors if one.type == "password"), None)
    return entered_at, tuple(one for one in factors if one.type != "password")
