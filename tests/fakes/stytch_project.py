"""What a fake Stytch project holds, and Stytch's rules over it; nothing here knows HTTP."""

import base64
import hashlib
import hmac
import json
import re
import secrets
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from portal.directory.organizations import FIELD_ACTIONS
from portal.directory.policy import ADMIN_ROLE, DEFAULT_POLICY, MEMBER_ROLE, Policy, read_roles
from portal.directory.scim.connection import ScimIdentityProvider

INTERMEDIATE_LIFETIME = timedelta(minutes=10)
# Stytch knows nothing of our own resources.
_STYTCH_POLICY = Policy(
    roles={
        role.role_id: replace(
            role,
            permissions={name: actions for name, actions in role.permissions.items() if name.startswith("stytch.")},
        )
        for role in DEFAULT_POLICY.roles.values()
    },
    resources={name: one for name, one in DEFAULT_POLICY.resources.items() if name.startswith("stytch.")},
)


class Refusal(Exception):
    """What Stytch answers in place of the thing asked for."""

    def __init__(self, status: int, error_type: str) -> None:
        super().__init__(error_type)
        self.status = status
        self.error_type = error_type


def new_id(noun: str) -> str:
    return f"{noun}-test-{uuid.uuid4()}"


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Organization:
    name: str
    slug: str
    jit_domain: str = ""
    mfa_policy: str = "OPTIONAL"
    email_invites: str = "ALL_ALLOWED"
    custom_roles: list[dict[str, Any]] = field(default_factory=list)
    id: str = field(default_factory=lambda: new_id("organization"))
    # Fields of the object that were changed, besides name, slug and mfa_policy.
    changed: dict[str, Any] = field(default_factory=dict)


@dataclass
class Member:
    organization: Organization
    email_address: str
    name: str
    password: str
    direct_roles: tuple[str, ...]
    needs_second_factor: bool = False
    status: str = "active"
    # An authenticator app (stytch_mfa.App), and one that isn't set up yet.
    totp: Any = None
    pending_totp: Any = None
    recovery_codes: list[str] = field(default_factory=list)
    default_mfa_method: str = ""
    phone_number: str = ""
    is_phone_verified: bool = False
    # The code that was sent to it, and when it ends.
    sms_code: tuple[str, datetime] | None = None
    is_breakglass: bool = False
    untrusted_metadata: dict[str, Any] = field(default_factory=dict)
    # Former addresses, as Stytch has them.
    retired: list[dict[str, str]] = field(default_factory=list)
    id: str = field(default_factory=lambda: new_id("member"))

    @property
    def roles(self) -> list[str]:
        return list(self.role_sources)

    @property
    def role_sources(self) -> dict[str, list[dict[str, Any]]]:
        """What grants each role. The fake knows direct assignments and those by email domain."""
        direct = {"type": "direct_assignment", "details": {}}
        found = {role: [direct] for role in (MEMBER_ROLE, *self.direct_roles)}
        domain = self.email_address.rpartition("@")[2]
        for one in self.organization.changed.get("rbac_email_implicit_role_assignments", ()):
            if one["domain"] == domain:
                by_domain = {"type": "email_assignment", "details": {"email_domain": domain}}
                found.setdefault(one["role_id"], []).append(by_domain)
        return found


@dataclass
class Session:
    member: Member
    expires_at: datetime
    token: str = field(default_factory=lambda: secrets.token_urlsafe(33))
    started_at: datetime = field(default_factory=now)
    # When its password factor was last proved.
    password_at: datetime | None = field(default_factory=now)
    # The same for its code by email.
    code_at: datetime | None = None
    # The same for its second factors.
    totp_at: datetime | None = None
    recovered_at: datetime | None = None
    sms_at: datetime | None = None
    id: str = field(default_factory=lambda: new_id("session"))


@dataclass
class IntermediateSession:
    email_address: str
    members: list[Member]
    joinable: list[Organization]
    token: str = field(default_factory=lambda: secrets.token_urlsafe(33))
    expires_at: datetime = field(default_factory=lambda: now() + INTERMEDIATE_LIFETIME)


@dataclass
class Token:
    text: str = field(default_factory=lambda: secrets.token_urlsafe(33))
    # Stytch's own are valid for about five years; a year shows what the portal does before they expire.
    expires_at: datetime = field(default_factory=lambda: now() + timedelta(days=365))


@dataclass
class Connection:
    organization: Organization
    display_name: str
    identity_provider: str
    id: str = field(default_factory=lambda: new_id("scim-connection"))
    # Pairs of a group and a role's id.
    role_assignments: "list[tuple[Group, str]]" = field(default_factory=list)
    token: Token = field(default_factory=Token)
    next_token: Token | None = None


@dataclass
class Group:
    connection: Connection
    name: str
    number: int
    id: str = field(default_factory=lambda: new_id("scim-group"))


def known_idp(identity_provider: str) -> str:
    if identity_provider not in set(ScimIdentityProvider):
        raise Refusal(400, "invalid_scim_idp")
    return identity_provider


class Project:
    """A Stytch project in memory. The first methods set the scene; the others are what the API does."""

    def __init__(self) -> None:
        self.id = new_id("project")
        self.secret = f"secret-test-{secrets.token_urlsafe(24)}"
        self.policy: Policy = _STYTCH_POLICY
        self.organizations: list[Organization] = []
        self.members: list[Member] = []
        self.sessions: dict[str, Session] = {}
        self.intermediate_sessions: dict[str, IntermediateSession] = {}
        # The code that was sent to a member, by the member's ID.
        self.codes: dict[str, str] = {}
        # Before an organization is known: codes by address, and links by token with their address and URL.
        self.discovery_codes: dict[str, str] = {}
        self.discovery_links: dict[str, tuple[str, str]] = {}
        # The new address of a member and the code that was sent to it, by the member's ID.
        self.new_addresses: dict[str, tuple[str, str]] = {}
        self.connections: list[Connection] = []
        self.groups: list[Group] = []
        self.lock = threading.RLock()
        self._numbers = count(1)
        self._cursor_key = secrets.token_bytes(32)

    # Setting the scene

    def add_organization(self, slug: str, name: str = "", *, jit_domain: str = "") -> Organization:
        organization = Organization(name or slug.title(), slug, jit_domain)
        self.organizations.append(organization)
        return organization

    def add_member(
        self,
        organization: Organization,
        email_address: str,
        *,
        name: str = "",
        password: str = "",
        roles: Iterable[str] = (),
        needs_second_factor: bool = False,
    ) -> Member:
        member = Member(organization, email_address, name, password, tuple(roles), needs_second_factor)
        self.members.append(member)
        return member

    def delete_member(self, member: Member) -> None:
        with self.lock:
            member.status = "deleted"
            self.sessions = {token: one for token, one in self.sessions.items() if one.member is not member}

    def add_connection(
        self, organization: Organization, *, display_name: str = "Okta production", identity_provider: str = "okta"
    ) -> Connection:
        connection = Connection(organization, display_name, identity_provider)
        self.connections.append(connection)
        return connection

    def add_groups(self, connection: Connection, names: Iterable[str]) -> list[Group]:
        with self.lock:
            groups = [Group(connection, name, next(self._numbers)) for name in names]
            self.groups += groups
        return groups

    def delete_connection(self, connection: Connection) -> None:
        """Delete a connection with its groups, and the roles that they give."""
        with self.lock:
            self.connections.remove(connection)
            self.groups[:] = [group for group in self.groups if group.connection is not connection]

    def delete_group(self, group: Group) -> None:
        with self.lock:
            self.groups.remove(group)
            assignments = group.connection.role_assignments
            assignments[:] = [one for one in assignments if one[0] is not group]

    def start_session(self, member: Member, minutes: int = 60, password_at: datetime | None = None) -> Session:
        session = Session(member, now() + timedelta(minutes=minutes), password_at=password_at or now())
        with self.lock:
            self.sessions[session.token] = session
        return session

    # What the API does

    def organization(self, id_or_slug: str) -> Organization:
        for organization in self.organizations:
            if id_or_slug in {organization.id, organization.slug}:
                return organization
        raise Refusal(404, "organization_not_found")

    def member(self, organization: Organization, member_id: str) -> Member:
        for member in self.members:
            if member.organization is organization and member.id == member_id:
                return member
        raise Refusal(404, "member_not_found")

    def authenticate_password(self, organization: Organization, email_address: str, password: str) -> Member:
        for member in self._members_of(email_address):
            if member.organization is organization:
                if not member.password or not hmac.compare_digest(member.password, password):
                    raise Refusal(401, "unauthorized_credentials")
                return member
        raise Refusal(404, "member_not_found")

    def send_code(self, organization: Organization, email_address: str) -> Member:
        """Email a code to a member, or to someone who joins by their domain."""
        member = next((one for one in self._members_of(email_address) if one.organization is organization), None)
        if member is None and organization.jit_domain == email_address.rpartition("@")[2]:
            member = self.add_member(organization, email_address)
        if member is None:
            raise Refusal(400, "invalid_email_for_jit_provisioning")
        self.codes[member.id] = f"{secrets.randbelow(10**6):06}"
        return member

    def authenticate_code(self, organization: Organization, email_address: str, code: str) -> Member:
        for member in self.members:
            if member.organization is organization and self.new_addresses.get(member.id) == (email_address, code):
                member.email_address, _ = self.new_addresses.pop(member.id)
                return member
        for member in self._members_of(email_address):
            if member.organization is organization and self.codes.get(member.id) == code:
                del self.codes[member.id]
                return member
        raise Refusal(404, "otp_code_not_found")

    def set_password(self, member: Member, password: str, *, keep: Session) -> None:
        """Change a password, which ends all other sessions of the member."""
        if len(password) < 12:
            raise Refusal(400, "weak_password")
        with self.lock:
            member.password = password
            others = {token for token, one in self.sessions.items() if one.member is member and one is not keep}
            self.sessions = {token: one for token, one in self.sessions.items() if token not in others}

    def require_recent_factor(self, session: Session) -> None:
        proved = [at for at in (session.password_at, session.code_at) if at]
        if not proved or max(proved) < now() - timedelta(minutes=5):
            raise Refusal(403, "session_too_old_to_reset_password")

    def start_email_update(self, member: Member, email_address: str) -> None:
        """Email a code to a new address, unless someone else has it."""
        if any(
            one is not member and one.organization is member.organization for one in self._members_of(email_address)
        ):
            raise Refusal(400, "duplicate_email")
        self.new_addresses[member.id] = (email_address, f"{secrets.randbelow(10**6):06}")

    def update_organization(self, session_token: str | None, row: Organization, given: Mapping[str, Any]) -> None:
        if session_token is not None and not given.keys() <= FIELD_ACTIONS.keys():
            raise Refusal(403, "session_authorization_error")
        for name in given:
            self.authorize(session_token, row, f"stytch.organization:{FIELD_ACTIONS.get(name, '')}")
        slug = given.get("organization_slug", row.slug)
        if not re.fullmatch(r"[A-Za-z0-9._~-]{2,128}", slug):
            raise Refusal(400, "invalid_organization_slug")
        if any(one is not row and one.slug == slug for one in self.organizations):
            raise Refusal(400, "organization_slug_already_used")
        row.slug, row.name = slug, given.get("organization_name", row.name)
        row.mfa_policy = given.get("mfa_policy", row.mfa_policy)
        named = {"organization_slug", "organization_name", "mfa_policy"}
        row.changed |= {name: value for name, value in given.items() if name not in named}

    def delete_organization(self, row: Organization) -> None:
        with self.lock:
            for member in [one for one in self.members if one.organization is row]:
                self.delete_member(member)
            self.organizations.remove(row)

    def authorize_self(self, session_token: str | None, member: Member, action: str) -> None:
        """Check a member's right to do something to a member, or to their own account."""
        if session_token is not None:
            is_own = self.session(session_token).member is member
            resource = "stytch.self" if is_own and action in self.policy.resources["stytch.self"].actions else ""
            self.authorize(session_token, member.organization, f"{resource or 'stytch.member'}:{action}")

    def renew_code_factor(self, token: str, member: Member) -> Session:
        session = self.session(token)
        if session.member is not member:
            raise Refusal(400, "session_does_not_belong_to_member")
        session.code_at = now()
        return session

    def wait_for_second_factor(self, member: Member) -> IntermediateSession:
        session = IntermediateSession(member.email_address, [member], [])
        self.intermediate_sessions[session.token] = session
        return session

    def discover(self, email_address: str, password: str) -> IntermediateSession:
        members = [one for one in self._members_of(email_address) if one.password and one.password == password]
        if not members:
            raise Refusal(401, "unauthorized_credentials")
        domain = email_address.rpartition("@")[2]
        joined = [member.organization for member in members]
        joinable = [one for one in self.organizations if one.jit_domain == domain and one not in joined]
        session = IntermediateSession(email_address, members, joinable)
        self.intermediate_sessions[session.token] = session
        return session

    def send_discovery(self, email_address: str, redirect_url: str = "") -> None:
        """Email a link or code to any address."""
        if redirect_url:
            self.discovery_links[secrets.token_urlsafe(33)] = (email_address, redirect_url)
        else:
            self.discovery_codes[email_address] = f"{secrets.randbelow(10**6):06}"

    def discover_by_code(self, email_address: str, code: str) -> IntermediateSession:
        if self.discovery_codes.get(email_address) != code:
            raise Refusal(404, "otp_code_not_found")
        del self.discovery_codes[email_address]
        return self._proved(email_address)

    def discover_by_link(self, token: str) -> IntermediateSession:
        if token not in self.discovery_links:
            raise Refusal(401, "unable_to_auth_magic_link")
        return self._proved(self.discovery_links.pop(token)[0])

    def create_discovered(self, token: str, name: str) -> Member:
        session = self.intermediate_session(token)
        organization = self.add_organization(name.lower().replace(" ", "-"), name)
        del self.intermediate_sessions[token]
        return self.add_member(organization, session.email_address, roles=[ADMIN_ROLE])

    def _proved(self, email_address: str) -> IntermediateSession:
        members = list(self._members_of(email_address))
        domain, known = email_address.rpartition("@")[2], [member.organization for member in members]
        joinable = [one for one in self.organizations if one.jit_domain == domain and one not in known]
        session = IntermediateSession(email_address, members, joinable)
        self.intermediate_sessions[session.token] = session
        return session

    def intermediate_session(self, token: str) -> IntermediateSession:
        session = self.intermediate_sessions.get(token)
        if session is None or session.expires_at <= now():
            raise Refusal(404, "intermediate_session_not_found")
        return session

    def exchange(self, token: str, organization: Organization) -> Member:
        """Use the intermediate session up; who may join the organization by email domain becomes a member of it."""
        session = self.intermediate_session(token)
        for member in session.members:
            if member.organization is organization and member.status == "active":
                del self.intermediate_sessions[token]
                return member
        if organization in session.joinable:
            return self.add_member(organization, session.email_address)
        raise Refusal(400, "invalid_intermediate_session_token_for_organization")

    def session(self, token: str) -> Session:
        session = self.sessions.get(token)
        if session is None or session.expires_at <= now():
            raise Refusal(404, "session_not_found")
        return session

    def renew_password_factor(self, token: str, member: Member) -> Session:
        session = self.session(token)
        if session.member is not member:
            raise Refusal(400, "session_does_not_belong_to_member")
        session.password_at = now()
        return session

    def revoke(self, token: str) -> None:
        self.session(token)
        with self.lock:
            del self.sessions[token]

    def invite(self, organization: Organization, email_address: str, name: str, roles: list[str]) -> Member:
        with self.lock:
            if "@" not in email_address:
                raise Refusal(400, "invalid_email")
            if organization.email_invites == "NOT_ALLOWED":
                raise Refusal(403, "invalid_email_for_invites")
            of_organization = [one for one in self.members if one.organization is organization]
            same = [one for one in of_organization if one.email_address == email_address and one.status != "deleted"]
            if same and same[0].status == "active":
                raise Refusal(409, "duplicate_member_email")
            if same:
                return same[0]
            member = self.add_member(organization, email_address, name=name, roles=roles)
            member.status = "invited"
            return member

    def authorize(self, session_token: str | None, organization: Organization, permission: str) -> None:
        """Check a member's rights, if a member's session came along; a backend's own call is not checked."""
        if session_token is None:
            return
        session = self.session(session_token)
        if session.member.organization is not organization:
            raise Refusal(403, "session_authorization_tenancy_error")
        if not self.policy_of(organization).allows(session.member.roles, permission):
            raise Refusal(403, "session_authorization_error")

    def policy_of(self, organization: Organization) -> Policy:
        """Return the policy with the organization's own roles."""
        return self.policy.with_roles(read_roles({"roles": organization.custom_roles}))

    def connection(self, organization: Organization, connection_id: str = "") -> Connection | None:
        for connection in self.connections:
            if connection.organization is organization and connection_id in {"", connection.id}:
                return connection
        if connection_id:
            raise Refusal(404, "scim_connection_not_found")
        return None

    def create_connection(self, organization: Organization, display_name: str, identity_provider: str) -> Connection:
        with self.lock:
            if self.connection(organization) is not None:
                raise Refusal(400, "active_scim_connection_exists")
            return self.add_connection(
                organization, display_name=display_name, identity_provider=known_idp(identity_provider)
            )

    def rotate(self, connection: Connection, how: str) -> None:
        with self.lock:
            if how == "start":
                connection.next_token = Token()
                return
            if connection.next_token is None:
                raise Refusal(400, "scim_connection_not_rotating_token")
            if how == "complete":
                connection.token = connection.next_token
            connection.next_token = None

    def assign_roles(self, connection: Connection, assignments: Iterable[Mapping[str, str]]) -> None:
        """Put these in the place of all assignments that there were."""
        with self.lock:
            groups = {one.id: one for one in self.groups if one.connection is connection}
            for one in assignments:
                if not one.get("group_id"):
                    raise Refusal(400, "scim_group_role_assignment_does_not_contain_group_id")
                if one["group_id"] not in groups:
                    raise Refusal(400, "scim_group_role_assignment_group_does_not_exist")
                if one["role_id"] not in self.policy_of(connection.organization).roles:
                    raise Refusal(400, "invalid_role_id")
            connection.role_assignments = [(groups[one["group_id"]], one["role_id"]) for one in assignments]

    def page_of_groups(self, connection: Connection, cursor: str, limit: int) -> tuple[list[Group], str | None]:
        after = self._read_cursor(cursor, connection.id) if cursor else 0
        with self.lock:
            rows = [one for one in self.groups if one.connection is connection and one.number > after]
        page = rows[:limit]
        more = len(rows) > limit
        return page, self._new_cursor(connection.id, page[-1].number) if more else None

    def page_of_members(
        self, organization: Organization, operands: Mapping[str, Any], cursor: str, limit: int
    ) -> tuple[list[Member], int, str | None]:
        """Return a page of the members that match the operands, how many there are, and the next cursor."""
        list_id = f"{organization.id} {json.dumps(operands, sort_keys=True)}"
        after = self._read_cursor(cursor, list_id) if cursor else 0
        statuses = operands.get("statuses", ["active", "invited", "pending"])
        with self.lock:
            found = [
                one
                for one in self.members
                if one.organization is organization
                and one.status in statuses
                and one.id in operands.get("member_ids", [one.id])
                and operands.get("member_email_fuzzy", "").casefold() in one.email_address.casefold()
                and set(operands.get("member_roles", one.roles)) & set(one.roles)
            ]
        page = found[after : after + limit]
        more = len(found) > after + limit
        return page, len(found), self._new_cursor(list_id, after + limit) if more else None

    def _members_of(self, email_address: str) -> Iterator[Member]:
        for member in self.members:
            if member.email_address.casefold() == email_address.casefold() and member.status == "active":
                yield member

    def _new_cursor(self, list_id: str, number: int) -> str:
        payload = json.dumps([list_id, number]).encode()
        return base64.urlsafe_b64encode(self._sign(payload) + payload).decode()

    def _read_cursor(self, cursor: str, list_id: str) -> int:
        try:
            raw = base64.urlsafe_b64decode(cursor)
        except ValueError:
            raise Refusal(400, "invalid_cursor") from None
        payload = raw[32:]
        if not hmac.compare_digest(raw[:32], self._sign(payload)):
            raise Refusal(400, "invalid_cursor")
        known_id, number = json.loads(payload)
        if known_id != list_id:
            raise Refusal(400, "invalid_cursor")
        return int(number)

    def _sign(self, payload: bytes) -> bytes:
        return hmac.new(self._cursor_key, payload, hashlib.sha256).digest()


@dataclass(frozen=True)
class Demo:
    """The demo's people, in Stytch."""

    password: str
    acme: Organization
    globex: Organization
    connection: Connection


def seed_demo(project: Project, password: str, group_names: Iterable[str]) -> Demo:
    """Fill the project with what `manage.py demo` makes: Acme, Globex, Ada, Max, Gil, and Acme's groups."""
    acme, globex = project.add_organization("acme"), project.add_organization("globex")
    for organization, email_address, name, roles in (
        (acme, "ada@acme.example", "Ada Admin", [ADMIN_ROLE]),
        (acme, "max@acme.example", "Max Member", []),
        (globex, "gil@globex.example", "Gil Globex", [ADMIN_ROLE]),
        (globex, "ada@acme.example", "Ada Admin", []),
    ):
        project.add_member(organization, email_address, name=name, password=password, roles=roles)
    connection = project.add_connection(acme)
    project.add_groups(connection, group_names)
    return Demo(password, acme, globex, connection)
