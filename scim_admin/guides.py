"""What to do in each identity provider, in that identity provider's own words."""

from collections.abc import Mapping
from dataclasses import dataclass

from portal.directory.types import ScimIdentityProvider


@dataclass(frozen=True, slots=True)
class Guide:
    """Where the connection's values go, and how groups get here."""

    base_url_name: str
    credential_name: str
    push_groups: tuple[str, ...]


_GUIDES: Mapping[ScimIdentityProvider, Guide] = {
    ScimIdentityProvider.OKTA: Guide(
        base_url_name="SCIM connector base URL",
        credential_name="HTTP Header › Authorization",
        push_groups=(
            "In the Okta Admin Console open Applications › Applications and choose this application.",
            "On the Assignments tab, assign the people or groups who may sign in.",
            "On the Push Groups tab, choose Push Groups › Find groups by name, pick a group, and save.",
            "Assigning a group does not push it: that takes the Push Groups tab.",
        ),
    ),
    ScimIdentityProvider.MICROSOFT_ENTRA: Guide(
        base_url_name="Tenant URL",
        credential_name="Secret token",
        push_groups=(
            "In the Microsoft Entra admin center open Enterprise applications and choose this application.",
            "Under Users and groups, assign the groups. Entra sends assigned groups only, and not the groups inside them.",
            "Under Provisioning › Mappings, see that Provision Microsoft Entra ID Groups is enabled.",
            "Choose Start provisioning. A cycle takes up to 40 minutes; Provision on demand sends one group at once.",
        ),
    ),
    ScimIdentityProvider.CYBERARK: Guide(
        base_url_name="SCIM Service URL",
        credential_name="Bearer Token",
        push_groups=(
            "In CyberArk Identity Administration open Apps & Widgets › Web Apps and choose this application.",
            "On the Provisioning tab, enable provisioning and add a role mapping for each role, with its destination group.",
            "Save, then start a synchronization under Settings › Users › Outbound Provisioning.",
        ),
    ),
    ScimIdentityProvider.JUMPCLOUD: Guide(
        base_url_name="Base URL",
        credential_name="Token Key",
        push_groups=(
            "In the JumpCloud Admin Portal open SSO Applications and choose this application.",
            "On the Identity Management tab, turn on management of user groups and group membership, and activate.",
            "On the User Groups tab, tick the groups and save.",
        ),
    ),
    ScimIdentityProvider.ONELOGIN: Guide(
        base_url_name="SCIM Base URL",
        credential_name="SCIM Bearer Token",
        push_groups=(
            "In OneLogin Administration open Applications and choose this application.",
            "Under Parameters, open Groups and tick Include in User Provisioning.",
            "Under Rules, add a rule with the action Set Groups, then reapply the entitlement mappings.",
        ),
    ),
    ScimIdentityProvider.PINGFEDERATE: Guide(
        base_url_name="SCIM URL",
        credential_name="Access Token",
        push_groups=(
            "In the PingFederate administrative console open the SP connection and its Outbound Provisioning.",
            "Under Manage Channels, set Group DN or a filter for groups in the channel's Source Location.",
            "Activate the channel and the connection.",
        ),
    ),
    ScimIdentityProvider.RIPPLING: Guide(
        base_url_name="SCIM Base URL",
        credential_name="SCIM API Key",
        push_groups=(
            "In Rippling open the application and its Settings.",
            "Turn on group management, and choose which Rippling groups become groups here.",
            "Save; Rippling sends them within a few minutes.",
        ),
    ),
    ScimIdentityProvider.GENERIC: Guide(
        base_url_name="SCIM base URL, or endpoint",
        credential_name="Bearer token",
        push_groups=(
            "In your identity provider, open the provisioning settings of this application.",
            "Assign people, and turn on provisioning of groups: many identity providers send people alone unless told otherwise.",
        ),
    ),
}


def guide_for(identity_provider: ScimIdentityProvider) -> Guide:
    """Return the identity provider's guide."""
    return _GUIDES[identity_provider]
