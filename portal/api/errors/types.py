"""What each type of error means and how to cure it; the page that `error_url` leads to shows it."""

from http import HTTPStatus

from portal.api.errors.error_type import ErrorType
from portal.api.errors.members import MEMBER_ERROR_TYPES
from portal.api.errors.organizations import ORGANIZATION_ERROR_TYPES

_BAD, _UNAUTHORIZED, _FORBIDDEN, _MISSING = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
)

ERROR_TYPES: dict[str, ErrorType] = {
    # --- Who calls, and how -------------------------------------------------------------------------------------------
    "unauthorized_credentials": ErrorType(
        _UNAUTHORIZED,
        "The project id and the secret do not belong together, one of them is unknown, or an e-mail address and a password "
        "do not belong together.",
        "Compare both with what `manage.py createproject` showed. A secret that is lost can only be replaced: the command "
        "makes a further one.",
    ),
    "invalid_authorization_header": ErrorType(
        _UNAUTHORIZED,
        "The Authorization header is missing, or is not HTTP Basic.",
        "Backends send the project id as user name and the secret as password; browsers the public token, and the session "
        "token as password. The SDKs do so by themselves.",
    ),
    "public_token_required": ErrorType(
        _UNAUTHORIZED,
        "A call for browsers came with a secret, or with something that is no public token.",
        "Give the browser's SDK the public token. If a secret has reached a browser, replace it.",
    ),
    "secret_required": ErrorType(
        _UNAUTHORIZED,
        "A call for backends came with a public token.",
        "Give the backend's SDK the project id and a secret.",
    ),
    "secret_used_in_browser": ErrorType(
        _FORBIDDEN,
        "A page in a browser called the API for backends. Whoever opens that page can read the secret.",
        "Call from your server, or use the browser's SDK with the public token. Replace the secret.",
    ),
    "wrong_stack_live": ErrorType(
        _UNAUTHORIZED,
        "Credentials of a test project were sent to a live one.",
        "Use the credentials of this installation, whose ids have -live- in them.",
    ),
    "wrong_stack_test": ErrorType(
        _UNAUTHORIZED,
        "Credentials of a live project were sent to a test one.",
        "Use the credentials of this installation, whose ids have -test- in them.",
    ),
    "bad_domain_for_stytch_sdk": ErrorType(
        _FORBIDDEN,
        "The page that called is not of a registered origin.",
        "Add its origin to the setting SDK_ALLOWED_ORIGINS, with scheme and port, for example https://app.example.com.",
    ),
    "use_https": ErrorType(
        _FORBIDDEN,
        "The call came over plain http, which anybody on the way can read.",
        "Call the https:// address. If it was sent in clear, replace the secret.",
    ),
    "too_many_requests": ErrorType(
        HTTPStatus.TOO_MANY_REQUESTS,
        "The project, the organization or the address calls more often than it may.",
        "Wait as many seconds as the header Retry-After says. The limits are settings of the installation.",
    ),
    # --- The request --------------------------------------------------------------------------------------------------
    "bad_request": ErrorType(
        _BAD,
        "The body is not a JSON object in UTF-8, or is too large.",
        "Send an object, as Content-Type application/json.",
    ),
    "invalid_argument": ErrorType(
        _BAD,
        "A value is missing, of the wrong type, or breaks a rule; the message names the field.",
        "Correct the field that the message names.",
    ),
    "user_search_invalid_cursor": ErrorType(
        _BAD,
        "The cursor is not one that this list handed out within the last day, with the same query.",
        "Start with the first page again, without a cursor.",
    ),
    "user_search_invalid_limit": ErrorType(
        _BAD, "The limit is not a whole number from 1 to 1000.", "Leave it out for 100, or send one in that range."
    ),
    "route_not_found": ErrorType(
        _MISSING,
        "There is no method at this address.",
        "Compare the address and the SDK's version with the list of methods.",
    ),
    "method_not_allowed": ErrorType(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The address exists, but not with this HTTP method.",
        "Use one that the header Allow names.",
    ),
    "not_offered": ErrorType(
        HTTPStatus.NOT_IMPLEMENTED,
        "Stytch has this method, Gatehouse does not yet, or not with this configuration.",
        "The list of methods says what there is.",
    ),
    "not_found": ErrorType(
        _MISSING, "The organization has no such object.", "Compare the id; those of other organizations look unknown."
    ),
    "conflict": ErrorType(
        HTTPStatus.CONFLICT,
        "The change contradicts what is stored, often because somebody else changed it in the meantime.",
        "Read it again, and repeat the change if it is still right.",
    ),
    "internal_server_error": ErrorType(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The call failed on the server. Nothing was saved half-way.",
        "Try again. If it fails again, look the request id up in the log.",
    ),
    "service_unavailable": ErrorType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The service or its database is away for the moment.",
        "Try again in a few seconds.",
    ),
    # --- Sessions and rights ------------------------------------------------------------------------------------------
    "session_not_found": ErrorType(
        _MISSING, "The session has ended, was revoked, or never was.", "Have the member sign in again."
    ),
    "session_authorization_error": ErrorType(
        _FORBIDDEN,
        "The member's roles do not allow it.",
        "Give the member a role that has the action, or call without the member's session if your backend vouches for it.",
    ),
    "session_authorization_tenancy_error": ErrorType(
        _FORBIDDEN,
        "The session belongs to another organization than the one that the call is about.",
        "Exchange the session for one of that organization, or correct organization_id.",
    ),
    "user_unauthenticated": ErrorType(
        _UNAUTHORIZED, "The call needs a member who is signed in.", "Have the member sign in first."
    ),
    "no_session_arguments": ErrorType(
        _BAD, "The call names no session.", "Send session_token or session_jwt; browsers' SDKs do so by themselves."
    ),
    "too_many_session_arguments": ErrorType(
        _BAD, "The call names a session twice.", "Send session_token or session_jwt, not both."
    ),
    "no_session_revoke_arguments": ErrorType(
        _BAD,
        "The call does not say what is to be revoked.",
        "Send member_session_id, session_token, session_jwt, or member_id for all of a member's sessions.",
    ),
    "too_many_session_revoke_arguments": ErrorType(
        _BAD, "The call says in more than one way what is to be revoked.", "Send exactly one of the four."
    ),
    "invalid_session_duration_minutes": ErrorType(
        _BAD, "The duration is not a whole number from 5 to 527040.", "Send minutes in that range, or leave it out."
    ),
    "reserved_claims_in_custom_claims": ErrorType(
        _BAD, "A claim has a name that every JWT uses itself: iss, sub, aud, exp, nbf, iat, jti.", "Rename it."
    ),
    "stytch_claims_in_custom_claims": ErrorType(
        _BAD, "A claim's name begins with https://stytch.com/, where the session itself stands.", "Rename it."
    ),
    "custom_claims_too_large": ErrorType(
        _BAD,
        "All claims of the session together take more than 4 KB.",
        "Take some away, by null, or keep them yourself.",
    ),
    "unable_to_represent_custom_claims_json": ErrorType(
        _BAD, "A claim holds text that is no valid Unicode.", "Send valid Unicode."
    ),
    "member_session_member_id_mismatch": ErrorType(
        _BAD, "The session that shall go on is another member's.", "Leave it out, or have its own member sign in."
    ),
    "insufficient_factors_for_session_exchange": ErrorType(
        _FORBIDDEN,
        "The e-mail address of the session's member is not verified, so that it proves nothing in another organization.",
        "Have the member sign in to that organization itself.",
    ),
    "member_does_not_exist_in_organization": ErrorType(
        _MISSING,
        "The organization has no member with the session's e-mail address.",
        "Invite or create the member there first.",
    ),
    "project_not_found": ErrorType(
        _MISSING, "There is no project with this id.", "Compare it with what `manage.py createproject` showed."
    ),
    "member_not_found": ErrorType(
        _MISSING,
        "The organization has no member with this id.",
        "Compare member_id; those of other organizations look unknown.",
    ),
    "invalid_email": ErrorType(_BAD, "This is no e-mail address.", "Correct email_address."),
    # --- Passwords ----------------------------------------------------------------------------------------------------
    "weak_password": ErrorType(
        _BAD,
        "The new password is shorter than 12 characters, longer than 128, or easy to guess.",
        "Choose another one; passwords.strength_check says what would help.",
    ),
    "session_too_old_to_reset_password": ErrorType(
        _FORBIDDEN,
        "The password was not entered in this session within the last five minutes.",
        "Have the member sign in again, or replace the password by the existing one.",
    ),
    "operation_restricted_by_organization_auth_methods": ErrorType(
        _FORBIDDEN,
        "The organization does not allow signing in by password.",
        "Use one of its allowed_auth_methods, or allow passwords there.",
    ),
    "member_password_exists": ErrorType(
        _BAD, "The member has a password already.", "Let them keep it, or delete it first."
    ),
    "invalid_hash_type": ErrorType(
        _BAD,
        "There is no hash type like that.",
        "Use bcrypt, md_5, argon_2i, argon_2id, sha_1, sha_512, scrypt, phpass or pbkdf_2.",
    ),
    **{
        name: ErrorType(
            _BAD,
            "The hash, or what was sent beside it, is not in the form of its type, or would take too long to check.",
            "Correct what the message names.",
        )
        for name in (
            "invalid_hash",
            "invalid_bcrypt_hash",
            "invalid_md_5_hash",
            "invalid_sha_1_hash",
            "invalid_sha_512_hash",
            "invalid_phpass_hash_format",
            "invalid_pbkdf_2_algorithm",
            "invalid_pbkdf_2_iteration_amount",
            "invalid_pbkdf_2_salt",
            "invalid_pbkdf_2_hash",
            "pbkdf_2_key_length_mismatch",
            "invalid_scrypt_n_parameter",
            "invalid_scrypt_parameters",
            "invalid_base64_scrypt_salt",
            "invalid_base64_scrypt_hash",
            "scrypt_key_length_mismatch",
            "invalid_argon_2_memory",
            "invalid_argon_2_iteration_amount",
            "invalid_argon_2_threads",
            "invalid_argon_2_salt",
            "argon_2_key_length_mismatch",
        )
    },
    # --- Roles --------------------------------------------------------------------------------------------------------
    "invalid_rbac_custom_role": ErrorType(
        _BAD,
        "A role of the organization names a resource or an action that the policy does not have.",
        "Use those that rbac.policy lists.",
    ),
    "rbac_org_custom_roles_only": ErrorType(
        _BAD,
        "A role of the organization has the id of one of the project, or begins with stytch.",
        "Choose another role_id.",
    ),
    "rbac_role_duplicate": ErrorType(_BAD, "Two roles have the same role_id.", "Give each its own."),
    "empty_rbac_role_id": ErrorType(_BAD, "A role has no role_id.", "Give it one."),
    "rbac_role_id_too_long": ErrorType(_BAD, "A role_id has more than 128 characters.", "Choose a shorter one."),
    "rbac_description_too_long": ErrorType(_BAD, "A description has more than 512 characters.", "Shorten it."),
    "rbac_role_missing_permissions": ErrorType(_BAD, "A role has no permissions.", "Give it some, or leave it out."),
    "rbac_permission_missing_actions": ErrorType(
        _BAD, "A permission names a resource, but no action.", "Name the actions, or * for all."
    ),
    "cannot_specify_wildcard_with_other_actions": ErrorType(
        _BAD, "* stands beside other actions.", "Let it stand alone: it is every action."
    ),
    "too_many_roles": ErrorType(_BAD, "The organization would have more than 100 roles of its own.", "Leave some out."),
    # --- Organizations ------------------------------------------------------------------------------------------------
    "organization_not_found": ErrorType(
        _MISSING, "The project has no organization with this id, slug or external id.", "Compare organization_id."
    ),
    # --- SCIM ---------------------------------------------------------------------------------------------------------
    "active_scim_connection_exists": ErrorType(
        _BAD,
        "The organization already has an active SCIM connection. It can have only one.",
        "Change that one, or delete it first.",
    ),
    "no_active_scim_connection": ErrorType(
        _MISSING,
        "The organization has no active SCIM connection, or not with this id.",
        "Compare connection_id with what scim.connection.get answers.",
    ),
    "invalid_scim_idp": ErrorType(
        _BAD,
        "The identity provider is none that is known.",
        "Use generic, okta, microsoft-entra, cyberark, jumpcloud, onelogin, pingfederate or rippling.",
    ),
    "scim_connection_not_rotating_token": ErrorType(
        _BAD, "The connection's token is not being rotated.", "Start the rotation first."
    ),
    "scim_connection_rotating_token": ErrorType(
        _BAD, "The connection's token is being rotated already.", "Complete or cancel that rotation first."
    ),
    "scim_group_role_assignment_group_does_not_exist": ErrorType(
        _BAD,
        "A role is to be given to a group that the connection does not have.",
        "Compare group_id with what get_groups answers.",
    ),
    "scim_group_role_assignment_does_not_contain_group_id": ErrorType(
        _BAD, "An assignment of a role names no group.", "Send group_id and role_id in each."
    ),
    "invalid_rbac_role_id": ErrorType(_BAD, "There is no such role.", "Use one that rbac.policy lists."),
    **ORGANIZATION_ERROR_TYPES,
    **MEMBER_ERROR_TYPES,
}
