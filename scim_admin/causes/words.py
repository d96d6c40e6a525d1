"""The terms of each identity provider for explanations, taken from its guide."""

from portal.directory.scim.connection import ScimIdentityProvider
from scim_admin.causes.cause import Words
from scim_admin.guides import guide_for


def words_for(identity_provider: ScimIdentityProvider, guide_key: str = "") -> Words:
    """Return an identity provider's terms. `guide_key` chooses among its guides."""
    guide = guide_for(identity_provider, guide_key)
    return Words(
        name=guide.called,
        in_text=guide.in_text,
        settings=guide.places.settings,
        base_url=guide.base_url_name,
        token=guide.credential_name,
        test=guide.places.test,
        mapping=guide.places.mapping,
        assignments=guide.places.assignments,
        resend=guide.places.resend,
    )
