"""What a directory returns of where it is not as the identity provider says."""

from dataclasses import dataclass
from datetime import datetime

from portal.directory.types import MemberStatus


@dataclass(frozen=True, slots=True)
class ScimUnmanagedMember:
    """A member whom the connection does not know."""

    member_id: str
    email_address: str
    name: str
    status: MemberStatus
    roles: tuple[str, ...]
    member_since: datetime


@dataclass(frozen=True, slots=True)
class ScimDifference:
    """What a field of a member is, and what it would be as the identity provider says."""

    field: str
    here: str
    there: str


@dataclass(frozen=True, slots=True)
class ScimChangedPerson:
    """A provisioned person whose member was changed by hand since; `version` stands for the differences."""

    user_id: str
    user_name: str
    display_name: str
    differences: tuple[ScimDifference, ...]
    version: str
