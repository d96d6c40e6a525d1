"""The actor of a change and the origin of a request, as the activity log records them."""

from dataclasses import dataclass, field
from enum import StrEnum


class ActorType(StrEnum):
    """The kind of actor that makes a change."""

    MEMBER = "member"
    SCIM = "scim"
    OPERATOR = "operator"
    # The product's backend, with a secret of the project.
    PROJECT = "project"
    VISITOR = "visitor"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and on whose behalf. Stored in the activity log."""

    type: ActorType
    id: str = ""
    name: str = ""
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from. Stored in the activity log with the actor."""

    ip_address: str = ""
    user_agent: str = ""
    request_id: str = ""
    # The tokens of remembered devices that the browser sent, each with its organization's ID (portal/web/device_cookie.py).
    # Not stored.
    device_tokens: tuple[tuple[str, str], ...] = field(default=(), repr=False)
