"""The settings of an organization, with Stytch's rules and error names (Stytch: Organization object)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any
from uuid import UUID

from django.conf import settings as config

from portal.directory.errors import Invalid
from portal.directory.organizations import (
    ALL_ALLOWED,
    NOT_ALLOWED,
    RESTRICTED,
    EmailImplicitRoleAssignment,
    OrganizationChanges,
    OrganizationSettings,
)
from portal.directory.policy import MEMBER_ROLE
from portal.directory.second_factors import OPTIONAL, REQUIRED_FOR_ALL
from portal.directory.session_limits import MIN_LIMIT
from portal.directory.themes import Theme, problems
from portal.embedded.database.integrity import is_text
from portal.embedded.members.roles import check_roles
from portal.embedded.organizations.email_domains import DomainErrors, read_domain

_MAX_VALUES = 500
_MAX_LENGTH = 256
_FACTOR = "invalid_organization_auth_factor_setting"
# The values that a setting can have, and Stytch's name of the error for another one.
_CHOICES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "sso_jit_provisioning": ((ALL_ALLOWED, RESTRICTED, NOT_ALLOWED), _FACTOR),
    "email_jit_provisioning": ((RESTRICTED, NOT_ALLOWED), f"{_FACTOR}_for_email_jit_provisioning"),
    "email_invites": ((ALL_ALLOWED, RESTRICTED, NOT_ALLOWED), _FACTOR),
    "auth_methods": ((ALL_ALLOWED, RESTRICTED), "invalid_organization_auth_method_settings"),
    "mfa_policy": ((OPTIONAL, REQUIRED_FOR_ALL), "invalid_organization_mfa_policy"),
    "mfa_methods": ((ALL_ALLOWED, RESTRICTED), "invalid_organization_mfa_factor_setting"),
    "passkeys": (("", ALL_ALLOWED, NOT_ALLOWED), "invalid_organization_mfa_factor_setting"),
    "oauth_tenant_jit_provisioning": ((RESTRICTED, NOT_ALLOWED), f"{_FACTOR}_for_oauth_tenant_jit_provisioning"),
    "first_party_connected_apps_allowed_type": ((ALL_ALLOWED, RESTRICTED, NOT_ALLOWED), "invalid_argument"),
    "third_party_connected_apps_allowed_type": ((ALL_ALLOWED, RESTRICTED, NOT_ALLOWED), "invalid_argument"),
}
# The same for each value of a list.
_LISTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "allowed_auth_methods": (
        (
            *("sso", "magic_link", "email_otp", "password"),
            *("google_oauth", "microsoft_oauth", "slack_oauth", "github_oauth", "hubspot_oauth"),
        ),
        "invalid_organization_allowed_auth_methods",
    ),
    "allowed_mfa_methods": (("sms_otp", "totp"), "invalid_organization_allowed_mfa_methods"),
}
_TENANTS = frozenset({"slack", "hubspot", "github"})
# The settings that let people join.
_JOINING = ("sso_jit_provisioning", "email_jit_provisioning", "email_invites", "oauth_tenant_jit_provisioning")
_RESTRICTED_WITHOUT = {
    "auth_methods": ("allowed_auth_methods", "allowed_auth_methods_required_for_restricted"),
    "mfa_methods": ("allowed_mfa_methods", "allowed_mfa_methods_required_for_restricted"),
}
_ALLOWED = DomainErrors("organization_settings_invalid_domain", "organization_settings_domain_too_common")
_CLAIMED = DomainErrors(
    "organization_settings_invalid_claimed_domain", "organization_settings_claimed_domain_too_common"
)
_OF_ROLE = DomainErrors("rbac_invalid_domain", "rbac_domain_too_common")


def new_settings(changes: OrganizationChanges) -> OrganizationSettings:
    """Return the settings of a new organization. Unless it says how people join, they can be invited. Raise Invalid."""
    says_how = any(getattr(changes, name) is not None for name in _JOINING)
    return changed_settings(OrganizationSettings(email_invites=NOT_ALLOWED if says_how else ALL_ALLOWED), changes)


def changed_settings(
    before: OrganizationSettings, changes: OrganizationChanges, *, of: UUID | None = None
) -> OrganizationSettings:
    """Return the settings after a change of the organization `of`. Raise Invalid."""
    given = {one.name: getattr(changes, one.name) for one in fields(before)}
    chosen = {name: _checked(name, value) for name, value in given.items() if value is not None}
    if chosen.get("mfa_policy") == REQUIRED_FOR_ALL:
        # Once it is required of everyone, nothing remains of what was required of admins.
        chosen["mfa_required_for_admins"] = False
    after = replace(before, **chosen)
    _check_together(after, chosen)
    for name in {"rbac_email_implicit_role_assignments"} & chosen.keys():
        roles = [one.role_id for one in after.rbac_email_implicit_role_assignments]
        check_roles(roles, of=of, field=name, error_type="invalid_rbac_role_assignment")
    return after


def allowed_domains(domains: Sequence[str]) -> list[str]:
    """Return the allowed domains, each once. Raise Invalid."""
    return list(_domains("email_allowed_domains", domains, _ALLOWED))


def _checked(name: str, value: Any) -> Any:
    if name in _CHOICES:
        return _choice(name, value, *_CHOICES[name])
    if name in _LISTS:
        choices, error_type = _LISTS[name]
        return tuple(_choice(name, one, choices, error_type) for one in _each(name, value))
    return _OTHERS.get(name, _each)(name, value)


def _choice(name: str, value: str, choices: Sequence[str], error_type: str) -> str:
    if value not in choices:
        raise Invalid(f"{name} must be one of: {', '.join(choices)}.", field=name, error_type=error_type)
    return value


def _each(name: str, values: Sequence[str]) -> tuple[str, ...]:
    """Return the values of a list, each once."""
    if len(values) > _MAX_VALUES:
        raise Invalid(f"{name} has more than {_MAX_VALUES} values.", field=name)
    if not all(is_text(one) and len(one) <= _MAX_LENGTH for one in values):
        raise Invalid(f"{name} has a value that is too long or isn't text.", field=name)
    return tuple(dict.fromkeys(values))


def _claimed_domains(name: str, values: Sequence[str]) -> tuple[str, ...]:
    return _domains(name, values, _CLAIMED)


def _domains(name: str, values: Sequence[str], errors: DomainErrors) -> tuple[str, ...]:
    return tuple(dict.fromkeys(read_domain(one, field=name, errors=errors) for one in _each(name, values)))


def _assignments(name: str, values: Sequence[EmailImplicitRoleAssignment]) -> tuple[EmailImplicitRoleAssignment, ...]:
    if len(values) > _MAX_VALUES:
        raise Invalid(f"{name} has more than {_MAX_VALUES} values.", field=name)
    if any(one.role_id == MEMBER_ROLE for one in values):
        raise Invalid(
            f"Every member already has {MEMBER_ROLE}.", field=name, error_type="cannot_assign_default_rbac_role_id"
        )
    read = [replace(one, domain=read_domain(one.domain, field=name, errors=_OF_ROLE)) for one in values]
    return tuple(dict.fromkeys(read))


def _tenants(name: str, values: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    if not values.keys() <= _TENANTS:
        raise Invalid(
            f"The keys of {name} must be among: {', '.join(sorted(_TENANTS))}.",
            field=name,
            error_type="invalid_oauth_allowed_tenants_format",
        )
    return {provider: _each(name, tenants) for provider, tenants in values.items()}


def _no_sso_connection(name: str, value: Any) -> Any:
    if value:
        raise Invalid("The organization has no such SSO connection.", field=name, error_type="sso_connection_not_found")
    return value if isinstance(value, str) else ()


def _check_together(after: OrganizationSettings, chosen: Mapping[str, Any]) -> None:
    if not chosen.keys().isdisjoint(_JOINING) and all(getattr(after, name) == NOT_ALLOWED for name in _JOINING):
        raise Invalid(
            f"At least one of {', '.join(_JOINING)} must let people join.",
            field=next(name for name in _JOINING if name in chosen),
            error_type=_FACTOR,
        )
    idle, duration = after.session_idle_minutes, after.session_duration_minutes
    if not chosen.keys().isdisjoint({"session_idle_minutes", "session_duration_minutes"}) and 0 < duration < idle:
        raise Invalid("It can’t be longer than the longest that a session lasts.", field="session_idle_minutes")
    for name, (allowed, error_type) in _RESTRICTED_WITHOUT.items():
        is_changed = not chosen.keys().isdisjoint({name, allowed})
        if is_changed and getattr(after, name) == RESTRICTED and not getattr(after, allowed):
            raise Invalid(
                f"{allowed} must have a value if {name} is {RESTRICTED}.", field=allowed, error_type=error_type
            )


def _flag(_: str, value: Any) -> bool:
    return bool(value)


def _whole(name: str, value: Any, lowest: int, highest: int) -> int:
    """Return a number, 0 for none. Raise Invalid for another one outside of the limits."""
    if not isinstance(value, int) or isinstance(value, bool) or (value and not lowest <= value <= highest):
        raise Invalid(f"Enter a number from {lowest:,} to {highest:,}, or 0.", field=name)
    return value


def _minutes(name: str, value: Any) -> int:
    return _whole(name, value, MIN_LIMIT, config.PROJECT.sessions.max_duration_minutes)


def _days(name: str, value: Any) -> int:
    highest: int = config.PROJECT.sessions.max_remembered_device_days
    if value and not highest:
        raise Invalid("The operator of this portal doesn’t allow remembering devices.", field=name)
    return _whole(name, value, 1, highest)


def _theme(_: str, value: Theme) -> Theme:
    """Return a theme. Raise Invalid with the name of a part for one that doesn't exist or can't be read."""
    for part, sentence in problems(value).items():
        raise Invalid(sentence, field=part)
    return value


_OTHERS: Mapping[str, Callable[[str, Any], Any]] = {
    "mfa_required_for_admins": _flag,
    "remembered_device_days": _days,
    "session_idle_minutes": _minutes,
    "session_duration_minutes": _minutes,
    "theme": _theme,
    "claimed_email_domains": _claimed_domains,
    "rbac_email_implicit_role_assignments": _assignments,
    "allowed_oauth_tenants": _tenants,
    "sso_default_connection_id": _no_sso_connection,
    "sso_jit_provisioning_allowed_connections": _no_sso_connection,
}
