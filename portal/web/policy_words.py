"""The RBAC policy in words: what a role allows, by resource."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from portal.directory.permissions import Permission
from portal.directory.policy import WILDCARD, Policy, Resource, Role

_CHANGE_OWN = {
    "update.info.name": "Change their own name",
    "update.info.email": "Change their own email address",
    "update.info.untrusted-metadata": "Change their own untrusted metadata",
    "update.info.mfa-phone": "Change their own phone number",
    "update.info.delete.mfa-phone": "Remove their own phone number",
    "update.info.delete.mfa-totp": "Remove their own authenticator app",
    "update.info.delete.password": "Delete their own password",
    "update.info.unlink.retired-email": "Release their own former addresses",
    "update.settings.mfa-enrolled": "Require a second factor of themselves",
    "update.settings.default-mfa-method": "Choose their own default second factor",
    "get.connected-apps": "See the apps connected to their account",
    "revoke.connected-app": "Disconnect apps from their account",
    "revoke-sessions": "End their own sessions",
    "delete": "Leave the organization",
}
# Title of the resource, and what each action allows.
_WORDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "stytch.organization": (
        "Organization",
        {
            "update.info.name": "Rename the organization",
            "update.info.slug": "Change the organization’s slug",
            "update.info.logo-url": "Change the organization’s logo and colors",
            "update.settings.allowed-auth-methods": "Choose how members sign in",
            "update.settings.allowed-mfa-methods": "Choose which second factors members can use",
            "update.settings.email-jit-provisioning": "Choose who can join by email domain",
            "update.settings.email-invites": "Choose who can be invited",
            "update.settings.allowed-domains": "Choose which email domains the organization trusts",
            "update.settings.default-sso-connection": "Choose the default single sign-on connection",
            "update.settings.sso-jit-provisioning": "Choose who can join by single sign-on",
            "update.settings.mfa-policy": "Choose who needs a second factor",
            "update.settings.implicit-roles": "Assign roles to groups and email domains",
            "update.settings.oauth-tenant-jit-provisioning": "Choose who can join with an OAuth account",
            "update.settings.allowed-oauth-tenants": "Choose which organizations’ OAuth accounts are accepted",
            "delete": "Delete the organization",
        },
    ),
    "stytch.member": (
        "Members",
        {
            "create": "Invite, add and reactivate members",
            "search": "See the organization’s members",
            "update.info.name": "Change members’ names",
            "update.info.email": "Change members’ email addresses",
            "update.info.untrusted-metadata": "Change members’ untrusted metadata",
            "update.info.mfa-phone": "Change members’ phone numbers",
            "update.info.delete.mfa-phone": "Remove members’ phone numbers",
            "update.info.delete.mfa-totp": "Remove members’ authenticator apps and passkeys",
            "update.info.delete.password": "Reset members’ passwords and unlock members",
            "update.info.unlink.retired-email": "Release members’ former addresses",
            "update.settings.mfa-enrolled": "Require a second factor of a member",
            "update.settings.default-mfa-method": "Choose members’ default second factors",
            "update.settings.is-breakglass": "Choose emergency admins",
            "update.settings.roles": "Assign roles to members",
            "get.connected-apps": "See the apps connected to members’ accounts",
            "revoke.connected-app": "Disconnect apps from members’ accounts",
            "revoke-sessions": "End members’ sessions",
            "delete": "Revoke invitations and deactivate members",
        },
    ),
    "stytch.self": ("Own account", _CHANGE_OWN),
    "stytch.sso": (
        "Single sign-on",
        {
            "create": "Create single sign-on connections",
            "get": "See single sign-on connections",
            "update": "Change single sign-on connections",
            "delete": "Delete single sign-on connections",
        },
    ),
    "stytch.scim": (
        "SCIM",
        {
            "create": "Create a SCIM connection",
            "get": "See the SCIM connection, its people and groups",
            "update": "Change the SCIM connection and its token",
            "delete": "Delete the SCIM connection",
        },
    ),
    "stytch.custom-org-roles": (
        "Roles of the organization",
        {
            "create": "Create roles",
            "get": "See the organization’s roles, and what they allow",
            "update": "Change the organization’s own roles",
            "delete": "Delete the organization’s own roles",
        },
    ),
    "gatehouse.activity": ("Activity", {"get": "See and export the activity log"}),
    "gatehouse.embedding": (
        "Embedding",
        {"get": "See where the portal is embedded", "update": "Choose which pages can embed the portal"},
    ),
}


@dataclass(frozen=True, slots=True)
class ActionWords:
    """An action of a resource in words. `is_raw` if it has only the name that the product gave it."""

    permission: str
    text: str
    is_raw: bool
    # For the form: whether it is chosen, and whether the acting member may choose it.
    is_chosen: bool = False
    is_locked: bool = False


@dataclass(frozen=True, slots=True)
class ResourceWords:
    """A resource, and some of its actions. `allows_all` if the role allows every action, also those added later."""

    resource_id: str
    title: str
    description: str
    is_raw: bool
    actions: tuple[ActionWords, ...]
    allows_all: bool
    # For the form: whether the acting member may choose every action.
    is_locked: bool = False


def allowed_in_words(role: Role, policy: Policy) -> tuple[ResourceWords, ...]:
    """Return what a role allows, by resource, in the policy's order. Resources that it allows nothing on are left out."""
    return tuple(
        _resource(resource, [one for one in resource.actions if role.grants(resource.resource_id, one)], role)
        for resource in _known(role, policy)
        if role.permissions.get(resource.resource_id)
    )


def choices(policy: Policy, chosen: Collection[str], may_choose: Callable[[str], bool]) -> tuple[ResourceWords, ...]:
    """Return every permission of the policy as choices of a form. `chosen` are `resource:action`, the action may be `*`."""
    found = []
    for resource in policy.resources.values():
        everything = f"{resource.resource_id}:{WILDCARD}"
        actions = tuple(
            ActionWords(
                permission := f"{resource.resource_id}:{action}",
                _action(resource.resource_id, action),
                is_raw=not _is_known(resource.resource_id, action),
                is_chosen=permission in chosen,
                is_locked=not may_choose(permission),
            )
            for action in resource.actions
        )
        title = _title(resource.resource_id)
        found.append(
            ResourceWords(
                resource.resource_id,
                title or resource.resource_id,
                "" if title else resource.description,
                is_raw=not title,
                actions=actions,
                allows_all=everything in chosen,
                is_locked=not may_choose(everything),
            )
        )
    return tuple(found)


def rights_in_words(rights: Collection[tuple[str, str]], policy: Policy) -> tuple[ResourceWords, ...]:
    """Return rights, as resource and action, by resource, in the policy's order."""
    permissions: dict[str, set[str]] = {}
    for resource_id, action in rights:
        permissions.setdefault(resource_id, set()).add(action)
    held = {resource_id: frozenset(actions) for resource_id, actions in permissions.items()}
    return allowed_in_words(Role("", held), policy)


def to_do(permission: Permission) -> str:
    """Return what the permission lets a member do, to follow "let you" or "permission to"."""
    text = _action(*permission.split(":", 1))
    return text[0].lower() + text[1:]


def permission_in_words(resource_id: str, action: str) -> str:
    """Return a permission as one line: a sentence, or the names that the product gave it."""
    if _is_known(resource_id, action):
        return _action(resource_id, action)
    return f"{resource_id}: {action}"


def _resource(resource: Resource, actions: Collection[str], role: Role) -> ResourceWords:
    title = _title(resource.resource_id)
    return ResourceWords(
        resource.resource_id,
        title or resource.resource_id,
        "" if title else resource.description,
        is_raw=not title,
        actions=tuple(
            ActionWords(
                f"{resource.resource_id}:{action}",
                _action(resource.resource_id, action),
                is_raw=not _is_known(resource.resource_id, action),
            )
            for action in actions
        ),
        allows_all=WILDCARD in role.permissions.get(resource.resource_id, ()),
    )


def _known(role: Role, policy: Policy) -> tuple[Resource, ...]:
    """Return the policy's resources, followed by those that only the role names."""
    more = [
        Resource(resource_id, tuple(sorted(actions)))
        for resource_id, actions in role.permissions.items()
        if resource_id not in policy.resources
    ]
    return (*policy.resources.values(), *more)


def _title(resource_id: str) -> str:
    return _WORDS[resource_id][0] if resource_id in _WORDS else ""


def _is_known(resource_id: str, action: str) -> bool:
    return resource_id in _WORDS and action in _WORDS[resource_id][1]


def _action(resource_id: str, action: str) -> str:
    return _WORDS[resource_id][1][action] if _is_known(resource_id, action) else action
