"""The types of error of organizations, and of searches for them."""

from collections.abc import Iterator
from http import HTTPStatus

from portal.api.errors.error_type import ErrorType

_BAD = HTTPStatus.BAD_REQUEST
_DOMAIN_CURE = "Send domains such as example.com, without an address before them."
_COMMON = "Anybody can get an address of this domain, so it says nothing of who belongs to the organization."
_COMMON_CURE = "Name domains that belong to the organization alone."
_FACTOR_CURE = "Send ALL_ALLOWED, RESTRICTED or NOT_ALLOWED, and leave one of the ways in open."


def search_error_types(noun: str, filters: str) -> Iterator[tuple[str, ErrorType]]:
    """Yield what can be wrong with an operand; `filters` are those that look for a part of a text."""
    causes = {
        "missing_filter_name": "An operand has no filter_name.",
        "missing_filter_value": "An operand has no filter_value.",
        "filter_name_not_recognized": "There is no filter of this name.",
        "expected_array_of_strings": "The filter takes a list of texts.",
        "expected_string": "The filter takes a text.",
        "expected_boolean": "The filter takes true or false.",
        **{f"{name}_too_short": f"{name} takes at least three characters." for name in filters.split()},
    }
    cure = "Compare the operand with Stytch's list of filters; the message names it."
    for kind, cause in causes.items():
        yield f"{noun}_search_{kind}", ErrorType(_BAD, cause, cure)


ORGANIZATION_ERROR_TYPES: dict[str, ErrorType] = {
    "invalid_organization_name": ErrorType(_BAD, "A name has 1 to 128 characters.", "Shorten it, or send one."),
    "invalid_organization_slug": ErrorType(
        _BAD,
        "A slug has 2 to 128 letters, digits or . _ ~ -, and is none that means something else in an address.",
        "Choose another slug, or leave it out: one is made of the name.",
    ),
    "organization_slug_already_used": ErrorType(
        _BAD,
        "Another organization has this slug, or is called so by your product.",
        "Choose another slug; organizations.search finds the one that has it.",
    ),
    "invalid_organization_external_id": ErrorType(
        _BAD,
        "An external id has 1 to 128 letters, digits or . _ - |, and does not look like an id of Gatehouse.",
        "Map your own id to such a text.",
    ),
    "organization_external_id_already_used": ErrorType(
        _BAD,
        "Another organization has this external id, or this slug.",
        "Take it from the other one first, with delete_external_id.",
    ),
    "organization_logo_url_too_long": ErrorType(
        _BAD,
        "The address of the logo has more than 2048 characters.",
        "Send the address of a picture, not the picture.",
    ),
    "invalid_url": ErrorType(_BAD, "It is no address on the web.", "Send one that begins with https://."),
    "organization_needs_admin": ErrorType(
        _BAD,
        "Nobody would be left who can administer the organization.",
        "Give somebody else the role stytch_admin first, or delete the whole organization.",
    ),
    "metadata_invalid_format": ErrorType(
        _BAD, "The metadata is no JSON that can be stored.", "Send an object of JSON."
    ),
    "metadata_too_large": ErrorType(
        _BAD, "The metadata would be larger than 4 KB.", "Keep it with you, and its id here."
    ),
    "metadata_too_many_keys": ErrorType(
        _BAD, "The metadata would have more than 20 keys.", "Send null for keys that can go."
    ),
    "organization_settings_invalid_domain": ErrorType(
        _BAD, "email_allowed_domains names something that is no domain.", _DOMAIN_CURE
    ),
    "organization_settings_domain_too_common": ErrorType(_BAD, _COMMON, _COMMON_CURE),
    "organization_settings_invalid_claimed_domain": ErrorType(
        _BAD, "claimed_email_domains names something that is no domain.", _DOMAIN_CURE
    ),
    "organization_settings_claimed_domain_too_common": ErrorType(_BAD, _COMMON, _COMMON_CURE),
    "rbac_invalid_domain": ErrorType(_BAD, "A role is to be given to something that is no domain.", _DOMAIN_CURE),
    "rbac_domain_too_common": ErrorType(_BAD, _COMMON, _COMMON_CURE),
    "invalid_rbac_role_assignment": ErrorType(
        _BAD, "A role is to be given that there is not.", "Use one that rbac.policy lists."
    ),
    "cannot_assign_default_rbac_role_id": ErrorType(
        _BAD, "Every member is stytch_member already.", "Leave that assignment out."
    ),
    "invalid_organization_auth_factor_setting": ErrorType(
        _BAD, "A setting of how people come in has another value, or nobody could come in any more.", _FACTOR_CURE
    ),
    "invalid_organization_auth_factor_setting_for_email_jit_provisioning": ErrorType(
        _BAD, "email_jit_provisioning takes RESTRICTED or NOT_ALLOWED.", "Send one of them."
    ),
    "invalid_organization_auth_factor_setting_for_oauth_tenant_jit_provisioning": ErrorType(
        _BAD, "oauth_tenant_jit_provisioning takes RESTRICTED or NOT_ALLOWED.", "Send one of them."
    ),
    "invalid_organization_auth_method_settings": ErrorType(
        _BAD, "auth_methods takes ALL_ALLOWED or RESTRICTED.", "Send one of them."
    ),
    "invalid_organization_allowed_auth_methods": ErrorType(
        _BAD, "allowed_auth_methods names a method that there is not.", "The message lists those that there are."
    ),
    "allowed_auth_methods_required_for_restricted": ErrorType(
        _BAD, "auth_methods is RESTRICTED, and no method is allowed.", "Name one in allowed_auth_methods."
    ),
    "invalid_organization_mfa_policy": ErrorType(
        _BAD, "mfa_policy takes OPTIONAL or REQUIRED_FOR_ALL.", "Send one of them."
    ),
    "invalid_organization_mfa_factor_setting": ErrorType(
        _BAD, "mfa_methods takes ALL_ALLOWED or RESTRICTED.", "Send one of them."
    ),
    "invalid_organization_allowed_mfa_methods": ErrorType(
        _BAD, "allowed_mfa_methods takes sms_otp and totp.", "Send these alone."
    ),
    "allowed_mfa_methods_required_for_restricted": ErrorType(
        _BAD, "mfa_methods is RESTRICTED, and no method is allowed.", "Name one in allowed_mfa_methods."
    ),
    "invalid_oauth_allowed_tenants_format": ErrorType(
        _BAD, "allowed_oauth_tenants has a key that there is not.", "Use slack, hubspot and github."
    ),
    "sso_connection_not_found": ErrorType(
        _BAD, "The organization has no such SSO connection.", "Leave it out: Gatehouse has no SSO connections yet."
    ),
    "user_search_invalid_operator": ErrorType(
        _BAD, "The operator of a search is AND.", "Search once for each of what may hold, and put the answers together."
    ),
    **dict(
        search_error_types(
            "organization",
            "organization_name_fuzzy organization_slug_fuzzy member_email_fuzzy allowed_domain_fuzzy",
        )
    ),
}
