"""What to do in each identity provider, in that identity provider's own words: one module each, all of it data."""

from collections.abc import Mapping

from portal.directory.scim.connection import ScimIdentityProvider
from scim_admin.guides.cyberark import CYBERARK
from scim_admin.guides.generic import GENERIC
from scim_admin.guides.google_workspace import GOOGLE_WORKSPACE
from scim_admin.guides.guide import Guide
from scim_admin.guides.jumpcloud import JUMPCLOUD
from scim_admin.guides.microsoft_entra import MICROSOFT_ENTRA
from scim_admin.guides.okta import OKTA
from scim_admin.guides.onelogin import ONELOGIN
from scim_admin.guides.pingfederate import PINGFEDERATE
from scim_admin.guides.rippling import RIPPLING

__all__ = ["Guide", "guide_for", "guides_for"]

# The first is the one that is meant where nobody has chosen: Stytch's API has no name for the others of a row.
_GUIDES: Mapping[ScimIdentityProvider, tuple[Guide, ...]] = {
    ScimIdentityProvider.OKTA: (OKTA,),
    ScimIdentityProvider.MICROSOFT_ENTRA: (MICROSOFT_ENTRA,),
    ScimIdentityProvider.CYBERARK: (CYBERARK,),
    ScimIdentityProvider.JUMPCLOUD: (JUMPCLOUD,),
    ScimIdentityProvider.ONELOGIN: (ONELOGIN,),
    ScimIdentityProvider.PINGFEDERATE: (PINGFEDERATE,),
    ScimIdentityProvider.RIPPLING: (RIPPLING,),
    ScimIdentityProvider.GENERIC: (GENERIC, GOOGLE_WORKSPACE),
}


def guides_for(identity_provider: ScimIdentityProvider) -> tuple[Guide, ...]:
    """Return the guides that fit a connection to the identity provider, the first being the usual one."""
    return _GUIDES[identity_provider]


def guide_for(identity_provider: ScimIdentityProvider, key: str = "") -> Guide:
    """Return the guide of this key, or the usual one of the identity provider where the key is none of its own."""
    guides = guides_for(identity_provider)
    return next((guide for guide in guides if guide.key == key), guides[0])
