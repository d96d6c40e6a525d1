"""What of a member is to be changed, and who may change it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

RESOURCE, SELF = "stytch.member", "stytch.self"
# The action that each field needs of a member (Stytch: Update Member). What has none is for the project alone.
FIELD_ACTIONS: Mapping[str, str] = {
    "name": "update.info.name",
    "email_address": "update.info.email",
    "unlink_email": "update.info.email",
    "untrusted_metadata": "update.info.untrusted-metadata",
    "is_breakglass": "update.settings.is-breakglass",
    "mfa_phone_number": "update.info.mfa-phone",
    "mfa_enrolled": "update.settings.mfa-enrolled",
    "default_mfa_method": "update.settings.default-mfa-method",
    "roles": "update.settings.roles",
}
PROJECT_ONLY = ("trusted_metadata", "external_id")
# What gives power: whoever may make members needs the right to change it, too.
POWERS = ("roles", "is_breakglass")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChanges:
    """What is given, by Stytch's names; None leaves a thing as it is, or at its default.

    Of the metadata the keys that are given are replaced, and those that are null taken away. `unlink_email` lets go of the
    address that `email_address` takes the place of.
    """

    email_address: str | None = None
    unlink_email: bool | None = None
    name: str | None = None
    trusted_metadata: Mapping[str, Any] | None = None
    untrusted_metadata: Mapping[str, Any] | None = None
    is_breakglass: bool | None = None
    mfa_phone_number: str | None = None
    mfa_enrolled: bool | None = None
    default_mfa_method: str | None = None
    roles: Sequence[str] | None = None
    external_id: str | None = None
