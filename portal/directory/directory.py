"""The contract of every directory. Pages and the API know only these Protocols.

A directory is bound to one organization when it is opened, so no call can name another. Methods take and return frozen
values, and raise only the errors of `portal.directory.errors`. A capability that a directory lacks is None.
"""

from typing import Protocol

from portal.directory.actor import Origin
from portal.directory.members import MemberGateway
from portal.directory.organizations import OrganizationGateway
from portal.directory.rbac import RbacGateway
from portal.directory.scim.conflicts import ScimConflictGateway
from portal.directory.scim.connection import ScimConnectionGateway
from portal.directory.scim.contacts import ScimContactGateway
from portal.directory.scim.deletion import ScimDeletionGateway
from portal.directory.scim.drift import ScimDriftGateway
from portal.directory.scim.group_roles import ScimGroupRoleGateway, ScimGroupRoleReviewGateway
from portal.directory.scim.groups import ScimGroupDetailGateway, ScimGroupGateway
from portal.directory.scim.health import ScimHealthGateway
from portal.directory.scim.log import ScimLogGateway
from portal.directory.scim.pause import ScimPauseGateway
from portal.directory.scim.restoration import ScimRestorationGateway
from portal.directory.scim.safeguard import ScimSafeguardGateway
from portal.directory.scim.tokens import ScimTokenGateway
from portal.directory.scim.users import ScimUserGateway
from portal.directory.sessions import Discovery, SessionGateway, SignedIn
from portal.directory.sign_in_links import SignInLinkGateway


class ScimGateway(Protocol):
    """SCIM, noun by noun. A noun that the directory lacks is None."""

    @property
    def connection(self) -> ScimConnectionGateway: ...  # noqa: D102 -- the type says it
    @property
    def tokens(self) -> ScimTokenGateway: ...  # noqa: D102 -- the type says it
    @property
    def pause(self) -> ScimPauseGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def deletion(self) -> ScimDeletionGateway: ...  # noqa: D102 -- the type says it
    @property
    def restoration(self) -> ScimRestorationGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def contacts(self) -> ScimContactGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def groups(self) -> ScimGroupGateway: ...  # noqa: D102 -- the type says it
    @property
    def group_details(self) -> ScimGroupDetailGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def users(self) -> ScimUserGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def conflicts(self) -> ScimConflictGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def group_roles(self) -> ScimGroupRoleGateway: ...  # noqa: D102 -- the type says it
    @property
    def group_role_review(self) -> ScimGroupRoleReviewGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def safeguard(self) -> ScimSafeguardGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def drift(self) -> ScimDriftGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def log(self) -> ScimLogGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def health(self) -> ScimHealthGateway | None: ...  # noqa: D102 -- the type says it


class Directory(Protocol):
    """One organization's directory."""

    @property
    def organization(self) -> OrganizationGateway: ...  # noqa: D102 -- the type says it
    @property
    def sessions(self) -> SessionGateway: ...  # noqa: D102 -- the type says it
    @property
    def members(self) -> MemberGateway: ...  # noqa: D102 -- the type says it
    @property
    def sign_in_links(self) -> SignInLinkGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def rbac(self) -> RbacGateway: ...  # noqa: D102 -- the type says it
    @property
    def scim(self) -> ScimGateway: ...  # noqa: D102 -- the type says it

    def acting_as(self, signed_in: SignedIn) -> "Directory":
        """Return the same organization's directory, with this member as the caller."""
        ...


class DirectoryProvider(Protocol):
    """Opens the directories of organizations."""

    def open(self, organization_slug: str, origin: Origin) -> Directory:
        """Return the organization's directory. This takes no query: an unknown slug raises NotFound at the first call."""
        ...

    def discovery(self, origin: Origin) -> Discovery:
        """Return discovery, which signs people in before they choose an organization."""
        ...
