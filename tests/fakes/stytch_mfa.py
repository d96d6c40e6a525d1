"""Second factors of a fake Stytch: authenticator apps, recovery codes and codes by text message, with Stytch's rules over them."""

import re
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
    if not member.default_mfa_method or body.get("set_default_mfa"):
        member.default_mfa_method = "totp"
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
    member.totp, member.recovery_codes = None, []
    member.default_mfa_method = "sms_otp" if member.is_phone_verified else ""
    return _about(member)


def send_sms(project: Project, body: Mapping[str, Any]) -> dict[str, Any]:
    member = _member(project, body)
    if "session_token" in body or "intermediate_session_token" in body:
        _proved(project, member, body)
    number = str(body.get("mfa_phone_number", ""))
    if number and member.phone_number not in {"", number}:
        raise Refusal(400, "duplicate_member_phone_number_for_member")
    if not (number or member.phone_number):
        raise Refusal(400, "member_phone_number_not_found")
    if number and not re.fullmatch(r"\+[1-9][0-9]{6,14}", number):
        raise Refusal(400, "invalid_phone_number")
    if number and not number.startswith("+1"):
        raise Refusal(400, "invalid_phone_number_country_code")
    member.phone_number = member.phone_number or number
    _text(member)
    return _about(member)


def initiate_sms(member: Member) -> str | None:
    is_default = member.default_mfa_method == "sms_otp" or not member.totp
    if not (member.is_phone_verified and is_default):
        return None
    _text(member)
    return "sms_otp"


def authenticate_sms(project: Project, body: Mapping[str, Any]) -> dict[str, Any]:
    member = _member(project, body)
    session = _proved(project, member, body)
    code, expires_at = member.sms_code or ("", now())
    if str(body["code"]) != code or expires_at <= now():
        raise Refusal(404, "otp_code_not_found")
    member.sms_code, member.is_phone_verified = None, True
    if not member.default_mfa_method or body.get("set_default_mfa"):
        member.default_mfa_method = "sms_otp"
    if body.get("set_mfa_enrollment"):
        member.needs_second_factor = body["set_mfa_enrollment"] == "enroll"
    session = session or _start(project, member, body)
    session.sms_at = now()
    return {**_about(member), **_session(session)}


def delete_phone_number(
    project: Project, session_token: str | None, organization: str, member_id: str
) -> dict[str, Any]:
    row = project.organization(organization)
    member = project.member(row, member_id)
    is_own = session_token is not None and project.session(session_token).member is member
    resource = "stytch.self" if is_own else "stytch.member"
    project.authorize(session_token, row, f"{resource}:update.info.delete.mfa-phone")
    if not member.phone_number:
        raise Refusal(404, "member_phone_number_not_found")
    member.phone_number, member.is_phone_verified, member.sms_code = "", False, None
    member.default_mfa_method = "totp" if member.totp else ""
    return _about(member)


def _text(member: Member) -> None:
    member.sms_code = f"{secrets.randbelow(10**6):06}", now() + timedelta(minutes=2)


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
