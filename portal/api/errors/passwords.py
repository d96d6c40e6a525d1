"""Error types of passwords."""

from http import HTTPStatus

from portal.api.errors.error_type import ErrorType

_BAD, _FORBIDDEN = HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN
_HASH_ERROR = ErrorType(
    _BAD,
    "The hash or one of its parameters does not have the format of its type, or would take too long to check.",
    "Correct what the message names.",
)

PASSWORD_ERROR_TYPES: dict[str, ErrorType] = {
    "weak_password": ErrorType(
        _BAD,
        "The new password is too short, longer than 128 characters, easy to guess, or lacks a kind of characters.",
        "Choose another password. passwords.strength_check returns suggestions.",
    ),
    "member_reset_password": ErrorType(
        _BAD,
        "The password is right, but it has to be replaced (passwords.email.require_reset), or it is in a public list of leaked passwords.",
        "Have the member reset it by email (passwords.email.reset_start).",
    ),
    "breached_password": ErrorType(
        _BAD,
        "The new password is in a public list of leaked passwords.",
        "Choose another password. Only projects with passwords.breach_detection look them up.",
    ),
    "session_too_old_to_reset_password": ErrorType(
        _FORBIDDEN,
        "The password was not entered in this session within the last five minutes.",
        "Have the member sign in again, or reset the password with the existing one.",
    ),
    "operation_restricted_by_organization_auth_methods": ErrorType(
        _FORBIDDEN,
        "The organization does not allow passwords.",
        "Use one of its allowed_auth_methods, or allow passwords in the organization.",
    ),
    "member_password_exists": ErrorType(
        _BAD, "The member already has a password.", "Keep that password, or delete it first."
    ),
    "invalid_hash_type": ErrorType(
        _BAD,
        "The hash type is unknown.",
        "Use bcrypt, md_5, argon_2i, argon_2id, sha_1, sha_512, scrypt, phpass or pbkdf_2.",
    ),
    "invalid_hash": _HASH_ERROR,
    "invalid_bcrypt_hash": _HASH_ERROR,
    "invalid_md_5_hash": _HASH_ERROR,
    "invalid_sha_1_hash": _HASH_ERROR,
    "invalid_sha_512_hash": _HASH_ERROR,
    "invalid_phpass_hash_format": _HASH_ERROR,
    "invalid_pbkdf_2_algorithm": _HASH_ERROR,
    "invalid_pbkdf_2_iteration_amount": _HASH_ERROR,
    "invalid_pbkdf_2_salt": _HASH_ERROR,
    "invalid_pbkdf_2_hash": _HASH_ERROR,
    "pbkdf_2_key_length_mismatch": _HASH_ERROR,
    "invalid_scrypt_n_parameter": _HASH_ERROR,
    "invalid_scrypt_parameters": _HASH_ERROR,
    "invalid_base64_scrypt_salt": _HASH_ERROR,
    "invalid_base64_scrypt_hash": _HASH_ERROR,
    "scrypt_key_length_mismatch": _HASH_ERROR,
    "invalid_argon_2_memory": _HASH_ERROR,
    "invalid_argon_2_iteration_amount": _HASH_ERROR,
    "invalid_argon_2_threads": _HASH_ERROR,
    "invalid_argon_2_salt": _HASH_ERROR,
    "argon_2_key_length_mismatch": _HASH_ERROR,
}
