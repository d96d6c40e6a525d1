"""Check changes of a member and apply them to the row. The gateway saves it and records the change."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from portal.directory.errors import Conflict, Invalid
from portal.directory.members import MemberChanges
from portal.directory.phone_numbers import shown_ending
from portal.directory.policy import MEMBER_ROLE
from portal.directory.second_factors import METHODS, SMS_OTP, TOTP
from portal.embedded import models
from portal.embedded.database.integrity import check, is_text
from portal.embedded.members.roles import check_roles
from portal.embedded.members.values import member_value
from portal.embedded.metadata import check_external_id, merge_metadata

_MAX_ROLES = 100
_PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}\Z")  # ITU-T E.164
_METADATA = ("trusted_metadata", "untrusted_metadata")


def check_address(text: str) -> str:
    """Return an email address without surrounding spaces. Raise Invalid if it is empty."""
    address = text.strip()
    if not address or not is_text(address):
        raise Invalid("Enter an email address.", field="email_address", error_type="invalid_email")
    return address


def apply_changes(row: models.MemberRow, changes: MemberChanges) -> None:
    """Apply all changes except the address to a row. Raise Invalid, Conflict."""
    if changes.name is not None:
        row.name = changes.name.strip()
    if changes.is_breakglass is not None:
        row.is_breakglass = changes.is_breakglass
    if changes.roles is not None:
        row.direct_roles = _check_direct_roles(changes.roles, row.organization_id)
    if changes.external_id is not None:
        row.external_id = check_external_id(
            changes.external_id, noun="member", field="external_id", error_type="invalid_argument"
        )
    for name in _METADATA:
        setattr(row, name, merge_metadata(getattr(row, name), getattr(changes, name), name))
    _apply_mfa(row, changes)
    try:
        check(row)
    except Invalid as error:
        error_type = "invalid_email" if error.field == "email_address" else ""
        raise Invalid(error.detail, field=error.field, error_type=error_type) from None


def _apply_mfa(row: models.MemberRow, changes: MemberChanges) -> None:
    number = changes.mfa_phone_number
    if number and number != row.mfa_phone_number:
        if row.mfa_phone_number:
            raise Conflict(
                "The member already has a phone number. Delete it first.",
                field="mfa_phone_number",
                error_type="duplicate_member_phone_number_for_member",
            )
        if not _PHONE_NUMBER.match(number):
            raise Invalid(
                "Enter a phone number such as +12025550123.",
                field="mfa_phone_number",
                error_type="invalid_phone_number",
            )
        row.mfa_phone_number, row.mfa_phone_number_verified = number, False
    if changes.mfa_enrolled is not None:
        row.mfa_enrolled = changes.mfa_enrolled
    if changes.default_mfa_method is not None:
        row.default_mfa_method = _check_mfa_method(row, changes.default_mfa_method)


def _check_mfa_method(row: models.MemberRow, method: str) -> str:
    if method not in {"", *METHODS}:
        raise Invalid(
            "default_mfa_method must be sms_otp or totp.",
            field="default_mfa_method",
            error_type="invalid_mfa_default_method",
        )
    if (method == TOTP and row.totp_id is None) or (method == SMS_OTP and not row.mfa_phone_number):
        raise Invalid(
            "The member has not set up this method.",
            field="default_mfa_method",
            error_type="default_mfa_member_missing_factor",
        )
    return method


def _check_direct_roles(role_ids: Sequence[str], organization_id: UUID) -> list[str]:
    """Return the roles to assign, without the one that every member has. Raise Invalid."""
    if len(role_ids) > _MAX_ROLES:
        raise Invalid(f"A member can have at most {_MAX_ROLES} roles.", field="roles", error_type="too_many_roles")
    return [role_id for role_id in check_roles(role_ids, of=organization_id) if role_id != MEMBER_ROLE]


@contextmanager
def unless_taken(error_type: str = "duplicate_member_email") -> Iterator[None]:
    """Raise Conflict if the database finds another member with the same address or external ID."""
    try:
        yield
    except IntegrityError as error:
        if "external_id" in str(error):
            raise Conflict(
                "Another member has this external ID.", field="external_id", error_type="duplicate_member_external_id"
            ) from None
        raise Conflict(
            "Another member of the organization has this email address.",
            field="email_address",
            error_type=error_type,
        ) from None


def require_version(row: models.MemberRow, changes: MemberChanges, version: str) -> None:
    """Raise Conflict if the fields that are given changed after a version (Member.version_of). "" is any version."""
    if version and version != member_value(row).version_of(*changes.given):
        raise Conflict("Someone else changed this in the meantime. Check what it is now, then save again.")


def described(row: models.MemberRow) -> dict[str, Any]:
    """Return the fields that can be changed, in Stytch's terms."""
    return {
        "email_address": row.email_address,
        "name": row.name,
        "roles": list(row.direct_roles),
        "external_id": row.external_id,
        "is_breakglass": row.is_breakglass,
        "mfa_phone_number": row.mfa_phone_number,
        "mfa_enrolled": row.mfa_enrolled,
        "default_mfa_method": row.default_mfa_method,
        **{name: getattr(row, name) for name in _METADATA},
    }


def for_activity(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as the activity log stores them.

    Of metadata, whose values can be anything, it has only the keys; of a phone number, what other members see of it.
    """
    fields: dict[str, Any] = {
        name: sorted(value or ()) if name in _METADATA else value for name, value in described.items()
    }
    if number := fields.get("mfa_phone_number"):
        fields["mfa_phone_number"] = f"…{shown_ending(number)}"
    return fields
