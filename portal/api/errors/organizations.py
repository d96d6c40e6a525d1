"""Error types of organizations and of organization searches."""

from collections.abc import Iterator
from http import HTTPStatus

from portal.api.errors.error_type import ErrorType

_BAD = HTTPStatus.BAD_REQUEST
_DOMAIN_FIX = "Send domains such as example.com, without the part of an address up to @."
_COMMON = "Anyone can get an email address of this domain, so it does not show who belongs to the organization."
_COMMON_FIX = "Use domains that only the organization owns."
_FACTOR_FIX = "Send ALL_ALLOWED, RESTRICTED or NOT_ALLOWED, and leave at least one sign-in method available."


def search_error_types(noun: str, filters: str) -> Iterator[tuple[str, ErrorType]]:
    """Yield the error types of search operands; `filters` are the names that match part of a text."""
    causes = {
        "missing_filter_name": "An operand has no filter_name.",
        "missing_filter_value": "An operand has no filter_value.",
        "filter_name_not_recognized": "No filter has this name.",
        "expected_array_of_strings": "The filter takes a list of strings.",
        "expected_string": "The filter takes a string.",
        "expected_boolean": "The filter takes true or false.",
        **{f"{name}_too_short": f"{name} needs at least three characters." for name in filters.split()},
    }
    fix = "Compare the operand that the message names with Stytch's list of filters."
    for kind, cause in causes.items():
        yield f"{noun}_search_{kind}", ErrorType(_BAD, cause, fix)


ORGANIZATION_ERROR_TYPES: dict[str, ErrorType] = {
    "organization_not_found": ErrorType(
        HTTPStatus.NOT_FOUND,
        "The project has no organization with this ID, slug or external ID.",
        "Compare organization_id.",
    ),
    "invalid_organization_name": ErrorType(
        _BAD, "A name must have 1 to 128 characters.", "Send a name of that length."
    ),
    "invalid_organization_slug": ErrorType(
        _BAD,
        "A slug must have 2 to 128 letters, digits or . _ ~ -, and must not be a reserved word.",
        "Choose another slug, or leave it out to derive one from the name.",
    ),
    "organization_slug_already_used": ErrorType(
        _BAD,
        "Another organization has this slug, or has it as external ID.",
        "Choose another slug. organizations.search finds the organization that uses it.",
    ),
    "invalid_organization_external_id": ErrorType(
        _BAD,
        "An external ID must have 1 to 128 letters, digits or . _ - |, and must not look like an ID of Gatehouse.",
        "Convert your own ID to this format.",
    ),
    "organization_external_id_already_used": ErrorType(
        _BAD,
        "Another organization has this external ID, or has it as slug.",
        "Remove it from that organization first with delete_external_id.",
    ),
    "organization_logo_url_too_long": ErrorType(
        _BAD,
        "The URL of the logo has more than 2048 characters.",
        "Send the URL of an image, not the image itself.",
    ),
    "invalid_url": ErrorType(_BAD, "The value is not a valid URL.", "Send a URL that begins with https://."),
    "organization_needs_admin": ErrorType(
        _BAD,
        "The organization would have no admin left.",
        "Assign the role stytch_admin to another member first, or delete the whole organization.",
    ),
    "organization_change_locks_out": ErrorType(
        _BAD,
        "The member who makes the change, or every admin, could no longer sign in.",
        "Allow a method that the member signed in with, or change the setting with the project's secret.",
    ),
    "metadata_invalid_format": ErrorType(
        _BAD, "The metadata is not a JSON object that can be stored.", "Send a JSON object."
    ),
    "metadata_too_large": ErrorType(
        _BAD, "The metadata would be larger than 4 KB.", "Store the data in your own database, and only its ID here."
    ),
    "metadata_too_many_keys": ErrorType(
        _BAD, "The metadata would have more than 20 keys.", "Send null for keys that you want to remove."
    ),
    "organization_settings_invalid_domain": ErrorType(
        _BAD, "email_allowed_domains contains a value that is not a domain.", _DOMAIN_FIX
    ),
    "organization_settings_domain_too_common": ErrorType(_BAD, _COMMON, _COMMON_FIX),
    "organization_settings_invalid_claimed_domain": ErrorType(
        _BAD, "claimed_email_domains contains a value that is not a domain.", _DOMAIN_FIX
    ),
    "organization_settings_claimed_domain_too_common": ErrorType(_BAD, _COMMON, _COMMON_FIX),
    "rbac_invalid_domain": ErrorType(_BAD, "A role is assigned to a value that is not a domain.", _DOMAIN_FIX),
    "rbac_domain_too_common": ErrorType(_BAD, _COMMON, _COMMON_FIX),
    "invalid_rbac_role_assignment": ErrorType(
        _BAD, "An assignment names a role that does not exist.", "Use a role that rbac.policy lists."
    ),
    "cannot_assign_default_rbac_role_id": ErrorType(
        _BAD, "Every member already has the role stytch_member.", "Leave that assignment out."
    ),
    "invalid_organization_auth_factor_setting": ErrorType(
        _BAD, "A sign-in setting has an unknown value, or would leave members without a way to sign in.", _FACTOR_FIX
    ),
    "invalid_organization_auth_factor_setting_for_email_jit_provisioning": ErrorType(
        _BAD, "email_jit_provisioning must be RESTRICTED or NOT_ALLOWED.", "Send one of them."
    ),
    "invalid_organization_auth_factor_setting_for_oauth_tenant_jit_provisioning": ErrorType(
        _BAD, "oauth_tenant_jit_provisioning must be RESTRICTED or NOT_ALLOWED.", "Send one of them."
    ),
    "invalid_organization_auth_method_settings": ErrorType(
        _BAD, "auth_methods must be ALL_ALLOWED or RESTRICTED.", "Send one of them."
    ),
    "invalid_organization_allowed_auth_methods": ErrorType(
        _BAD, "allowed_auth_methods contains an unknown method.", "Use the methods that the message lists."
    ),
    "allowed_auth_methods_required_for_restricted": ErrorType(
        _BAD, "auth_methods is RESTRICTED, and no method is allowed.", "Add at least one to allowed_auth_methods."
    ),
    "invalid_organization_mfa_policy": ErrorType(
        _BAD, "mfa_policy must be OPTIONAL or REQUIRED_FOR_ALL.", "Send one of them."
    ),
    "invalid_organization_mfa_factor_setting": ErrorType(
        _BAD, "mfa_methods must be ALL_ALLOWED or RESTRICTED.", "Send one of them."
    ),
    "invalid_organization_allowed_mfa_methods": ErrorType(
        _BAD, "allowed_mfa_methods contains an unknown method.", "Use sms_otp and totp only."
    ),
    "allowed_mfa_methods_required_for_restricted": ErrorType(
        _BAD, "mfa_methods is RESTRICTED, and no method is allowed.", "Add at least one to allowed_mfa_methods."
    ),
    "invalid_oauth_allowed_tenants_format": ErrorType(
        _BAD, "allowed_oauth_tenants has an unknown key.", "Use slack, hubspot and github only."
    ),
    "sso_connection_not_found": ErrorType(
        _BAD, "The organization has no such SSO connection.", "Leave it out. Gatehouse has no SSO connections yet."
    ),
    "user_search_invalid_operator": ErrorType(
        _BAD, "The operator must be AND.", "Search once for each alternative, and combine the results."
    ),
    **dict(
        search_error_types(
            "organization",
            "organization_name_fuzzy organization_slug_fuzzy member_email_fuzzy allowed_domain_fuzzy",
        )
    ),
}
