"""What every directory can do. Pages and the API know only these protocols.

A `Directory` is bound to one organization when it is opened, so no call can name another. Its methods take and return
frozen values, and raise only the errors of `portal.directory.errors`.
"""

from collections.abc import Iterator
from typing import Protocol

from portal.directory.actor import Origin
from portal.directory.members import MemberGateway
from portal.directory.organizations import OrganizationGateway
from portal.directory.pages import DEFAULT_LIMIT, Page
from portal.directory.rbac import RbacGateway
from portal.directory.scim.conflicts import ScimConflictGateway
from portal.directory.scim.connection import ScimConnection, ScimConnectionGateway
from portal.directory.scim.contacts import ScimContactGateway
from portal.directory.scim.deletion import ScimDeletionGateway
from portal.directory.scim.drift import ScimDriftGateway
from portal.directory.scim.features import ScimFeature
from portal.directory.scim.group_roles import ScimGroupRoleGateway
from portal.directory.scim.groups import ScimGroupGateway
from portal.directory.scim.health import ScimHealth, ScimProgress
from portal.directory.scim.log import ScimReplay, ScimRequest, ScimRequestFilter
from portal.directory.scim.pause import ScimPauseGateway
from portal.directory.scim.safeguard import ScimSafeguardGateway
from portal.directory.scim.users import ScimUserGateway
from portal.directory.sessions import Discovery, SessionGateway, SignedIn
from portal.directory.sign_in_links import SignInLinkGateway


class ScimGateway(
    ScimConnectionGateway,
    ScimPauseGateway,
    ScimDeletionGateway,
    ScimContactGateway,
    ScimGroupGateway,
    ScimUserGateway,
    ScimConflictGateway,
    ScimGroupRoleGateway,
    ScimSafeguardGateway,
    ScimDriftGateway,
    Protocol,
):
    """Everything of SCIM; `offers` says what this directory has beyond Stytch's own API."""

    offers: frozenset[ScimFeature]


class ScimLogGateway(Protocol):
    """What the IdP asked for, call by call, and how it was answered. Needs `stytch.scim:get`.

    A directory that does not hear the IdP itself raises NotOffered, with the reason, whatever it is asked.
    """

    @property
    def kept_days(self) -> int:
        """For how many days calls are kept."""
        ...

    def requests(
        self, connection_id: str, wanted: ScimRequestFilter = ..., *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimRequest]:
        """Return a page of a connection's calls, newest first, without their bodies; the connection may be a deleted one.

        `limit` is 1 to 1000. Where few calls are wanted the search ends after some thousand and says so: `searched_to`.
        Raises Invalid, InvalidCursor, NotFound, NotOffered.
        """
        ...

    def request(self, scim_request_id: str) -> ScimRequest:
        """Return one call with its body. Raises NotFound, NotOffered."""
        ...

    def export(self, connection_id: str, wanted: ScimRequestFilter = ...) -> Iterator[ScimRequest]:
        """Return the newest calls with their bodies, 100,000 at most, and write into the activity log who took them.

        Raises NotFound, NotOffered. The calls are read while they are iterated over.
        """
        ...

    def replay(self, scim_request_id: str) -> ScimReplay:
        """Return what a refused call would do now, in every rule; nothing at all is changed.

        Raises NotFound, NotOffered, Conflict (it cannot be tried again), Unavailable (what it is about is in use).
        """
        ...

    def health(self, connection: ScimConnection) -> ScimHealth:
        """Return how a connection is now. Raises NotOffered."""
        ...

    def progress(self, connection_id: str) -> ScimProgress:
        """Return how far the IdP has come since it was connected, and what it did wrong. Raises NotOffered."""
        ...


class Directory(Protocol):
    """One organization's directory."""

    @property
    def organization(self) -> OrganizationGateway: ...  # noqa: D102 -- the type says it
    @property
    def sessions(self) -> SessionGateway: ...  # noqa: D102 -- the type says it
    @property
    def members(self) -> MemberGateway: ...  # noqa: D102 -- the type says it
    @property
    def sign_in_links(self) -> SignInLinkGateway: ...  # noqa: D102 -- the type says it
    @property
    def rbac(self) -> RbacGateway: ...  # noqa: D102 -- the type says it
    @property
    def scim(self) -> ScimGateway: ...  # noqa: D102 -- the type says it
    @property
    def scim_log(self) -> ScimLogGateway: ...  # noqa: D102 -- the type says it

    def acting_as(self, signed_in: SignedIn) -> "Directory":
        """Return the same organization's directory, with every further call made by this member."""
        ...


class DirectoryProvider(Protocol):
    """A kind of directory: opens one organization's, and discovers a person's."""

    def open(self, organization_slug: str, origin: Origin) -> Directory:
        """Return the organization's directory; costs no call, so an unknown slug shows at the first one."""
        ...

    def discovery(self, origin: Origin) -> Discovery:
        """Return the way in for a person who has not chosen an organization."""
        ...
