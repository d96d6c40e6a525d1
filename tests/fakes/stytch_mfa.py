"""Second factors of a fake Stytch: authenticator apps and recovery codes, with Stytch's rules over them."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pyotp

from tests.fakes import stytch_objects as objects
from tests.fakes.stytch_project import Member, Project, Refusal, Session, new_id, now


@dataclass
class App:
    secret: str = field(default_factory=pyotp.random_base32)
    id: str = field(default_factory=lambda: new_id("totp-registration"))
    used: set[str] = field(default_factory=set)


def recovery_codes() -> list[str]:
    return [f"{secrets.token_hex(2)}-{secrets.token_hex(2)}-{secrets.token_hex(2)}" for _ in range(10)]


def create(project: Project, body: Mapping[str, Any]) -> dict[str, Any]:
    member = _member(project, body)
    _proved(project, member, body)
    if member.totp:
        raise Refusal(400, "active_totp_exists")
    app = App()
    member.pending_totp, member.recovery_codes = app, recovery_codes()
    return {
        **_about(member),
        "totp_registration_id": app.id,
        "secret": app.secret,
        "qr_code": "data:image/png;base64,",
        "recovery_codes": member.recovery_codes,
    }


def authenticate(project: Project, body: Mapping[str, Any]) -> dict[str, Any]:
    member = _member(project, body)
    session = _proved(project, member, body)
    app = member.totp or member.pending_totp
    if app is None:
        raise Refusal(404, "totp_not_found")
    code = str(body["code"])
    if code in app.used:
        raise Refusal(401, "totp_code_already_authenticated")
    if not pyotp.TOTP(app.secret).verify(code, valid_window=1, for_time=now()):
        raise Refusal(401, "unable_to_authenticate_totp")
    app.used.add(code)
    member.totp, member.pending_totp = app, None
    member.default_mfa_method = member.default_mfa_method or "totp"
    if body.get("set_mfa_enrollment"):
        member.needs_second_factor = body["set_mfa_enrollment"] == "enroll"
    session = session or _start(project, member, body)
    session.totp_at = now()
    return {**_about(member), **_session(session)}


def recover(project: Project, body: Mapping[str, Any]) -> dict[str, Any]:
    member = _member(project, body)
    session = _proved(project, member, body)
    if not member.totp:
        raise Refusal(404, "recovery_codes_not_found")
    if body["recovery_code"] not in member.recovery_codes:
        raise Refusal(401, "unable_to_authenticate_recovery_code")
    member.recovery_codes.remove(str(body["recovery_code"]))
    session = session or _start(project, member, body)
    session.recovered_at = now()
    return {**_about(member), **_session(session), "recovery_codes_remaining": len(member.recovery_codes)}


def rotate(project: Project, body: Mapping[str, Any]) -> dict[str, Any]:
    member = _member(project, body)
    if not member.totp:
        raise Refusal(404, "recovery_codes_not_found")
    member.recovery_codes = recovery_codes()
    return {**_about(member), "recovery_codes": member.recovery_codes}


def delete(project: Project, session_token: str | None, organization: str, member_id: str) -> dict[str, Any]:
    row = project.organization(organization)
    member = project.member(row, member_id)
    is_own = session_token is not None and project.session(session_token).member is member
    resource = "stytch.self" if is_own else "stytch.member"
    project.authorize(session_token, row, f"{resource}:update.info.delete.mfa-totp")
    if not member.totp:
        raise Refusal(404, "totp_not_found")
    member.totp, member.recovery_codes, member.default_mfa_method = None, [], ""
    return _about(member)


def _member(project: Project, body: Mapping[str, Any]) -> Member:
    return project.member(project.organization(str(body["organization_id"])), str(body["member_id"]))


def _proved(project: Project, member: Member, body: Mapping[str, Any]) -> Session | None:
    """Return the session that continues; None for an intermediate session, which is checked."""
    if "session_token" in body:
        session = project.session(str(body["session_token"]))
        if session.member is not member:
            raise Refusal(400, "member_session_member_id_mismatch")
        return session
    if project.intermediate_session(str(body.get("intermediate_session_token", ""))).members != [member]:
        raise Refusal(400, "invalid_intermediate_session_token_for_organization")
    return None


def _start(project: Project, member: Member, body: Mapping[str, Any]) -> Session:
    waiting = project.intermediate_sessions.pop(str(body["intermediate_session_token"]))
    session = project.start_session(member, int(body.get("session_duration_minutes", 60)))
    session.started_at = now()
    session.password_at = waiting.expires_at - timedelta(minutes=10)
    return session


def _about(member: Member) -> dict[str, Any]:
    return {
        "member_id": member.id,
        "member": objects.member_object(member),
        "organization": objects.organization_object(member.organization),
    }


def _session(session: Session) -> dict[str, Any]:
    return {"session_token": session.token, "session_jwt": "", "member_session": objects.session_object(session)}
