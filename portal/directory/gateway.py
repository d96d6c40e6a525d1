"""What every directory can do. Pages and the API know only these protocols.

A `Directory` is bound to one organization when it is opened, so no call can name another. Its methods take and return
frozen values, and raise only the errors of `portal.directory.errors`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Protocol

from portal.directory.policy import Policy
from portal.directory.scim.conflicts import ScimConflict, ScimConflictState, ScimLinkingRule
from portal.directory.scim.contacts import ScimContacts
from portal.directory.scim.deletion import ScimDeletedConnection, ScimDeletion, ScimPeopleChoice, ScimRestoration
from portal.directory.scim.drift import ScimChangedPerson, ScimUnmanagedMember
from portal.directory.scim.group_roles import ScimGroupRoles, ScimRoleEffect
from portal.directory.scim.health import ScimHealth, ScimProgress
from portal.directory.scim.log import ScimReplay, ScimRequest, ScimRequestFilter
from portal.directory.scim.safeguard import ScimBrake, ScimBrakeDecision, ScimHeldGroup, ScimHeldPerson
from portal.directory.scim.tokens import ScimTokens
from portal.directory.scim.users import ScimPerson, ScimPersonDetails, ScimPersonGroup, ScimPersonRole, ScimPersonState
from portal.directory.types import (
    DEFAULT_LIMIT,
    Discovered,
    Member,
    NewScimConnection,
    Organization,
    Origin,
    Page,
    ScimConnection,
    ScimFeature,
    ScimGroup,
    ScimGroupMember,
    ScimIdentityProvider,
    SentLink,
    SignedIn,
)


class OrganizationGateway(Protocol):
    """The organization itself."""

    def get(self) -> Organization:
        """Return the organization. Raises NotFound when there is none of this slug."""
        ...


class SessionGateway(Protocol):
    """Member sessions: made by signing in, checked on each request, ended at once by revocation."""

    def authenticate(self, session_token: str) -> SignedIn:
        """Return who holds the token and keep the session from idling out. Raises Unauthenticated."""
        ...

    def sign_in(self, *, email_address: str, password: str) -> SignedIn:
        """Start a session by password. Raises Unauthenticated, in the same time, whatever was wrong."""
        ...

    def confirm_password(self, password: str) -> SignedIn:
        """Note that the acting member entered their password again, for what asks for it (portal.directory.step_up).

        Raises Unauthenticated, also where it is not right; the session stays.
        """
        ...

    def revoke(self, session_token: str) -> None:
        """End the session: its next request is rejected. An unknown token isn't an error."""
        ...


class MemberGateway(Protocol):
    """What signing in needs of members."""

    def get(self, member_id: str) -> Member:
        """Return the member. Raises NotFound, also for another organization's member."""
        ...

    def link_member(self, token: str) -> Member:
        """Return the member the link was sent to, without using it up. Raise Gone, NotOffered."""
        ...

    def redeem_link(self, token: str, *, password: str) -> SignedIn:
        """Set the member's password and start a session; the link works once. Raise Gone, Invalid, NotOffered."""
        ...

    @property
    def emails_links(self) -> bool:
        """Whether `send_link` emails the link; if not, it returns the link for the caller to pass on."""
        ...

    def send_link(self, member_id: str) -> SentLink:
        """Send a member a new one-time link to choose a password; earlier links stop working.

        Needs `stytch.member:update.info.delete.password` and a recent password (portal.directory.step_up). A link that
        isn't emailed also needs every permission of the member. Raise NotFound, Conflict where the member can't sign in
        by password, Refused, StepUpRequired, Unavailable where the mail server failed, NotOffered.
        """
        ...


class RbacGateway(Protocol):
    """The policy that says what each role may do."""

    def policy(self) -> Policy:
        """Return the project's roles and resources (Stytch: rbac.policy)."""
        ...


class ScimConnectionGateway(Protocol):
    """The organization's SCIM connection. Reading needs `stytch.scim:get`, changing `stytch.scim:update`.

    What makes a token raises StepUpRequired unless the password was entered a short while ago (portal.directory.step_up).
    """

    def connection(self) -> ScimConnection | None:
        """Return the active connection, or None; an organization has at most one (Stytch: scim.connection.get)."""
        ...

    def create(self, *, display_name: str, identity_provider: ScimIdentityProvider) -> NewScimConnection:
        """Make the connection with its first token; needs `stytch.scim:create`.

        Raises Invalid, Conflict where there is an active one, StepUpRequired.
        """
        ...

    def update(
        self, connection_id: str, *, display_name: str, identity_provider: ScimIdentityProvider, version: str
    ) -> ScimConnection:
        """Rename the connection, and say which identity provider it is for; tokens, people and groups stay.

        Raises NotFound, Invalid, Conflict where it is not as `version` says any more (ScimConnection.version).
        """
        ...

    def tokens(self, connection_id: str) -> ScimTokens:
        """Return the connection's live tokens. Raises NotFound."""
        ...

    def rotate_start(self, connection_id: str) -> NewScimConnection:
        """Make the next token; both are good until the rotation is completed or cancelled.

        Raises NotFound, Conflict where there is one, StepUpRequired.
        """
        ...

    def rotate_complete(self, connection_id: str, *, version: str) -> ScimConnection:
        """Revoke the current token and put the next one in its place.

        Raises NotFound, Conflict where the tokens are not as `version` says any more (ScimTokens.version).
        """
        ...

    def rotate_cancel(self, connection_id: str, *, version: str) -> ScimConnection:
        """Revoke the next token; the current one stays. Raises as rotate_complete."""
        ...


class ScimPauseGateway(Protocol):
    """An admin's word that the IdP shall wait (ScimFeature.PAUSE; without it, both raise NotOffered).

    Needs `stytch.scim:update`.
    """

    def pause(self, connection_id: str) -> ScimConnection:
        """Have every call refused from now on; nothing else changes. Raises NotFound, Conflict where it is paused already."""
        ...

    def resume(self, connection_id: str) -> ScimConnection:
        """Have calls answered again. Raises NotFound, Conflict where it is not paused."""
        ...


class ScimContactGateway(Protocol):
    """Whom to tell by e-mail what a connection needs (ScimFeature.CONTACTS; without it, both raise NotOffered)."""

    def contacts(self, connection_id: str) -> ScimContacts:
        """Return them; needs `stytch.scim:get`. Raises NotFound."""
        ...

    def change_contacts(self, connection_id: str, addresses: Sequence[str], *, version: str) -> ScimContacts:
        """Put these, at most MOST_CONTACTS, in the place of those of the version; needs `stytch.scim:update`.

        Raises NotFound, Invalid that names what is no e-mail address, Conflict where they are others by now.
        """
        ...


class ScimDeletionGateway(Protocol):
    """The end of a connection, and the way back from it (ScimFeature.PEOPLE_CHOICE, ScimFeature.RESTORE)."""

    def deletion(self, connection_id: str) -> ScimDeletion:
        """Return what deleting it takes away; needs `stytch.scim:delete`. Raises NotFound."""
        ...

    def delete(self, connection_id: str, *, people: ScimPeopleChoice, version: str) -> ScimDeletion:
        """Delete it (Stytch: scim.connection.delete), and return what that took away; needs `stytch.scim:delete`.

        Who deletes is never deactivated, and an admin always stays. Raises NotFound, NotOffered (for another choice than to
        keep people), Conflict: for "version" where it is not as that says any more, else where nobody would be left as admin.
        """
        ...

    def deleted_connections(self, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimDeletedConnection]:
        """Return a page of those that can be restored, the newest first; needs `stytch.scim:get`.

        Raises Invalid, InvalidCursor, NotOffered.
        """
        ...

    def restoration(self, connection_id: str) -> ScimRestoration:
        """Return what restoring a deleted connection brings back; needs `stytch.scim:create`. Raises NotFound, NotOffered."""
        ...

    def restore(self, connection_id: str, *, reactivate: bool) -> int:
        """Restore it with its people, groups, group roles and token; needs `stytch.scim:create`.

        With `reactivate`, whom the deletion deactivated are active again; returns how many are. Raises NotFound, NotOffered,
        Conflict where another connection is active, StepUpRequired: the tokens are good again.
        """
        ...


class ScimGroupGateway(Protocol):
    """The groups that the IdP pushed. Reading needs `stytch.scim:get`."""

    def groups(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT, search: str = ""
    ) -> Page[ScimGroup]:
        """Return a page of groups (Stytch: scim.connection.get_groups).

        With `search`, each of its words is part of the name. A page of a search looks at 100,000 groups at most, so it can
        be empty and yet not the last. `limit` is 1 to 1000. Raises Invalid, InvalidCursor, NotFound, NotOffered (for `search`).
        """
        ...

    def group(self, group_id: str) -> ScimGroup:
        """Return one group of the active connection. Raises NotFound, NotOffered."""
        ...

    def group_members(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroupMember]:
        """Return a page of the people in a group. Raises Invalid, InvalidCursor, NotFound, NotOffered."""
        ...

    def nested_groups(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that are members of a group, by name. Raises Invalid, InvalidCursor, NotFound, NotOffered."""
        ...

    def parent_groups(self, group_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that a group is a member of, by name. Raises as nested_groups."""
        ...


class ScimPeopleGateway(Protocol):
    """The people whom the IdP pushed. Reading needs `stytch.scim:get`; without ScimFeature.PEOPLE all raise NotOffered."""

    def people(
        self,
        connection_id: str,
        *,
        cursor: str = "",
        limit: int = DEFAULT_LIMIT,
        search: str = "",
        state: ScimPersonState | None = None,
    ) -> Page[ScimPerson]:
        """Return a page of people by userName. Each word of `search` is part of the userName, the name or the email address.

        A page of a search looks at 100,000 people at most, so it can be empty and yet not the last.

        `limit` is 1 to 1000. Raises Invalid, InvalidCursor, NotFound, NotOffered.
        """
        ...

    def people_without_access(self, connection_id: str) -> int:
        """Return how many active people can't sign in; from MOST_COUNTED on, that many or more. Raises NotOffered."""
        ...

    def person(self, user_id: str) -> ScimPersonDetails:
        """Return one person of the active connection. Raises NotFound, NotOffered."""
        ...

    def person_groups(self, user_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimPersonGroup]:
        """Return a page of the groups that a person is in, also by way of other groups, by their names.

        Raises Invalid, InvalidCursor, NotFound, NotOffered.
        """
        ...

    def person_roles(self, user_id: str) -> tuple[ScimPersonRole, ...]:
        """Return the roles that a person has now, each with where it comes from; nobody deactivated has any.

        Raises NotFound, NotOffered.
        """
        ...


class ScimConflictGateway(Protocol):
    """Members whom provisioning would take over (ScimFeature.CONFLICTS; without it, all raise NotOffered).

    Until somebody has decided the IdP gets 409. Reading needs `stytch.scim:get`.
    """

    def conflicts(
        self, connection_id: str, *, state: ScimConflictState, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimConflict]:
        """Return a page of conflicts in a state, the newest first.

        `limit` is 1 to 1000. Raises Invalid, InvalidCursor, NotFound, NotOffered.
        """
        ...

    def decide_conflicts(self, connection_id: str, chosen: Mapping[str, str], *, approve: bool) -> int:
        """Approve or dismiss conflicts, all or none, and return how many; needs `stytch.scim:update`.

        `chosen` has the version of each by its id, 1 to 1000 of them. Whom is approved the IdP links when it sends them
        again. Raises Invalid, Conflict where one is not as its version says any more, NotFound, NotOffered.
        """
        ...

    def linking_rule(self, connection_id: str, *, domain: str = "") -> ScimLinkingRule:
        """Return whose members are linked always, and what one more domain would mean. Raises Invalid, NotFound, NotOffered."""
        ...

    def always_link(self, connection_id: str, *, domain: str) -> str:
        """Add a domain to those that the organization vouches for, approve who waits with it, and return it.

        Needs `stytch.scim:update`, and `update.settings.allowed-domains` on `stytch.organization`. Raises Invalid,
        NotFound, NotOffered.
        """
        ...

    def stop_linking(self, connection_id: str, *, domain: str) -> str:
        """Take a domain off those that the organization vouches for, and return it; what is linked or approved stays so.

        Harmless for one that is not among them. Needs the rights of `always_link`. Raises NotFound, NotOffered.
        """
        ...


class ScimGroupRoleGateway(Protocol):
    """The roles that groups give (Stytch: scim_group_implicit_role_assignments). Reading needs `stytch.scim:get`.

    Changing needs `stytch.scim:update` and `stytch.organization:update.settings.implicit-roles`. A change says which
    roles it has seen (`roles_version`), and raises Conflict with the field "version" where these are others by now.
    """

    def role_assignments(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimGroupRoles]:
        """Return a page of the groups that give roles, also of those that are gone.

        `limit` is 1 to 1000. Raises Invalid, InvalidCursor, NotFound.
        """
        ...

    def group_roles(self, group_id: str) -> ScimGroupRoles:
        """Return the roles that a group gives or, gone, gave. Raises NotFound."""
        ...

    def preview_group_roles(
        self, group_id: str, *, add: Collection[str], remove: Collection[str]
    ) -> tuple[ScimRoleEffect, ...]:
        """Return for each role that a change gives or takes who is affected. Raises NotFound, NotOffered."""
        ...

    def change_group_roles(
        self, group_id: str, *, add: Collection[str], remove: Collection[str], version: str
    ) -> ScimGroupRoles:
        """Give a group roles and take some away; what is not named stays as it is.

        Raises NotFound, Invalid (for "roles"), Conflict (for "version"; for "roles" where nobody would be left as
        admin), Refused.
        """
        ...

    def confirm_group_roles(self, group_id: str, *, version: str) -> ScimGroupRoles:
        """Take a renamed group's name for the right one. Raises NotFound, Conflict, NotOffered, Refused."""
        ...

    def move_group_roles(self, group_id: str, *, to_group_id: str, version: str) -> ScimGroupRoles:
        """Give the roles of a group that is gone to another one. Raises NotFound, Invalid, Conflict, NotOffered, Refused."""
        ...


class ScimBrakeGateway(Protocol):
    """The deactivation safeguard (ScimFeature.BRAKE; without it, all raise NotOffered). Reading needs `stytch.scim:get`."""

    def brake(self, connection_id: str) -> ScimBrake:
        """Return the state of the safeguard. Raise NotFound, NotOffered."""
        ...

    def held_people(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldPerson]:
        """Return a page of the people on hold. Raise Invalid, InvalidCursor, NotFound, NotOffered."""
        ...

    def held_groups(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimHeldGroup]:
        """Return a page of the groups on hold. Raise Invalid, InvalidCursor, NotFound, NotOffered."""
        ...

    def held_number(self, connection_id: str) -> int:
        """Return how many people lose access or the roles of a group once the hold is approved. Raise NotFound, NotOffered."""
        ...

    def decide_brake(
        self, connection_id: str, decision: ScimBrakeDecision, *, version: str, number: int | None = None
    ) -> None:
        """Approve, keep or clear the hold that `version` identifies; needs `stytch.scim:update`.

        An approval is for the people and groups on hold now, for 24 hours, and must say how many people that are. Raise Conflict where the
        hold has changed (with the field "number" where the number has), NotFound, NotOffered.
        """
        ...


class ScimDriftGateway(Protocol):
    """Where the organization is not as its IdP says (ScimFeature.DRIFT; without it, all raise NotOffered).

    Reading needs `stytch.scim:get`. A page looks through so many rows at most: it can hold none, and yet not be the last.
    All that read raise Invalid, InvalidCursor, NotFound, NotOffered.
    """

    def unmanaged_members(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimUnmanagedMember]:
        """Return a page of the members whom the IdP does not manage."""
        ...

    def drifted_group_roles(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimGroupRoles]:
        """Return a page of the groups with roles that are gone, or have another name than when the roles were given."""
        ...

    def unmapped_groups(self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT) -> Page[ScimGroup]:
        """Return a page of the groups that give no role."""
        ...

    def changed_people(
        self, connection_id: str, *, cursor: str = "", limit: int = DEFAULT_LIMIT
    ) -> Page[ScimChangedPerson]:
        """Return a page of the people whose name, e-mail address or state was changed by hand."""
        ...

    def take_idp_values(self, connection_id: str, user_id: str, *, version: str) -> None:
        """Make a changed person's member as the IdP says; needs `stytch.scim:update`.

        Raises NotFound, NotOffered, Conflict where the differences are not those of the version any more, or the address
        is taken, or the organization would be left without an admin.
        """
        ...


class ScimGateway(
    ScimConnectionGateway,
    ScimPauseGateway,
    ScimDeletionGateway,
    ScimContactGateway,
    ScimGroupGateway,
    ScimPeopleGateway,
    ScimConflictGateway,
    ScimGroupRoleGateway,
    ScimBrakeGateway,
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
    def rbac(self) -> RbacGateway: ...  # noqa: D102 -- the type says it
    @property
    def scim(self) -> ScimGateway: ...  # noqa: D102 -- the type says it
    @property
    def scim_log(self) -> ScimLogGateway: ...  # noqa: D102 -- the type says it

    def acting_as(self, signed_in: SignedIn) -> "Directory":
        """Return the same organization's directory, with every further call made by this member."""
        ...


class Discovery(Protocol):
    """Signing in before the organization is known: the one place that looks across organizations."""

    def authenticate(self, *, email_address: str, password: str) -> Discovered:
        """Return where this password is right (Stytch: passwords.discovery.authenticate). Raises Unauthenticated."""
        ...

    def organizations(self, intermediate_session_token: str) -> Discovered:
        """Return the same answer again, for ten minutes. Raises Unauthenticated."""
        ...

    def exchange(self, intermediate_session_token: str, *, organization_id: str) -> SignedIn:
        """Start a session in one of the discovered organizations, once: the token then ends. Raises Unauthenticated."""
        ...

    @property
    def other_way_in(self) -> str:
        """How someone whose password is paused signs in instead, as a sentence; "" where `email_links` emails a link."""
        ...

    def email_links(self, email_address: str, *, organization_slug: str = "") -> None:
        """Email a one-time link to choose a password to the members with this address, in one organization or in all.

        Neither the outcome nor the time says whether there are any. Raise NotOffered where `other_way_in` says why.
        """
        ...


class DirectoryProvider(Protocol):
    """A kind of directory: opens one organization's, and discovers a person's."""

    def open(self, organization_slug: str, origin: Origin) -> Directory:
        """Return the organization's directory; costs no call, so an unknown slug shows at the first one."""
        ...

    def discovery(self, origin: Origin) -> Discovery:
        """Return the way in for a person who has not chosen an organization."""
        ...
