"""Why a call of an identity provider was refused, and what its admin does about it, in that identity provider's words."""

from portal.directory.scim.connection import ScimIdentityProvider
from portal.directory.scim.log import ScimOutcome, ScimRequest
from scim_admin.causes.access import ACCESS
from scim_admin.causes.cause import Cause, Explanation
from scim_admin.causes.resources import RESOURCES
from scim_admin.causes.service import SERVICE
from scim_admin.causes.syntax import SYNTAX
from scim_admin.causes.words import words_of

__all__ = ["CAUSES", "Explanation", "explain"]

# The first that is recognised counts.
CAUSES: tuple[Cause, ...] = (*ACCESS, *SERVICE, *RESOURCES, *SYNTAX)


def explain(call: ScimRequest, identity_provider: ScimIdentityProvider, guide_key: str = "") -> Explanation | None:
    """Return what was the matter with a refused call; None for one that succeeded, or that nobody can explain.

    `guide_key` chooses among the guides of the identity provider, in whose words it is said.
    """
    if call.outcome is ScimOutcome.SUCCEEDED:
        return None
    cause = next((one for one in CAUSES if one.sign.fits(call)), None)
    return cause.explained(words_of(identity_provider, guide_key), identity_provider) if cause else None
