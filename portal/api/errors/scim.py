"""Error types of SCIM connections."""

from http import HTTPStatus

from portal.api.errors.error_type import ErrorType

_BAD, _NOT_FOUND = HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND

SCIM_ERROR_TYPES: dict[str, ErrorType] = {
    "active_scim_connection_exists": ErrorType(
        _BAD,
        "The organization already has an active SCIM connection. It can have only one.",
        "Change that connection, or delete it first.",
    ),
    "no_active_scim_connection": ErrorType(
        _NOT_FOUND,
        "The organization has no active SCIM connection, or none with this ID.",
        "Compare connection_id with the response of scim.connection.get.",
    ),
    "invalid_scim_idp": ErrorType(
        _BAD,
        "The identity provider is unknown.",
        "Use generic, okta, microsoft-entra, cyberark, jumpcloud, onelogin, pingfederate or rippling.",
    ),
    "scim_connection_not_rotating_token": ErrorType(
        _BAD, "No token rotation is in progress for this connection.", "Start a rotation first."
    ),
    "scim_connection_rotating_token": ErrorType(
        _BAD,
        "A token rotation is already in progress for this connection.",
        "Complete or cancel that rotation first.",
    ),
    "scim_group_role_assignment_group_does_not_exist": ErrorType(
        _BAD,
        "A role is assigned to a group that the connection does not have.",
        "Compare group_id with the response of get_groups.",
    ),
    "scim_group_role_assignment_does_not_contain_group_id": ErrorType(
        _BAD, "A role assignment does not name a group.", "Send group_id and role_id in each assignment."
    ),
}
