"""Stytch's objects of discovery."""

from datetime import datetime
from typing import Any

import msgspec

from portal.api.wire.members import Member, member
from portal.api.wire.organizations import Organization, organization
from portal.api.wire.sessions import MfaRequired, PrimaryRequired, mfa_required
from portal.directory import discovery


class Membership(msgspec.Struct):
    """What a person is to an organization."""

    type: str
    details: dict[str, Any] | None
    member: Member | None


class DiscoveredOrganization(msgspec.Struct):
    """An organization that a person can choose, and what is missing to enter it."""

    organization: Organization
    membership: Membership
    member_authenticated: bool
    primary_required: PrimaryRequired | None
    mfa_required: MfaRequired | None


class DiscoveryResponse(msgspec.Struct):
    """What a person proved, and the organizations that they can choose from."""

    intermediate_session_token: str
    email_address: str
    discovered_organizations: list[DiscoveredOrganization]
    intermediate_session_token_expires_at: datetime | None


def discovery_response(found: discovery.DiscoveredOrganizations) -> DiscoveryResponse:
    """Return the outcome of proving an address as a response."""
    return DiscoveryResponse(
        found.intermediate_session_token,
        found.email_address,
        discovered_organizations(found),
        found.intermediate_session_token_expires_at,
    )


def discovered_organizations(found: discovery.DiscoveredOrganizations) -> list[DiscoveredOrganization]:
    """Return organizations as Stytch's objects."""
    return [_discovered_organization(one, found.email_address) for one in found.organizations]


def _discovered_organization(value: discovery.DiscoveredOrganization, email_address: str) -> DiscoveredOrganization:
    is_joining = value.membership_type is discovery.MembershipType.ELIGIBLE_TO_JOIN_BY_EMAIL_DOMAIN
    settings = value.organization.settings
    return DiscoveredOrganization(
        organization=organization(value.organization),
        membership=Membership(
            type=value.membership_type,
            details={"domain": email_address.rpartition("@")[2]} if is_joining else None,
            member=member(value.member) if value.member else None,
        ),
        member_authenticated=value.is_authenticated,
        primary_required=None
        if value.is_authenticated or value.mfa_required
        else PrimaryRequired(list(settings.allowed_auth_methods)),
        mfa_required=mfa_required(value.mfa_required),
    )
