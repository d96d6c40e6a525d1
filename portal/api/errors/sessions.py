"""Error types of sessions and of permissions."""

from http import HTTPStatus

from portal.api.errors.error_type import ErrorType

_BAD, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
)

SESSION_ERROR_TYPES: dict[str, ErrorType] = {
    "session_not_found": ErrorType(
        _NOT_FOUND, "The session has expired, was revoked, or never existed.", "Have the member sign in again."
    ),
    "session_authorization_error": ErrorType(
        _FORBIDDEN,
        "The roles of the member do not allow this.",
        "Assign a role with this permission to the member. If your backend authorizes the request itself, send it without "
        "the member session.",
    ),
    "session_authorization_tenancy_error": ErrorType(
        _FORBIDDEN,
        "The session belongs to another organization than the one in the request.",
        "Exchange the session for one of that organization, or correct organization_id.",
    ),
    "user_unauthenticated": ErrorType(
        _UNAUTHORIZED, "The request needs a signed-in member.", "Have the member sign in first."
    ),
    "no_session_arguments": ErrorType(
        _BAD,
        "The request does not name a session.",
        "Send session_token or session_jwt. The browser SDKs do this for you.",
    ),
    "too_many_session_arguments": ErrorType(
        _BAD, "The request names a session twice.", "Send session_token or session_jwt, not both."
    ),
    "no_session_revoke_arguments": ErrorType(
        _BAD,
        "The request does not say what to revoke.",
        "Send member_session_id, session_token or session_jwt, or send member_id to revoke all sessions of a member.",
    ),
    "too_many_session_revoke_arguments": ErrorType(
        _BAD, "The request says in more than one way what to revoke.", "Send exactly one of the four arguments."
    ),
    "invalid_session_duration_minutes": ErrorType(
        _BAD,
        "The duration is not a whole number from 5 to 527040, or is longer than the project allows.",
        "Send a number of minutes in that range, or leave it out.",
    ),
    "reserved_claims_in_custom_claims": ErrorType(
        _BAD,
        "A custom claim has the name of a standard JWT claim: iss, sub, aud, exp, nbf, iat or jti.",
        "Rename the claim.",
    ),
    "stytch_claims_in_custom_claims": ErrorType(
        _BAD,
        "The name of a custom claim begins with https://stytch.com/, which is reserved for the session itself.",
        "Rename the claim.",
    ),
    "custom_claims_too_large": ErrorType(
        _BAD,
        "All custom claims of the session together are larger than 4 KB.",
        "Remove some by sending null, or store them in your own database.",
    ),
    "unable_to_represent_custom_claims_json": ErrorType(
        _BAD, "A custom claim contains text that is not valid Unicode.", "Send valid Unicode."
    ),
    "member_session_member_id_mismatch": ErrorType(
        _BAD,
        "The session to continue belongs to another member.",
        "Leave the session out, or have its own member sign in.",
    ),
    "insufficient_factors_for_session_exchange": ErrorType(
        _FORBIDDEN,
        "The email address of the session's member is not verified, so it proves nothing in another organization.",
        "Have the member sign in to that organization.",
    ),
    "member_does_not_exist_in_organization": ErrorType(
        _NOT_FOUND,
        "The organization has no member with the email address of the session.",
        "Invite or create the member in that organization first.",
    ),
    "idp_access_token_not_found": ErrorType(
        _NOT_FOUND,
        "The project issued no such access token. Gatehouse has no Connected Apps yet, so it issues none.",
        "Sign the member in another way, or exchange a JWT of your own issuer with sessions.attest.",
    ),
    "trusted_auth_token_profile_not_found": ErrorType(
        _NOT_FOUND,
        "The project's configuration has no trusted auth token profile with this profile_id.",
        "Compare it with [[trusted_auth_tokens]] in PROJECT_FILE.",
    ),
    "invalid_trusted_auth_token": ErrorType(
        _UNAUTHORIZED,
        "The token isn't signed with a key of the profile, has expired, is for another audience, or lacks a mapped claim.",
        "Send a current token of the profile's issuer. The server's log says what was wrong.",
    ),
    "session_migration_not_configured": ErrorType(
        _NOT_FOUND,
        "The project's configuration has no UserInfo endpoint of the system that sessions come from.",
        "Set userinfo_url under [sessions] in PROJECT_FILE.",
    ),
    "unable_to_migrate_session": ErrorType(
        _UNAUTHORIZED,
        "The UserInfo endpoint rejected the token, or returned no verified email address.",
        "Send a current access token of the other system, with the scope of email addresses.",
    ),
    "project_not_found": ErrorType(
        _NOT_FOUND,
        "No project has this ID.",
        "Compare the ID with the output of `manage.py createproject`.",
    ),
}
