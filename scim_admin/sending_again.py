"""How an identity provider is made to send once more what was refused, in its own words."""

from collections.abc import Mapping

from portal.directory.types import ScimIdentityProvider

_WAYS: Mapping[ScimIdentityProvider, str] = {
    ScimIdentityProvider.OKTA: "In the Okta Admin Console open Dashboard › Tasks, choose the failed task of this "
    "application, and Retry Selected. Okta does not repeat it by itself.",
    ScimIdentityProvider.MICROSOFT_ENTRA: "Entra sends them again by itself with its next cycle, about every 40 minutes. "
    "Provision on demand sends one person at once.",
    ScimIdentityProvider.CYBERARK: "Start a synchronization under Settings › Users › Outbound Provisioning.",
    ScimIdentityProvider.JUMPCLOUD: "Save the person, or the user group, once more: that exports them again.",
    ScimIdentityProvider.ONELOGIN: "On the application’s Users tab choose the failed entry, and Retry.",
    ScimIdentityProvider.PINGFEDERATE: "PingFederate sends them again by itself with the channel’s next cycle.",
    ScimIdentityProvider.RIPPLING: "Choose Retry beside the failed person.",
    ScimIdentityProvider.GENERIC: "Many identity providers send them again by themselves; otherwise start a "
    "synchronization there.",
}


def way_to_send_again(identity_provider: ScimIdentityProvider) -> str:
    """Return what to do, or that nothing is to be done."""
    return _WAYS[identity_provider]
