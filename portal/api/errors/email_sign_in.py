"""Error types of links and codes by email, of redirect URLs and of discovery."""

from http import HTTPStatus

from portal.api.errors.error_type import ErrorType

_BAD, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
)
_NO_REDIRECT_URL = ErrorType(
    _BAD,
    "The project has no redirect URL of this type.",
    "Set SDK_REDIRECT_URLS, or list the URL in PROJECT_FILE.",
)

EMAIL_SIGN_IN_ERROR_TYPES: dict[str, ErrorType] = {
    "unable_to_auth_magic_link": ErrorType(
        _UNAUTHORIZED,
        "The link was already used, was replaced by a newer one, or has expired.",
        "Have the member ask for a new link.",
    ),
    "otp_code_not_found": ErrorType(
        _NOT_FOUND,
        "The code is wrong, was already used or replaced, or has expired. After five wrong codes, the right one isn't valid "
        "either.",
        "Have the member ask for a new code.",
    ),
    "email_settings_not_found": ErrorType(_NOT_FOUND, "The project can't send email.", "Set EMAIL_URL and EMAIL_FROM."),
    "email_template_not_found": ErrorType(
        _NOT_FOUND,
        "The project has no template of emails with this ID, or it has none for this email.",
        "Compare the ID with the folders in mail.templates of PROJECT_FILE, and run manage.py mail check. A folder that was "
        "added is read when the portal starts.",
    ),
    "email_not_found": ErrorType(
        _NOT_FOUND,
        "The organization has no member with this email address.",
        "Compare the address, or invite the person.",
    ),
    "invalid_email_for_jit_provisioning": ErrorType(
        _BAD,
        "The organization doesn't let people with this email address join on their own.",
        "Invite the person, or allow the domain in email_allowed_domains with email_jit_provisioning RESTRICTED.",
    ),
    "invalid_email_for_invites": ErrorType(
        _BAD,
        "The organization doesn't allow inviting this email address.",
        "Change its email_invites, or add the domain to email_allowed_domains.",
    ),
    "no_login_redirect_urls_set": _NO_REDIRECT_URL,
    "no_signup_redirect_urls_set": _NO_REDIRECT_URL,
    "no_invite_redirect_urls_set": _NO_REDIRECT_URL,
    "no_discovery_redirect_urls_set": _NO_REDIRECT_URL,
    "no_password_reset_redirect_url": _NO_REDIRECT_URL,
    "no_match_for_provided_magic_link_url": ErrorType(
        _BAD,
        "The redirect URL isn't one of the project's, compared as a whole.",
        "Add it to SDK_REDIRECT_URLS or PROJECT_FILE, or send one that is there.",
    ),
    "invalid_pkce_code_challenge": ErrorType(
        _BAD, "The code challenge isn't one of the PKCE method S256.", "Send the SHA-256 of the verifier in base64url."
    ),
    "pkce_required": ErrorType(
        _BAD, "The project requires PKCE for this.", "Send a code challenge. The browser SDK does so on its own."
    ),
    "pkce_expected_code_verifier": ErrorType(
        _BAD, "The link was requested with a PKCE code challenge.", "Send its verifier."
    ),
    "pkce_did_not_expect_code_verifier": ErrorType(
        _BAD, "The link was requested without a PKCE code challenge.", "Leave the verifier out."
    ),
    "pkce_mismatch": ErrorType(
        _BAD,
        "The code verifier doesn't belong to the challenge that the link was requested with.",
        "Open the link in the browser in which it was requested.",
    ),
    "endpoint_not_authorized_for_sdk": ErrorType(
        _UNAUTHORIZED,
        "The project doesn't let browsers use this method.",
        "Allow it under [sdk] in PROJECT_FILE, or use your backend.",
    ),
    "intermediate_session_not_found": ErrorType(
        _NOT_FOUND,
        "The intermediate session was used or has expired: it lasts ten minutes.",
        "Have the person sign in again.",
    ),
    "invalid_intermediate_session_token_for_organization": ErrorType(
        _BAD,
        "The intermediate session belongs to another email address than the member.",
        "Leave it out, or have its own person sign in.",
    ),
    "action_not_allowed_email_domain_is_claimed": ErrorType(
        _FORBIDDEN,
        "An organization claims the domain of the email address.",
        "Have its admin invite the person.",
    ),
}
