"""Whether a member needs a second factor, and whether they have proved one (Stytch: mfa_policy, mfa_enrolled)."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID, uuid5

from portal.directory.errors import Forbidden, Unauthenticated
from portal.directory.ids import parse_id, public_id
from portal.directory.organizations import RESTRICTED, OrganizationSettings
from portal.directory.second_factors import FACTOR_TYPES, SMS_OTP, TOTP, MfaRequired
from portal.directory.sessions import AuthenticationFactor
from portal.embedded import models
from portal.embedded.members.roles import admins_among, is_admin
from portal.embedded.scope import rows_of, settings_value

# The method in allowed_mfa_methods by the type of the factor. Recovery codes replace any of them.
_METHODS = {"totp": TOTP, "otp": SMS_OTP}
_NAMES = {TOTP: "authenticator apps", SMS_OTP: "codes by text message"}


def needs_second_factor(member: models.MemberRow) -> bool:
    """Say whether signing in takes a second factor: the organization or the member wants one."""
    return member.mfa_enrolled or _is_required(member)


def counts_passkeys(member: models.MemberRow) -> bool:
    """Say whether a member has a passkey that is a second factor on the portal's pages."""
    return bool(member.passkey_count) and settings_value(member.organization).allows_passkeys


def set_up(member: models.MemberRow) -> tuple[str, ...]:
    """Return the methods that a member has set up, whether or not the organization allows them, the default in front."""
    methods = [
        method
        for method, is_set_up in ((TOTP, member.totp_id is not None), (SMS_OTP, member.mfa_phone_number_verified))
        if is_set_up
    ]
    return tuple(sorted(methods, key=lambda one: one != member.default_mfa_method))


def usable(member: models.MemberRow) -> tuple[str, ...]:
    """Return the methods that a member has set up and the organization allows, the default in front."""
    allowed = settings_value(member.organization).second_factors
    return tuple(one for one in set_up(member) if one in allowed)


def mfa_required(member: models.MemberRow, *, initiated: str = "") -> MfaRequired:
    """Return the factors that a member can add."""
    methods = usable(member)
    return MfaRequired(
        phone_number=member.mfa_phone_number if SMS_OTP in methods else "",
        totp_registration_id=totp_public_id(member.totp_id) if TOTP in methods else "",
        initiated=initiated,
        has_passkey=counts_passkeys(member),
        used_passkey_last=member.used_passkey_last,
    )


def own_factors(member: models.MemberRow, factors: Iterable[AuthenticationFactor]) -> tuple[AuthenticationFactor, ...]:
    """Return factors without the second factors of others: a person's app in another organization proves nothing here."""
    return tuple(one for one in factors if not one.is_second or _is_of(member, one))


def has_second_factor(member: models.MemberRow, factors: Iterable[AuthenticationFactor]) -> bool:
    """Say whether one of the factors is a second factor of the member that the organization allows."""
    settings = settings_value(member.organization)
    return any(one.is_second and _is_of(member, one) and is_allowed(settings, one.type) for one in factors)


def require_second_factor(member: models.MemberRow, factors: Iterable[AuthenticationFactor]) -> None:
    """Raise Unauthenticated if a member can use a second factor that wasn't proved: with the first alone, nobody changes it."""
    if (usable(member) or counts_passkeys(member)) and not has_second_factor(member, factors):
        raise Unauthenticated(
            "The member has a second factor. Confirm with it first.", error_type="insufficient_factors"
        )


def satisfies_policy(member: models.MemberRow, stored_factors: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether a session with these factors, as stored, satisfies the policy of the member's organization.

    They are the member's own: sessions begin with no others. A session outlives the factor, as with Stytch. Only if admins
    need a second factor and the session has none, this can take a query, for the roles through groups.
    """
    return has_allowed_factor(member.organization, stored_factors) or not _is_required(member)


def has_allowed_factor(organization: models.OrganizationRow, stored_factors: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether one of the factors, as stored, is a second one that an organization allows."""
    settings = settings_value(organization)
    return any(one["type"] in FACTOR_TYPES and is_allowed(settings, one["type"]) for one in stored_factors)


def members_who_need_one(organization: models.OrganizationRow, members: Collection[UUID]) -> Collection[UUID]:
    """Return those of the members that the organization wants a second factor of, with two queries at most."""
    settings = settings_value(organization)
    if settings.requires_second_factor(is_admin=False):
        return members
    if not settings.requires_second_factor(is_admin=True):
        return ()
    rows = rows_of(organization.pk, models.MemberRow).filter(pk__in=members)
    return admins_among(organization, rows.select_related("scim_user"))


def is_allowed(settings: OrganizationSettings, factor_type: str) -> bool:
    """Say whether settings accept a second factor of this type."""
    if factor_type == "webauthn":
        return settings.allows_passkeys
    method = _METHODS.get(factor_type)
    return method is None or settings.mfa_methods != RESTRICTED or method in settings.allowed_mfa_methods


def require_allowed(member: models.MemberRow, method: str) -> None:
    """Raise Forbidden if the member's organization does not allow a method of second factors (Stytch: allowed_mfa_methods)."""
    if method not in settings_value(member.organization).second_factors:
        raise Forbidden(
            f"The organization does not allow {_NAMES[method]}.",
            error_type="operation_restricted_by_organization_mfa_methods",
        )


def totp_public_id(key: UUID | None) -> str:
    """Return the public ID of an authenticator app, "" for none."""
    return public_id("totp-registration", key) if key else ""


def phone_public_id(member: models.MemberRow) -> str:
    """Return the public ID of a member's phone number (Stytch: phone_id)."""
    return public_id("phone-number", uuid5(member.pk, member.mfa_phone_number))


def passkey_public_id(key: UUID) -> str:
    """Return the public ID of a passkey (Stytch: webauthn_registration_id)."""
    return public_id("webauthn-registration", key)


def recovery_codes_id(member: models.MemberRow) -> str:
    """Return the public ID of a member's recovery codes, the same for all of them."""
    return public_id("totp-recovery-code", uuid5(member.pk, "recovery codes"))


def _is_required(member: models.MemberRow) -> bool:
    """Say whether the organization wants a second factor of a member. Whether they are an admin is asked only if it matters."""
    settings = settings_value(member.organization)
    if settings.requires_second_factor(is_admin=False):
        return True
    return settings.requires_second_factor(is_admin=True) and is_admin(member)


def _is_of(member: models.MemberRow, factor: AuthenticationFactor) -> bool:
    match factor.type:
        case "totp":
            app = factor.authenticator_app_factor
            return app is not None and app.totp_id == totp_public_id(member.totp_id)
        case "recovery_codes":
            codes = factor.recovery_code_factor
            return codes is not None and codes.totp_recovery_code_id == recovery_codes_id(member)
        case "webauthn":
            passkey = factor.webauthn_factor
            key = parse_id("webauthn-registration", passkey.webauthn_registration_id) if passkey else UUID(int=0)
            rows = rows_of(member.organization_id, models.PasskeyRow)
            return bool(member.passkey_count) and rows.filter(member=member, pk=key).exists()
        case _:
            # By its ID, which is the member's own: the same number elsewhere is a factor of another member.
            phone, is_verified = factor.phone_number_factor, member.mfa_phone_number_verified
            return phone is not None and is_verified and phone.phone_id == phone_public_id(member)
