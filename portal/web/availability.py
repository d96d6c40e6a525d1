"""Capabilities that a directory may lack: how a page requires one, and the reason it shows."""

from collections.abc import Mapping
from typing import Literal, TypeVar

from portal.directory.errors import DirectoryError

Capability = Literal[
    "activity",
    "all sessions",
    "appearance",
    "attention",
    "bulk invitations",
    "conflicts",
    "contacts",
    "domain proofs",
    "drift",
    "embedding",
    "group members",
    "group role preview",
    "health",
    "log",
    "logo",
    "passkeys",
    "pause",
    "remembered devices",
    "restoration",
    "role review",
    "safeguard",
    "session limits",
    "sign-in links",
    "sign-in numbers",
    "unlocking",
    "users",
]
Gateway = TypeVar("Gateway")

_NO_REQUESTS = "Identity providers send their requests to the directory itself, which doesn't report them."
REASONS: Mapping[Capability, str] = {
    "activity": "The directory doesn't keep an activity log.",
    "all sessions": "The directory ends the sessions of one member at a time.",
    "appearance": "The directory doesn't store how the portal looks. The team that runs this portal sets its colors.",
    "attention": "The directory doesn't put deactivations on hold, and doesn't report existing members or differences.",
    "bulk invitations": "The directory invites people one at a time.",
    "conflicts": "The directory decides which existing members it links, and doesn't report the others.",
    "contacts": "The directory doesn't keep contacts or send reminders.",
    "domain proofs": "The directory takes the organization's word for its domains, so there is nothing to prove.",
    "drift": "The directory doesn't report what the identity provider sent, so differences can't be found.",
    "embedding": "The directory doesn't issue tickets, so products can't show this portal in their own pages.",
    "group members": "The directory lists groups, but not the people in them.",
    "group role preview": "The directory doesn't list the people in a group, so a change can't be previewed.",
    "health": _NO_REQUESTS,
    "log": _NO_REQUESTS,
    "logo": "The directory stores the URL of a logo, but no images.",
    "passkeys": "The directory doesn't have passkeys for members of organizations.",
    "pause": "The directory accepts requests as long as the connection exists. To stop provisioning, pause it in the "
    "identity provider.",
    "remembered devices": "The directory asks for the second factor at every sign-in.",
    "restoration": "The directory doesn't keep deleted connections.",
    "role review": "The directory doesn't count who has a role, and doesn't list the people in a group.",
    "safeguard": "The directory deactivates people immediately, however many the identity provider sends.",
    "session limits": "In the directory, the product chooses how long each session lasts.",
    "sign-in links": "The product sends its own invitations and password resets. Use the link in its email, or “Forgot "
    "password” on its sign-in page.",
    "sign-in numbers": "The directory doesn’t report how members sign in, so the consequences of a change aren’t known.",
    "unlocking": "The directory ends the lock on its own, after an hour at most.",
    "users": "The directory lists the groups of a connection, but not its people.",
}


class NotAvailable(DirectoryError):
    """A page needs a capability that the directory lacks. `portal.web.errors` shows the reason."""

    status = 501

    def __init__(self, capability: Capability) -> None:
        super().__init__(REASONS[capability])
        self.capability = capability


def available(gateway: Gateway | None, capability: Capability) -> Gateway:
    """Return the gateway. Raise NotAvailable if the directory has none."""
    if gateway is None:
        raise NotAvailable(capability)
    return gateway
