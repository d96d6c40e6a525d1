"""A member's SCIM attributes in Stytch's format: snake case, with every field present (Stytch: SCIMAttributes)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from portal.directory.members import ScimRegistration

_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


class ScimValue(msgspec.Struct):
    """A value of a multi-valued attribute."""

    value: str
    type: str
    primary: bool


class ScimAddress(msgspec.Struct):
    """A postal address."""

    formatted: str
    street_address: str
    locality: str
    region: str
    postal_code: str
    country: str
    type: str
    primary: bool


class ScimMemberGroup(msgspec.Struct):
    """A SCIM group of the member."""

    value: str
    display: str


class ScimName(msgspec.Struct):
    """The parts of a name."""

    formatted: str
    family_name: str
    given_name: str
    middle_name: str
    honorific_prefix: str
    honorific_suffix: str


class ScimManager(msgspec.Struct):
    """The member's manager."""

    value: str
    ref: str
    display_name: str


class ScimEnterprise(msgspec.Struct):
    """The enterprise user extension (RFC 7643, section 4.3)."""

    employee_number: str
    cost_center: str
    division: str
    department: str
    organization: str
    manager: ScimManager | None


class ScimAttributes(msgspec.Struct):
    """Stytch's SCIMAttributes."""

    user_name: str
    id: str
    external_id: str
    active: bool
    groups: list[ScimMemberGroup]
    display_name: str
    nick_name: str
    profile_url: str
    user_type: str
    title: str
    preferred_language: str
    locale: str
    timezone: str
    emails: list[ScimValue]
    phone_numbers: list[ScimValue]
    addresses: list[ScimAddress]
    ims: list[ScimValue]
    photos: list[ScimValue]
    entitlements: list[ScimValue]
    roles: list[ScimValue]
    x509certificates: list[ScimValue]
    name: ScimName | None
    enterprise_extension: ScimEnterprise | None


def scim_attributes(registration: ScimRegistration) -> ScimAttributes:
    """Return the attributes of a member that the identity provider sent."""
    document = registration.document
    return ScimAttributes(
        user_name=_text(document, "userName"),
        id=registration.user_id,
        external_id=registration.external_id,
        active=registration.active,
        groups=[ScimMemberGroup(group_id, name) for group_id, name in registration.groups],
        display_name=_text(document, "displayName"),
        nick_name=_text(document, "nickName"),
        profile_url=_text(document, "profileUrl"),
        user_type=_text(document, "userType"),
        title=_text(document, "title"),
        preferred_language=_text(document, "preferredLanguage"),
        locale=_text(document, "locale"),
        timezone=_text(document, "timezone"),
        emails=_values(document, "emails"),
        phone_numbers=_values(document, "phoneNumbers"),
        addresses=[_address(one) for one in _objects(document, "addresses")],
        ims=_values(document, "ims"),
        photos=_values(document, "photos"),
        entitlements=_values(document, "entitlements"),
        roles=_values(document, "roles"),
        x509certificates=_values(document, "x509Certificates"),
        name=_name(document.get("name")),
        enterprise_extension=_enterprise(document.get(_ENTERPRISE)),
    )


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return value if isinstance(value, str) else "" if value is None else str(value)


def _objects(document: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    values = document.get(name)
    return [one for one in values if isinstance(one, Mapping)] if isinstance(values, list) else []


def _values(document: Mapping[str, Any], name: str) -> list[ScimValue]:
    return [
        ScimValue(_text(one, "value"), _text(one, "type"), one.get("primary") is True)
        for one in _objects(document, name)
    ]


def _address(one: Mapping[str, Any]) -> ScimAddress:
    return ScimAddress(
        formatted=_text(one, "formatted"),
        street_address=_text(one, "streetAddress"),
        locality=_text(one, "locality"),
        region=_text(one, "region"),
        postal_code=_text(one, "postalCode"),
        country=_text(one, "country"),
        type=_text(one, "type"),
        primary=one.get("primary") is True,
    )


def _name(value: Any) -> ScimName | None:
    if not isinstance(value, Mapping):
        return None
    parts = ("formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix")
    return ScimName(*(_text(value, part) for part in parts))


def _enterprise(value: Any) -> ScimEnterprise | None:
    if not isinstance(value, Mapping):
        return None
    return ScimEnterprise(
        employee_number=_text(value, "employeeNumber"),
        cost_center=_text(value, "costCenter"),
        division=_text(value, "division"),
        department=_text(value, "department"),
        organization=_text(value, "organization"),
        manager=_manager(value.get("manager")),
    )


def _manager(value: Any) -> ScimManager | None:
    if not isinstance(value, Mapping):
        return None
    return ScimManager(_text(value, "value"), _text(value, "$ref"), _text(value, "displayName"))
