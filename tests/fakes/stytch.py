"""A fake Stytch that speaks HTTP: enough of the B2B API for the portal, and every way in which a network can fail.

    python -m tests.fakes.stytch --port 9999 --seed demo

runs it on its own and prints the environment for a portal in front of it.
"""

import argparse
import base64
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from portal.embedded.management.synthetic_company import groups as synthetic_groups
from tests.fakes import stytch_mfa as mfa
from tests.fakes import stytch_objects as objects
from tests.fakes.stytch_project import INTERMEDIATE_LIFETIME, Demo, Project, Refusal, known_idp, new_id, seed_demo

DEMO_PASSWORD = "correct horse battery staple"
DEMO_GROUPS = 240


@dataclass(frozen=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    client_port: int

    def text(self, name: str) -> str:
        value = self.body.get(name)
        if not isinstance(value, str) or not value:
            raise Refusal(400, "bad_request")
        return value


@dataclass
class Fault:
    """What goes wrong at the next `times` requests whose path has `path` in it."""

    path: str = ""
    times: int = 1
    status: int = 200
    error_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    delay: float = 0
    drop: bool = False


class FakeStytch:
    """A running fake: `project` is its data, `requests` are those it received, `fail()` makes one fail."""

    def __init__(self, port: int = 0) -> None:
        self.project = Project()
        self.requests: list[Seen] = []
        self._faults: list[Fault] = []
        self._server = _Server(port, self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def settings(self) -> dict[str, str]:
        """The portal's settings that lead here."""
        return {
            "DIRECTORY": "stytch",
            "STYTCH_PROJECT_ID": self.project.id,
            "STYTCH_SECRET": self.project.secret,
            "STYTCH_BASE_URL": self.url,
        }

    def fail(self, **fault: Any) -> None:
        """Plan a fault: a status with an error type, a body that is none, a delay, a dropped connection."""
        self._faults.append(Fault(**fault))

    def recover(self) -> None:
        self._faults.clear()

    def take_fault(self, path: str) -> Fault | None:
        for fault in self._faults:
            if fault.path in path and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def requests_to(self, path: str) -> list[Seen]:
        """Return the requests whose path ends so."""
        return [seen for seen in self.requests if seen.path.endswith(path)]

    def serve(self) -> None:
        self._server.serve_forever(poll_interval=0.02)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def fake_stytch() -> Iterator[FakeStytch]:
    """Run a fake with an empty project on a free port, until the end of the block."""
    server = FakeStytch()
    threading.Thread(target=server.serve, daemon=True).start()
    try:
        yield server
    finally:
        server.close()


def fill_with_demo(server: FakeStytch, group_count: int = DEMO_GROUPS) -> Demo:
    """Put the demo's organizations, people and groups into the fake."""
    return seed_demo(server.project, DEMO_PASSWORD, (one.display_name for one in synthetic_groups(group_count)))


# Endpoints: each returns the fields besides status_code and request_id.
Endpoint = Callable[..., dict[str, Any]]


def _get_organization(fake: FakeStytch, _seen: Seen, organization: str) -> dict[str, Any]:
    return {"organization": objects.organization_object(fake.project.organization(organization))}


def _update_organization(fake: FakeStytch, seen: Seen, organization: str) -> dict[str, Any]:
    row = fake.project.organization(organization)
    fake.project.update_organization(seen.headers.get("x-stytch-member-session"), row, seen.body)
    return {"organization": objects.organization_object(row)}


def _delete_organization(fake: FakeStytch, seen: Seen, organization: str) -> dict[str, Any]:
    row = fake.project.organization(organization)
    fake.project.authorize(seen.headers.get("x-stytch-member-session"), row, "stytch.organization:delete")
    fake.project.delete_organization(row)
    return {"organization_id": row.id}


def _get_member(fake: FakeStytch, seen: Seen, organization: str) -> dict[str, Any]:
    row = fake.project.organization(organization)
    member = fake.project.member(row, seen.query.get("member_id", ""))
    return {
        "member_id": member.id,
        "member": objects.member_object(member),
        "organization": objects.organization_object(row),
    }


def _search_members(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    (organization_id,) = seen.body["organization_ids"]
    row = fake.project.organization(organization_id)
    fake.project.authorize(seen.headers.get("x-stytch-member-session"), row, "stytch.member:search")
    operands = {one["filter_name"]: one["filter_value"] for one in seen.body["query"]["operands"]}
    limit = int(seen.body.get("limit", 100))
    if not 1 <= limit <= 1000:
        raise Refusal(400, "bad_request")
    page, total, next_cursor = fake.project.page_of_members(row, operands, seen.body.get("cursor", ""), limit)
    return {
        "members": [objects.member_object(one) for one in page],
        "organizations": {row.id: objects.organization_object(row)},
        "results_metadata": {"total": total, "next_cursor": next_cursor},
    }


def _sign_in(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    organization = fake.project.organization(seen.text("organization_id"))
    member = fake.project.authenticate_password(organization, seen.text("email_address"), seen.text("password"))
    if "session_token" in seen.body:
        return objects.sign_in_object(member, fake.project.renew_password_factor(seen.text("session_token"), member))
    return _let_in(fake, seen, member)


def _let_in(fake: FakeStytch, seen: Seen, member: Any, password_at: datetime | None = None) -> dict[str, Any]:
    if _needs_second_factor(member):
        return _wait(fake, member)
    minutes = int(seen.body.get("session_duration_minutes", 60))
    return objects.sign_in_object(member, fake.project.start_session(member, minutes, password_at))


def _wait(fake: FakeStytch, member: Any) -> dict[str, Any]:
    """Wait for the second factor. A code by text message is sent at once if that is the default."""
    initiated = mfa.initiate_sms(member)
    return objects.sign_in_object(member, None, fake.project.wait_for_second_factor(member).token, initiated)


def _needs_second_factor(member: Any) -> bool:
    return bool(member.needs_second_factor) or member.organization.mfa_policy == "REQUIRED_FOR_ALL"


def _delete_app(fake: FakeStytch, seen: Seen, organization: str, member_id: str) -> dict[str, Any]:
    return mfa.delete(fake.project, seen.headers.get("x-stytch-member-session"), organization, member_id)


def _delete_phone_number(fake: FakeStytch, seen: Seen, organization: str, member_id: str) -> dict[str, Any]:
    return mfa.delete_phone_number(fake.project, seen.headers.get("x-stytch-member-session"), organization, member_id)


def _send_code(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    organization = fake.project.organization(seen.text("organization_id"))
    member = fake.project.send_code(organization, seen.text("email_address"))
    return {
        "member_id": member.id,
        "member_created": False,
        "member": objects.member_object(member),
        "organization": objects.organization_object(organization),
    }


def _authenticate_code(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    organization = fake.project.organization(seen.text("organization_id"))
    member = fake.project.authenticate_code(organization, seen.text("email_address"), seen.text("code"))
    if "session_token" in seen.body:
        return objects.sign_in_object(member, fake.project.renew_code_factor(seen.text("session_token"), member))
    if _needs_second_factor(member):
        return _wait(fake, member)
    session = fake.project.start_session(member, int(seen.body.get("session_duration_minutes", 60)))
    session.password_at, session.code_at = None, session.started_at
    return objects.sign_in_object(member, session)


def _discover(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    return _discovered(fake, fake.project.discover(seen.text("email_address"), seen.text("password")).token)


def _send_discovery_code(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    fake.project.send_discovery(seen.text("email_address"))
    return {}


def _send_discovery_link(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    fake.project.send_discovery(seen.text("email_address"), seen.text("discovery_redirect_url"))
    return {}


def _discover_by_code(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    token = fake.project.discover_by_code(seen.text("email_address"), seen.text("code")).token
    return _discovered(fake, token)


def _discover_by_link(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    return _discovered(fake, fake.project.discover_by_link(seen.text("discovery_magic_links_token")).token)


def _create_discovered(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    name = seen.text("organization_name")
    member = fake.project.create_discovered(seen.text("intermediate_session_token"), name)
    return _let_in(fake, seen, member)


def _list_discovered(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    answer = _discovered(fake, seen.text("intermediate_session_token"))
    del answer["intermediate_session_token"]
    return answer


def _discovered(fake: FakeStytch, token: str) -> dict[str, Any]:
    session = fake.project.intermediate_session(token)
    mine = [objects.discovered_object(one.organization, one) for one in session.members if one.status == "active"]
    return {
        "email_address": session.email_address,
        "intermediate_session_token": session.token,
        "discovered_organizations": mine + [objects.discovered_object(one, None) for one in session.joinable],
    }


def _exchange(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    organization = fake.project.organization(seen.text("organization_id"))
    token = seen.text("intermediate_session_token")
    password_at = fake.project.intermediate_session(token).expires_at - INTERMEDIATE_LIFETIME
    return _let_in(fake, seen, fake.project.exchange(token, organization), password_at)


def _authenticate_session(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    session = fake.project.session(seen.text("session_token"))
    return objects.sign_in_object(session.member, session)


def _revoke_session(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    if "session_token" not in seen.body and (caller := seen.headers.get("x-stytch-member-session")):
        organization = fake.project.session(caller).member.organization
        fake.project.authorize(caller, organization, "stytch.member:revoke-sessions")
    if "member_session_id" in seen.body:
        found = [one.token for one in fake.project.sessions.values() if one.id == seen.text("member_session_id")]
        if not found:
            raise Refusal(404, "session_not_found")
        fake.project.revoke(found[0])
        return {}
    if "member_id" in seen.body:
        for token in [token for token, one in fake.project.sessions.items() if one.member.id == seen.text("member_id")]:
            fake.project.revoke(token)
        return {}
    fake.project.revoke(seen.text("session_token"))
    return {}


def _list_sessions(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    member = fake.project.member(fake.project.organization(seen.query["organization_id"]), seen.query["member_id"])
    mine = [one for one in fake.project.sessions.values() if one.member is member]
    return {"member_sessions": [objects.session_object(one) for one in mine]}


def _change_password(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    organization = fake.project.organization(seen.text("organization_id"))
    member = fake.project.authenticate_password(
        organization, seen.text("email_address"), seen.text("existing_password")
    )
    session = fake.project.renew_password_factor(seen.text("session_token"), member)
    fake.project.set_password(member, seen.text("new_password"), keep=session)
    return objects.sign_in_object(member, session)


def _set_password(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    session = fake.project.session(seen.text("session_token"))
    fake.project.require_recent_factor(session)
    fake.project.set_password(session.member, seen.text("password"), keep=session)
    return objects.sign_in_object(session.member, session)


def _start_email_update(fake: FakeStytch, seen: Seen, organization: str, member_id: str) -> dict[str, Any]:
    row = fake.project.organization(organization)
    member = fake.project.member(row, member_id)
    fake.project.authorize_self(seen.headers.get("x-stytch-member-session"), member, "update.info.email")
    fake.project.start_email_update(member, seen.text("email_address"))
    return {
        "member_id": member.id,
        "member": objects.member_object(member),
        "organization": objects.organization_object(row),
    }


_UPDATES = {
    "name": ("update.info.name", "name"),
    "mfa_enrolled": ("update.settings.mfa-enrolled", "needs_second_factor"),
    "is_breakglass": ("update.settings.is-breakglass", "is_breakglass"),
    "untrusted_metadata": ("update.info.untrusted-metadata", "untrusted_metadata"),
    "default_mfa_method": ("update.settings.default-mfa-method", "default_mfa_method"),
    "roles": ("update.settings.roles", "direct_roles"),
}


def _update_member(fake: FakeStytch, seen: Seen, organization: str, member_id: str) -> dict[str, Any]:
    member = fake.project.member(fake.project.organization(organization), member_id)
    for name, value in seen.body.items():
        action, attribute = _UPDATES[name]
        fake.project.authorize_self(seen.headers.get("x-stytch-member-session"), member, action)
        if name == "roles" and not {*value} <= {*fake.project.policy_of(member.organization).roles}:
            raise Refusal(400, "invalid_role")
        after = tuple(value) if name == "roles" else value
        if name == "untrusted_metadata":
            merged = {**member.untrusted_metadata, **value}
            after = {key: one for key, one in merged.items() if one is not None}
        setattr(member, attribute, after)
    return {"member_id": member.id, "member": objects.member_object(member)}


def _delete_member(fake: FakeStytch, seen: Seen, organization: str, member_id: str) -> dict[str, Any]:
    member = fake.project.member(fake.project.organization(organization), member_id)
    session_token = seen.headers.get("x-stytch-member-session")
    if member.status == "active":
        fake.project.authorize_self(session_token, member, "delete")
    else:
        fake.project.authorize(session_token, member.organization, "stytch.member:delete")
    fake.project.delete_member(member)
    return {"member_id": member.id}


def _invite(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    organization = fake.project.organization(seen.text("organization_id"))
    fake.project.authorize(seen.headers.get("x-stytch-member-session"), organization, "stytch.member:create")
    member = fake.project.invite(
        organization, seen.text("email_address"), seen.body.get("name", ""), seen.body.get("roles", [])
    )
    return {
        "member_id": member.id,
        "member": objects.member_object(member),
        "organization": objects.organization_object(organization),
    }


def _reactivate_member(fake: FakeStytch, seen: Seen, organization: str, member_id: str) -> dict[str, Any]:
    row = fake.project.organization(organization)
    fake.project.authorize(seen.headers.get("x-stytch-member-session"), row, "stytch.member:create")
    member = fake.project.member(row, member_id)
    if member.status != "deleted":
        raise Refusal(404, "no_deleted_member_found_for_reactivation")
    member.status, member.direct_roles = "active", ()
    return {"member_id": member.id, "member": objects.member_object(member)}


def _unlink_retired_email(fake: FakeStytch, seen: Seen, organization: str, member_id: str) -> dict[str, Any]:
    member = fake.project.member(fake.project.organization(organization), member_id)
    fake.project.authorize_self(seen.headers.get("x-stytch-member-session"), member, "update.info.unlink.retired-email")
    kept = [one for one in member.retired if one["email_id"] != seen.text("email_id")]
    if len(kept) == len(member.retired):
        raise Refusal(404, "email_not_found")
    member.retired = kept
    return {"member_id": member.id, "member": objects.member_object(member)}


def _get_policy(fake: FakeStytch, _seen: Seen) -> dict[str, Any]:
    return {"policy": objects.policy_object(fake.project.policy)}


def _get_organization_policy(fake: FakeStytch, _seen: Seen, organization: str) -> dict[str, Any]:
    return {"org_policy": {"roles": fake.project.organization(organization).custom_roles}}


def _set_organization_policy(fake: FakeStytch, seen: Seen, organization: str) -> dict[str, Any]:
    fake.project.organization(organization).custom_roles = seen.body["org_policy"]["roles"]
    return _get_organization_policy(fake, seen, organization)


def _get_connection(fake: FakeStytch, seen: Seen, organization: str) -> dict[str, Any]:
    row = fake.project.organization(organization)
    fake.project.authorize(seen.headers.get("x-stytch-member-session"), row, "stytch.scim:get")
    connection = fake.project.connection(row)
    return {"connection": objects.connection_object(connection, fake.url) if connection else None}


def _get_groups(fake: FakeStytch, seen: Seen, organization: str, connection_id: str) -> dict[str, Any]:
    row = fake.project.organization(organization)
    fake.project.authorize(seen.headers.get("x-stytch-member-session"), row, "stytch.scim:get")
    connection = fake.project.connection(row, connection_id)
    assert connection is not None
    limit = int(seen.query.get("limit", 100))
    if not 1 <= limit <= 1000:
        raise Refusal(400, "bad_request")
    page, next_cursor = fake.project.page_of_groups(connection, seen.query.get("cursor", ""), limit)
    answer: dict[str, Any] = {"scim_groups": [objects.group_object(group) for group in page]}
    return answer | ({"next_cursor": next_cursor} if next_cursor else {})


def _update_connection(fake: FakeStytch, seen: Seen, organization: str, connection_id: str) -> dict[str, Any]:
    row = fake.project.organization(organization)
    session_token = seen.headers.get("x-stytch-member-session")
    fake.project.authorize(session_token, row, "stytch.scim:update")
    connection = fake.project.connection(row, connection_id)
    assert connection is not None
    if "scim_group_implicit_role_assignments" in seen.body:
        fake.project.authorize(session_token, row, "stytch.organization:update.settings.implicit-roles")
        fake.project.assign_roles(connection, seen.body["scim_group_implicit_role_assignments"])
    connection.identity_provider = known_idp(seen.body.get("identity_provider", connection.identity_provider))
    connection.display_name = seen.body.get("display_name", connection.display_name)
    return {"connection": objects.connection_object(connection, fake.url)}


def _delete_connection(fake: FakeStytch, seen: Seen, organization: str, connection_id: str) -> dict[str, Any]:
    row = fake.project.organization(organization)
    fake.project.authorize(seen.headers.get("x-stytch-member-session"), row, "stytch.scim:delete")
    connection = fake.project.connection(row, connection_id)
    assert connection is not None
    fake.project.delete_connection(connection)
    return {"connection_id": connection.id}


def _create_connection(fake: FakeStytch, seen: Seen, organization: str) -> dict[str, Any]:
    row = fake.project.organization(organization)
    fake.project.authorize(seen.headers.get("x-stytch-member-session"), row, "stytch.scim:create")
    name, identity_provider = seen.body.get("display_name", ""), seen.body.get("identity_provider", "generic")
    connection = fake.project.create_connection(row, name, identity_provider)
    return {"connection": objects.connection_with_token_object(connection, fake.url)}


def _rotate(fake: FakeStytch, seen: Seen, organization: str, connection_id: str, how: str) -> dict[str, Any]:
    row = fake.project.organization(organization)
    fake.project.authorize(seen.headers.get("x-stytch-member-session"), row, "stytch.scim:update")
    connection = fake.project.connection(row, connection_id)
    assert connection is not None
    fake.project.rotate(connection, how)
    as_object = objects.connection_with_next_token_object if how == "start" else objects.connection_object
    return {"connection": as_object(connection, fake.url)}


_ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", r"organizations/([^/]+)", _get_organization),
    ("PUT", r"organizations/([^/]+)", _update_organization),
    ("DELETE", r"organizations/([^/]+)", _delete_organization),
    ("GET", r"organizations/([^/]+)/member", _get_member),
    ("POST", r"organizations/members/search", _search_members),
    ("POST", r"passwords/authenticate", _sign_in),
    ("POST", r"otps/email/login_or_signup", _send_code),
    ("POST", r"otps/email/authenticate", _authenticate_code),
    ("DELETE", r"organizations/([^/]+)/members/([^/]+)/totp", _delete_app),
    ("DELETE", r"organizations/([^/]+)/members/mfa_phone_numbers/([^/]+)", _delete_phone_number),
    ("POST", r"otps/sms/send", lambda fake, seen: mfa.send_sms(fake.project, seen.body)),
    ("POST", r"otps/sms/authenticate", lambda fake, seen: mfa.authenticate_sms(fake.project, seen.body)),
    ("POST", r"totp", lambda fake, seen: mfa.create(fake.project, seen.body)),
    ("POST", r"totp/authenticate", lambda fake, seen: mfa.authenticate(fake.project, seen.body)),
    ("POST", r"recovery_codes/recover", lambda fake, seen: mfa.recover(fake.project, seen.body)),
    ("POST", r"recovery_codes/rotate", lambda fake, seen: mfa.rotate(fake.project, seen.body)),
    ("POST", r"passwords/discovery/authenticate", _discover),
    ("POST", r"otps/email/discovery/send", _send_discovery_code),
    ("POST", r"otps/email/discovery/authenticate", _discover_by_code),
    ("POST", r"magic_links/email/invite", _invite),
    ("POST", r"magic_links/email/discovery/send", _send_discovery_link),
    ("POST", r"magic_links/discovery/authenticate", _discover_by_link),
    ("POST", r"discovery/organizations/create", _create_discovered),
    ("POST", r"discovery/organizations", _list_discovered),
    ("POST", r"discovery/intermediate_sessions/exchange", _exchange),
    ("POST", r"sessions/authenticate", _authenticate_session),
    ("POST", r"sessions/revoke", _revoke_session),
    ("GET", r"sessions", _list_sessions),
    ("POST", r"passwords/existing_password/reset", _change_password),
    ("POST", r"passwords/session/reset", _set_password),
    ("POST", r"organizations/([^/]+)/members/([^/]+)/start_email_update", _start_email_update),
    ("POST", r"organizations/([^/]+)/members/([^/]+)/unlink_retired_email", _unlink_retired_email),
    ("PUT", r"organizations/([^/]+)/members/([^/]+)/reactivate", _reactivate_member),
    ("PUT", r"organizations/([^/]+)/members/([^/]+)", _update_member),
    ("DELETE", r"organizations/([^/]+)/members/([^/]+)", _delete_member),
    ("GET", r"rbac/policy", _get_policy),
    ("GET", r"rbac/organizations/([^/]+)", _get_organization_policy),
    ("PUT", r"rbac/organizations/([^/]+)", _set_organization_policy),
    ("GET", r"scim/([^/]+)/connection", _get_connection),
    ("POST", r"scim/([^/]+)/connection", _create_connection),
    ("POST", r"scim/([^/]+)/connection/([^/]+)/rotate/(start|complete|cancel)", _rotate),
    ("GET", r"scim/([^/]+)/connection/([^/]+)", _get_groups),
    ("PUT", r"scim/([^/]+)/connection/([^/]+)", _update_connection),
    ("DELETE", r"scim/([^/]+)/connection/([^/]+)", _delete_connection),
)


def _answer(fake: FakeStytch, seen: Seen) -> dict[str, Any]:
    expected = base64.b64encode(f"{fake.project.id}:{fake.project.secret}".encode()).decode()
    if seen.headers.get("authorization") != f"Basic {expected}":
        raise Refusal(401, "unauthorized_credentials")
    for method, pattern, endpoint in _ENDPOINTS:
        match = re.fullmatch(f"/v1/b2b/{pattern}", seen.path)
        if match and method == seen.method:
            return endpoint(fake, seen, *map(unquote, match.groups()))
    raise Refusal(404, "route_not_found")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, fake: FakeStytch) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.fake = fake


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_PUT(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        seen = self._read()
        self.server.fake.requests.append(seen)
        fault = self.server.fake.take_fault(seen.path)
        if fault and self._go_wrong(fault):
            return
        try:
            fields = {"status_code": 200, "request_id": new_id("request-id"), **_answer(self.server.fake, seen)}
        except Refusal as refusal:
            self._write(refusal.status, _error(refusal.status, refusal.error_type), {})
        else:
            self._write(200, json.dumps(fields), {})

    def _go_wrong(self, fault: Fault) -> bool:
        """Do what the fault says; return whether that was the response."""
        time.sleep(fault.delay)
        if fault.drop:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return True
        if fault.status == 200 and fault.body is None:
            return False
        body = _error(fault.status, fault.error_type) if fault.body is None else fault.body
        self._write(fault.status, body, fault.headers)
        return True

    def _read(self) -> Seen:
        parts = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        return Seen(
            method=self.command,
            path=parts.path,
            query={name: values[0] for name, values in parse_qs(parts.query).items()},
            headers={name.lower(): value for name, value in self.headers.items()},
            body=json.loads(raw) if raw else {},
            client_port=self.client_address[1],
        )

    def _write(self, status: int, body: str, headers: Mapping[str, str]) -> None:
        data = body.encode()
        self.send_response(status)
        # Stytch's edge sets cookies of its own; the portal must not keep them.
        for name, value in {"Content-Type": "application/json", "Set-Cookie": "edge=1; Path=/", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        with suppress(ConnectionError):  # who asked may have given up waiting
            self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class's signature
        pass


def _error(status: int, error_type: str) -> str:
    error = {
        "status_code": status,
        "request_id": new_id("request-id"),
        "error_type": error_type or "internal_server_error",
        "error_message": f"A message for developers about {error_type}.",
        "error_url": f"https://stytch.com/docs/b2b/api/errors/{status}#{error_type}",
    }
    return json.dumps(error)


def main() -> None:
    """Run the fake until it is interrupted."""
    parser = argparse.ArgumentParser(description="A fake Stytch, for trying the portal with DIRECTORY=stytch.")
    parser.add_argument("--port", type=int, default=9999)
    parser.add_argument("--seed", choices=["none", "demo"], default="none", help="what it holds at the start")
    options = parser.parse_args()
    server = FakeStytch(options.port)
    if options.seed == "demo":
        fill_with_demo(server)
        sys.stdout.write(f"ada@acme.example, max@acme.example, gil@globex.example; password: {DEMO_PASSWORD}\n\n")
    sys.stdout.write("".join(f"{name}={value}\n" for name, value in server.settings.items()))
    sys.stdout.flush()
    try:
        server.serve()
    except KeyboardInterrupt:
        server.close()


if __name__ == "__main__":
    main()
