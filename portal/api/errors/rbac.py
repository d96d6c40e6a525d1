"""Error types of roles and policies."""

from http import HTTPStatus

from portal.api.errors.error_type import ErrorType

_BAD = HTTPStatus.BAD_REQUEST

RBAC_ERROR_TYPES: dict[str, ErrorType] = {
    "invalid_rbac_role_id": ErrorType(_BAD, "The role does not exist.", "Use a role that rbac.policy lists."),
    "invalid_rbac_custom_role": ErrorType(
        _BAD,
        "A custom role names a resource or an action that the policy does not have.",
        "Use the resources and actions that rbac.policy lists.",
    ),
    "rbac_org_custom_roles_only": ErrorType(
        _BAD,
        "A custom role has the ID of a role of the project, or its ID begins with stytch.",
        "Choose another role_id.",
    ),
    "rbac_role_duplicate": ErrorType(_BAD, "Two roles have the same role_id.", "Give each role its own role_id."),
    "empty_rbac_role_id": ErrorType(_BAD, "A role has no role_id.", "Give the role a role_id."),
    "rbac_role_id_too_long": ErrorType(_BAD, "A role_id has more than 128 characters.", "Choose a shorter role_id."),
    "rbac_description_too_long": ErrorType(
        _BAD, "A description has more than 512 characters.", "Shorten the description."
    ),
    "rbac_role_missing_permissions": ErrorType(
        _BAD, "A role has no permissions.", "Add permissions to the role, or leave the role out."
    ),
    "rbac_permission_missing_actions": ErrorType(
        _BAD, "A permission names a resource, but no action.", "Name the actions, or use * for all."
    ),
    "cannot_specify_wildcard_with_other_actions": ErrorType(
        _BAD, "A permission lists * together with other actions.", "Use * alone. It includes every action."
    ),
    "too_many_roles": ErrorType(
        _BAD,
        "A member or an organization would have more than 100 roles.",
        "Remove roles, or combine their permissions into fewer roles.",
    ),
}
