"""Error types of members and of member searches."""

from http import HTTPStatus

from portal.api.errors.error_type import ErrorType
from portal.api.errors.organizations import search_error_types

_BAD, _NOT_FOUND = HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND

MEMBER_ERROR_TYPES: dict[str, ErrorType] = {
    "member_not_found": ErrorType(
        _NOT_FOUND,
        "The organization has no member with this ID, external ID or email address, or the member is deleted.",
        "Compare member_id. Members of other organizations are not found. To find deleted members, search for the status "
        "deleted.",
    ),
    "invalid_member_get_fields": ErrorType(
        _BAD, "The request names no member, or names one twice.", "Send either member_id or email_address."
    ),
    "invalid_email": ErrorType(_BAD, "The email address is not valid.", "Send an address such as ada@example.com."),
    "duplicate_member_email": ErrorType(
        _BAD,
        "Another member of the organization has this email address.",
        "Find that member with members.search and member_emails, and change it instead.",
    ),
    "duplicate_member_external_id": ErrorType(
        _BAD,
        "Another member of the organization has this external ID.",
        "Remove it from that member first with delete_external_id.",
    ),
    "retired_member_email": ErrorType(
        _BAD,
        "This is a retired email address of another member, and still reserved for them.",
        "Release it first with unlink_retired_email.",
    ),
    "email_not_found": ErrorType(
        _NOT_FOUND,
        "The member has no such retired email address.",
        "Compare it with the member's retired_email_addresses.",
    ),
    "member_cannot_update_their_email_address": ErrorType(
        _BAD,
        "Members cannot change their own email address in this way.",
        "Have an admin change it, or send the request from your backend without the member session.",
    ),
    "email_updates_available_only_for_active_members": ErrorType(
        _BAD,
        "The member isn't active, or their current email address isn't verified.",
        "Have them sign in with a link or code by email first, or change the address with members.update.",
    ),
    "desired_email_updating_for_different_member": ErrorType(
        _BAD, "Another member is about to get this email address.", "Wait until their link or code expires."
    ),
    "invalid_role": ErrorType(_BAD, "The role does not exist.", "Use a role that rbac.policy lists."),
    "invalid_phone_number": ErrorType(
        _BAD,
        "The phone number is not in E.164 format, or can't receive text messages.",
        "Send + and the country code first, as in +12025550123.",
    ),
    "duplicate_member_phone_number_for_member": ErrorType(
        _BAD, "The member has another phone number.", "Delete that number first with delete_mfa_phone_number."
    ),
    "member_phone_number_not_found": ErrorType(
        _NOT_FOUND,
        "The member has no phone number.",
        "Nothing needs to be deleted. To send a code, add mfa_phone_number.",
    ),
    "member_password_not_found": ErrorType(
        _NOT_FOUND, "The organization has no such password.", "Compare it with the member's member_password_id."
    ),
    "invalid_mfa_default_method": ErrorType(_BAD, "default_mfa_method must be sms_otp or totp.", "Send one of them."),
    "default_mfa_member_missing_factor": ErrorType(
        _BAD,
        "The member has no factor for the default MFA method.",
        "Set mfa_phone_number in the same request, or have the member set up an authenticator app.",
    ),
    "connected_app_not_found": ErrorType(
        _NOT_FOUND,
        "No app with this ID is connected to the organization or the member.",
        "Compare connected_app_id. Gatehouse doesn't connect apps yet, so no ID exists.",
    ),
    "no_deleted_member_found_for_reactivation": ErrorType(
        _NOT_FOUND,
        "The organization has no deleted member with this ID.",
        "Send the member_id, not an external ID. Only deleted members can be reactivated.",
    ),
    "email_unverified_for_reactivation": ErrorType(
        _BAD,
        "The email address of the member was never verified.",
        "Create a new member with this email address instead.",
    ),
    "reactivation_email_belongs_to_another_member": ErrorType(
        _BAD,
        "Another member now has this email address.",
        "Change the address of that member first, or use that member.",
    ),
    "search_invalid_status_filter": ErrorType(
        _BAD, "The status does not exist.", "Use active, pending, invited or deleted."
    ),
    "member_search_organization_ids_empty": ErrorType(
        _BAD, "The search names no organization.", "Send at least one ID in organization_ids."
    ),
    "member_search_cannot_mix_internal_and_external_member_ids": ErrorType(
        _BAD, "member_ids contains both IDs and external IDs.", "Search twice, once with each kind."
    ),
    **dict(search_error_types("member", "member_email_fuzzy member_mfa_phone_number_fuzzy member_phone_number_fuzzy")),
}
