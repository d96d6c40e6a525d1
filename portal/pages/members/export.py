"""The list of members as a file."""

from dataclasses import asdict
from functools import partial

from django.http import HttpResponseBase

from portal.directory.activity import ExportedList
from portal.directory.errors import Invalid
from portal.directory.members import ListedMember
from portal.directory.policy import MEMBER_ROLE
from portal.pages.members.forms import ExportQuery
from portal.web.exports import Record, every_item, export_response, record_export, reserve_export
from portal.web.request import PortalRequest

# All members of the largest organizations: a file that ends earlier doesn't say so.
_MAX_EXPORTED = 1_000_000
_COLUMNS = (
    "member_id",
    "name",
    "email_address",
    "status",
    "roles",
    "managed_by",
    "has_password",
    "passkeys",
    "has_authenticator_app",
    "has_phone_number",
    "requires_second_factor",
    "emergency_access",
    "external_id",
    "created_at",
    "last_active_at",
)


def export(request: PortalRequest) -> HttpResponseBase:
    """Download the members that match the filter as a file, read while it is sent."""
    gateway = request.directory.members
    form = ExportQuery(request.POST, role_ids=tuple(request.policy.roles), searches_names=gateway.has_details)
    if not form.is_valid():
        raise Invalid("Choose CSV or JSON Lines, and a filter that the list of members offers.")
    reserve_export(request)
    given = [(name, str(value)) for name, value in asdict(form.wanted).items() if value not in {None, ""}]
    record_export(request, ExportedList.MEMBERS, given)
    records = map(_record, every_item(partial(gateway.page, form.wanted), maximum=_MAX_EXPORTED))
    return export_response(request, "members", form.cleaned_data["file_format"], _COLUMNS, records)


def _record(listed: ListedMember) -> Record:
    member, manager, active = listed.member, listed.manager, listed.last_active_at
    return {
        "member_id": member.member_id,
        "name": member.name,
        "email_address": member.email_address,
        "status": str(member.status),
        "roles": [role.role_id for role in member.roles if role.role_id != MEMBER_ROLE],
        "managed_by": manager.identity_provider.label if manager else "",
        "has_password": bool(member.member_password_id),
        "passkeys": member.passkeys,
        "has_authenticator_app": bool(member.totp_registration_id),
        "has_phone_number": member.has_phone,
        "requires_second_factor": member.mfa_enrolled,
        "emergency_access": member.is_breakglass,
        "external_id": member.external_id,
        "created_at": member.created_at.isoformat() if member.created_at else "",
        "last_active_at": active.isoformat() if active else "",
    }
