"""Causes of failed requests and how to fix them, in the terms of each identity provider."""

from portal.directory.scim.connection import ScimIdentityProvider
from portal.directory.scim.log import ScimOutcome, ScimRequest
from scim_admin.causes.access import ACCESS
from scim_admin.causes.cause import Cause, Explanation
from scim_admin.causes.resources import RESOURCES
from scim_admin.causes.service import SERVICE
from scim_admin.causes.syntax import SYNTAX
from scim_admin.causes.words import words_for

__all__ = ["CAUSES", "Explanation", "explain"]

# The first match counts.
CAUSES: tuple[Cause, ...] = (*ACCESS, *SERVICE, *RESOURCES, *SYNTAX)


def explain(request: ScimRequest, identity_provider: ScimIdentityProvider, guide_key: str = "") -> Explanation | None:
    """Return the cause of a failed request and how to fix it; None if it succeeded or its cause isn't known.

    `guide_key` chooses among the guides of the identity provider, whose terms the explanation uses.
    """
    if request.outcome is ScimOutcome.SUCCEEDED:
        return None
    cause = next((one for one in CAUSES if one.sign.matches(request)), None)
    return cause.explain(words_for(identity_provider, guide_key), identity_provider) if cause else None
