"""What every directory can do. Pages and the API know only these protocols.

A `Directory` is bound to one organization when it is opened, so no call can name another. Its methods take and return
frozen values, and raise only the errors of `portal.directory.errors`.
"""

from typing import Protocol

from portal.directory.actor import Origin
from portal.directory.members import MemberGateway
from portal.directory.organizations import OrganizationGateway
from portal.directory.rbac import RbacGateway
from portal.directory.scim.conflicts import ScimConflictGateway
from portal.directory.scim.connection import ScimConnectionGateway
from portal.directory.scim.contacts import ScimContactGateway
from portal.directory.scim.deletion import ScimDeletionGateway, ScimRestorationGateway
from portal.directory.scim.drift import ScimDriftGateway
from portal.directory.scim.features import ScimFeature
from portal.directory.scim.group_roles import ScimGroupRoleGateway
from portal.directory.scim.groups import ScimGroupGateway
from portal.directory.scim.health import ScimHealthGateway
from portal.directory.scim.log import ScimLogGateway
from portal.directory.scim.pause import ScimPauseGateway
from portal.directory.scim.safeguard import ScimSafeguardGateway
from portal.directory.scim.tokens import ScimTokenGateway
from portal.directory.scim.users import ScimUserGateway
from portal.directory.sessions import Discovery, SessionGateway, SignedIn
from portal.directory.sign_in_links import SignInLinkGateway


class ScimGateway(Protocol):
    """SCIM, noun by noun; a noun that the directory lacks is None.

    `offers` names the smaller capabilities that this directory has beyond Stytch's own API.
    """

    offers: frozenset[ScimFeature]

    @property
    def connection(self) -> ScimConnectionGateway: ...  # noqa: D102 -- the type says it
    @property
    def tokens(self) -> ScimTokenGateway: ...  # noqa: D102 -- the type says it
    @property
    def pause(self) -> ScimPauseGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def deletion(self) -> ScimDeletionGateway: ...  # noqa: D102 -- the type says it
    @property
    def restoration(self) -> ScimRestorationGateway: ...  # noqa: D102 -- the type says it
    @property
    def contacts(self) -> ScimContactGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def groups(self) -> ScimGroupGateway: ...  # noqa: D102 -- the type says it
    @property
    def users(self) -> ScimUserGateway: ...  # noqa: D102 -- the type says it
    @property
    def conflicts(self) -> ScimConflictGateway: ...  # noqa: D102 -- the type says it
    @property
    def group_roles(self) -> ScimGroupRoleGateway: ...  # noqa: D102 -- the type says it
    @property
    def safeguard(self) -> ScimSafeguardGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def drift(self) -> ScimDriftGateway | None: ...  # noqa: D102 -- the type says it
    @property
    def log(self) -> ScimLogGateway: ...  # noqa: D102 -- the type says it
    @property
    def health(self) -> ScimHealthGateway: ...  # noqa: D102 -- the type says it


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
