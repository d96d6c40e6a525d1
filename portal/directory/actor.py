"""The actor of a change and the origin of a request, as the activity log records them."""

from dataclasses import dataclass
from enum import StrEnum


class ActorType(StrEnum):
    """What kind of party makes a change."""

    MEMBER = "member"
    SCIM = "scim"
    OPERATOR = "operator"
    # A backend of the product, with a secret of the project.
    PROJECT = "project"
    VISITOR = "visitor"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, and on whose behalf; written into the activity log."""

    type: ActorType
    id: str = ""
    name: str = ""
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a call comes from; written into the activity log beside the actor."""

    ip_address: str = ""
    user_agent: str = ""
    request_id: str = ""
