"""Setup guides, one module for each identity provider, with the names on its own screens."""

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

# The first guide of a row is the default. Stytch's API has no name for the identity providers of the others.
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
    """Return the guides for a connection to the identity provider, the default first."""
    return _GUIDES[identity_provider]


def guide_for(identity_provider: ScimIdentityProvider, key: str = "") -> Guide:
    """Return the identity provider's guide with this key, or its default guide if it has none."""
    guides = guides_for(identity_provider)
    return next((guide for guide in guides if guide.key == key), guides[0])
