"""The types of error of members, and of searches for them."""

from http import HTTPStatus

from portal.api.errors.error_type import ErrorType
from portal.api.errors.organizations import search_error_types

_BAD, _MISSING = HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND

MEMBER_ERROR_TYPES: dict[str, ErrorType] = {
    "member_not_found": ErrorType(
        _MISSING,
        "The organization has no member with this id, external id or address, or they are deleted.",
        "Compare member_id; members of other organizations look unknown. A search with the status deleted finds those.",
    ),
    "invalid_member_get_fields": ErrorType(
        _BAD, "The call names no member, or names one twice.", "Send member_id or email_address."
    ),
    "invalid_email": ErrorType(_BAD, "It is no e-mail address.", "Send one such as ada@example.com."),
    "duplicate_member_email": ErrorType(
        _BAD,
        "Another member of the organization has this address.",
        "Find and change that one: members.search with member_emails.",
    ),
    "duplicate_member_external_id": ErrorType(
        _BAD,
        "Another member of the organization has this external id.",
        "Take it from the other one first, with delete_external_id.",
    ),
    "retired_member_email": ErrorType(
        _BAD,
        "Another member had this address, and it is kept for them.",
        "Let that member go of it: unlink_retired_email.",
    ),
    "email_not_found": ErrorType(
        _MISSING, "The member has no such former address.", "Compare it with the member's retired_email_addresses."
    ),
    "member_cannot_update_their_email_address": ErrorType(
        _BAD,
        "Members cannot change their own address like this.",
        "Have an admin do it, or your backend without the member's session.",
    ),
    "invalid_role": ErrorType(_BAD, "There is no such role.", "Use one that rbac.policy lists."),
    "too_many_roles": ErrorType(_BAD, "A member has 100 roles at most.", "Put what they grant into fewer roles."),
    "invalid_phone_number": ErrorType(
        _BAD, "The phone number is not in the form of E.164.", "Send + and the country, such as +12025550123."
    ),
    "duplicate_member_phone_number_for_member": ErrorType(
        _BAD, "The member has another phone number.", "Delete that one first, with delete_mfa_phone_number."
    ),
    "member_phone_number_not_found": ErrorType(
        _MISSING, "The member has no phone number.", "There is nothing to delete."
    ),
    "member_password_not_found": ErrorType(
        _MISSING, "The organization has no such password.", "Compare it with the member's member_password_id."
    ),
    "totp_not_found": ErrorType(_MISSING, "The member has no authenticator app.", "There is nothing to delete."),
    "invalid_mfa_default_method": ErrorType(_BAD, "default_mfa_method takes sms_otp and totp.", "Send one of them."),
    "default_mfa_member_missing_factor": ErrorType(
        _BAD, "The member has nothing to do the default MFA method with.", "Set mfa_phone_number in the same call."
    ),
    "no_deleted_member_found_for_reactivation": ErrorType(
        _MISSING,
        "The organization has no deleted member of this id.",
        "Send the member_id, not an external id. Whoever is not deleted needs no reactivation.",
    ),
    "email_unverified_for_reactivation": ErrorType(
        _BAD,
        "The member never showed that the address is theirs.",
        "Make a new member with the address instead.",
    ),
    "reactivation_email_belongs_to_another_member": ErrorType(
        _BAD, "Another member has the address by now.", "Change the other one's address first, or use that one."
    ),
    "search_invalid_status_filter": ErrorType(
        _BAD, "There is no such status.", "Use active, pending, invited and deleted."
    ),
    "member_search_organization_ids_empty": ErrorType(
        _BAD, "The search names no organization.", "Send one id at least in organization_ids."
    ),
    "member_search_cannot_mix_internal_and_external_member_ids": ErrorType(
        _BAD, "member_ids has ids and external ids.", "Search twice, once with each kind."
    ),
    **dict(search_error_types("member", "member_email_fuzzy member_mfa_phone_number_fuzzy member_phone_number_fuzzy")),
}
