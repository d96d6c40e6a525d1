"""All error types of the API: what each means and how to fix it. `error_url` leads to a page that shows it."""

from portal.api.errors.email_sign_in import EMAIL_SIGN_IN_ERROR_TYPES
from portal.api.errors.embedding import EMBEDDING_ERROR_TYPES
from portal.api.errors.error_type import ErrorType
from portal.api.errors.members import MEMBER_ERROR_TYPES
from portal.api.errors.organizations import ORGANIZATION_ERROR_TYPES
from portal.api.errors.passwords import PASSWORD_ERROR_TYPES
from portal.api.errors.rbac import RBAC_ERROR_TYPES
from portal.api.errors.requests import REQUEST_ERROR_TYPES
from portal.api.errors.scim import SCIM_ERROR_TYPES
from portal.api.errors.second_factors import SECOND_FACTOR_ERROR_TYPES
from portal.api.errors.sessions import SESSION_ERROR_TYPES

ERROR_TYPES: dict[str, ErrorType] = {
    **REQUEST_ERROR_TYPES,
    **SESSION_ERROR_TYPES,
    **PASSWORD_ERROR_TYPES,
    **EMAIL_SIGN_IN_ERROR_TYPES,
    **SECOND_FACTOR_ERROR_TYPES,
    **RBAC_ERROR_TYPES,
    **SCIM_ERROR_TYPES,
    **ORGANIZATION_ERROR_TYPES,
    **MEMBER_ERROR_TYPES,
    **EMBEDDING_ERROR_TYPES,
}
