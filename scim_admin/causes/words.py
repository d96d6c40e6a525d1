"""Where things are in each identity provider."""

from collections.abc import Mapping

from portal.directory.types import ScimIdentityProvider
from scim_admin.causes.cause import Words
from scim_admin.guides import guide_for

# Settings, test, mapping, assignments, resend.
_PLACES: Mapping[ScimIdentityProvider, tuple[str, str, str, str, str]] = {
    ScimIdentityProvider.OKTA: (
        "Applications › Applications › this application › Provisioning › Integration",
        "choose Test API Credentials",
        "Provisioning › To App › Attribute Mappings",
        "the Assignments tab, and Push Groups for groups",
        "retry the failed task under Dashboard › Tasks; for a group choose Push now on the Push Groups tab",
    ),
    ScimIdentityProvider.MICROSOFT_ENTRA: (
        "Enterprise applications › this application › Provisioning › Admin Credentials",
        "choose Test Connection",
        "Provisioning › Mappings",
        "Users and groups",
        "use Provision on demand, or wait for the next cycle, which begins every 40 minutes",
    ),
    ScimIdentityProvider.CYBERARK: (
        "Apps & Widgets › Web Apps › this application › Provisioning",
        "choose Verify",
        "the Provisioning tab's script and role mappings",
        "the application's Permissions and the Provisioning tab's role mappings",
        "start a synchronization under Settings › Users › Outbound Provisioning",
    ),
    ScimIdentityProvider.JUMPCLOUD: (
        "SSO Applications › this application › Identity Management",
        "choose Test Connection",
        "the Identity Management tab's attributes",
        "the User Groups tab",
        "save the person or the group once more, which exports it again",
    ),
    ScimIdentityProvider.ONELOGIN: (
        "Applications › this application › Configuration",
        "choose Enable under API Connection",
        "the Parameters tab",
        "the Access and Rules tabs",
        "choose the failed entry on the application's Users tab, and Retry",
    ),
    ScimIdentityProvider.PINGFEDERATE: (
        "the SP connection › Outbound Provisioning › Target",
        "save the connection; the next provisioning cycle tests it",
        "Manage Channels › the channel › Attribute Mapping",
        "Manage Channels › the channel › Source Location",
        "wait for the channel's next cycle, which sends it again",
    ),
    ScimIdentityProvider.RIPPLING: (
        "the application › Settings › SCIM",
        "connect the application again, which tests the values",
        "the application › Settings › attributes",
        "the application's access rules",
        "choose Retry beside the failed person or group",
    ),
    ScimIdentityProvider.GENERIC: (
        "the provisioning settings of this application in your identity provider",
        "use its test of the connection",
        "its attribute mapping",
        "the people and groups that are assigned to this application",
        "start a synchronization there",
    ),
}


def words_of(identity_provider: ScimIdentityProvider) -> Words:
    """Return an identity provider's words."""
    settings, test, mapping, assignments, resend = _PLACES[identity_provider]
    guide = guide_for(identity_provider)
    return Words(
        name="Your identity provider" if identity_provider is ScimIdentityProvider.GENERIC else identity_provider.label,
        settings=settings,
        base_url=guide.base_url_name,
        token=guide.credential_name,
        test=test,
        mapping=mapping,
        assignments=assignments,
        resend=resend,
    )
