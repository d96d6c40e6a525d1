"""What a change of the sign-in settings means for the members: numbers, who is locked out, and which sessions end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from portal.directory.counts import Count
from portal.directory.organizations import Organization

# People that a review names.
MAX_NAMED = 10


@dataclass(frozen=True, slots=True)
class SignInNumbers:
    """How active members sign in. `counted_at` is None if they were counted just now.

    `by_factor` has the members who have set up each second factor (portal.directory.second_factors), allowed or not.
    """

    members: int
    with_password: int
    with_second_factor: int
    by_factor: Mapping[str, int]
    admins: int
    admins_with_second_factor: int
    counted_at: datetime | None = None

    @property
    def without_second_factor(self) -> int:
        """Members who have none."""
        return max(self.members - self.with_second_factor, 0)

    @property
    def admins_without_second_factor(self) -> int:
        """Admins who have none."""
        return max(self.admins - self.admins_with_second_factor, 0)


@dataclass(frozen=True, slots=True)
class NamedMember:
    """A member that a review names."""

    member_id: str
    name: str
    email_address: str


@dataclass(frozen=True, slots=True)
class MethodReview:
    """What happens if only some sign-in methods are allowed.

    `locked_out` has the first MAX_NAMED of the members who have no allowed way left, or nothing if the caller may not see
    members; `locked_out_count` is None if it isn't known yet. `candidates` are admins who could become emergency admins.
    """

    locked_out: tuple[NamedMember, ...]
    locked_out_count: Count | None
    sessions: Count
    # Why the caller can't save it, "" if they can.
    refusal: str
    emergency_admins: tuple[NamedMember, ...]
    candidates: tuple[NamedMember, ...]


@dataclass(frozen=True, slots=True)
class SignInAttention:
    """What is wrong with the sign-in settings: members who lack a required second factor, and methods without use.

    `unusable_methods` are allowed by name, and no member can sign in with them: of those in `allowed_auth_methods`.
    """

    without_required_factor: int
    # Whether only admins need one.
    is_of_admins: bool
    unusable_methods: tuple[str, ...]


class SignInSettingsGateway(Protocol):
    """Numbers and consequences of the sign-in settings, and changing the methods together with an emergency admin."""

    def numbers(self) -> SignInNumbers | None:
        """Count how members sign in. None if there are more than a page counts, until they are counted.

        Needs `stytch.member:search`. This takes two queries at most, apart from kept numbers.
        """
        ...

    def attention(self) -> SignInAttention:
        """Return what needs attention. Needs `stytch.member:search`, and takes as many queries as `numbers()`."""
        ...

    def review(self, methods: Sequence[str]) -> MethodReview:
        """Return the consequences of allowing only these methods.

        Needs `stytch.organization:update.settings.allowed-auth-methods`. It changes nothing.
        """
        ...

    def save_methods(self, methods: Sequence[str], *, version: str, emergency_admin: str = "") -> Organization:
        """Allow only these methods, and give a member emergency access, or change nothing.

        Needs `stytch.organization:update.settings.allowed-auth-methods`, and for the member
        `stytch.member:update.settings.is-breakglass`. Ends the sessions that the methods no longer allow. Raise as
        `OrganizationGateway.update` does, and NotFound for the member.
        """
        ...
