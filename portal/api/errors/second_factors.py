"""Error types of second factors."""

from http import HTTPStatus

from portal.api.errors.error_type import ErrorType

_BAD, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
)

SECOND_FACTOR_ERROR_TYPES: dict[str, ErrorType] = {
    "insufficient_factors": ErrorType(
        _UNAUTHORIZED,
        "The member has a second factor, and the session has none.",
        "Have the member confirm with it first, in the same session or intermediate session.",
    ),
    "action_available_only_once_primary_authentication_is_met": ErrorType(
        _BAD,
        "What was proved before isn't enough to sign in, so a second factor can't be added.",
        "Have the member sign in by a method that the organization allows first.",
    ),
    "totp_not_found": ErrorType(
        _NOT_FOUND,
        "The member has no authenticator app, or took too long to set it up.",
        "Set one up with totps.create, and enter its first code in time.",
    ),
    "active_totp_exists": ErrorType(
        _BAD, "The member already has an authenticator app.", "Delete it first with delete_totp."
    ),
    "unable_to_authenticate_totp": ErrorType(
        _UNAUTHORIZED,
        "The code is wrong or too old.",
        "Have the member enter the current code, and compare the clock of the device that shows it.",
    ),
    "totp_code_already_authenticated": ErrorType(
        _UNAUTHORIZED,
        "The code was used already. Each code works once.",
        "Have the member wait for the next code, up to 30 seconds.",
    ),
    "recovery_codes_not_found": ErrorType(
        _NOT_FOUND,
        "The member has no recovery codes: they come with an authenticator app.",
        "Have the member set up an authenticator app first.",
    ),
    "unable_to_authenticate_recovery_code": ErrorType(
        _UNAUTHORIZED,
        "The recovery code is wrong, or was used already.",
        "Have the member use another one. An admin can delete the authenticator app of a member who has none left.",
    ),
    "invalid_recovery_code": ErrorType(
        _BAD,
        "There are more than 100 recovery codes, or one is empty or longer than 64 characters.",
        "Send fewer or shorter codes.",
    ),
    "operation_restricted_by_organization_mfa_methods": ErrorType(
        _FORBIDDEN,
        "The organization doesn't allow this second factor.",
        "Add it to the organization's allowed_mfa_methods, or use another one.",
    ),
    "sms_settings_not_found": ErrorType(
        _NOT_FOUND, "The project can't send text messages.", "Set SMS_URL, also for the worker."
    ),
    "phone_number_country_not_allowed": ErrorType(
        _FORBIDDEN,
        "The project doesn't send text messages to the country of this phone number.",
        "Have the member use another number, or add the country to [sms] in PROJECT_FILE.",
    ),
    "invalid_set_mfa_enrollment": ErrorType(
        _BAD, "set_mfa_enrollment must be enroll or unenroll.", "Send one of them, or leave it out."
    ),
}
