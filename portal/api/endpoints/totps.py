"""Stytch's methods for authenticator apps: set one up, sign in with a code, bring apps along."""

import msgspec

from portal.api import wire
from portal.api.caller import Caller
from portal.api.declaration import BrowserRoute, endpoint
from portal.api.mfa import CodeRequest, add_code, require_own
from portal.api.wire.sessions import ProofRequest, SessionResponse, continuation
from portal.web.qr_codes import png_data_url


class CreateTotpRequest(ProofRequest, kw_only=True):
    """A member, what they proved, and for how many minutes the app can be set up."""

    member_id: str
    expiration_minutes: int | None = None


class CreateTotpResponse(msgspec.Struct):
    """What the app needs, and the recovery codes. Neither is shown again."""

    member_id: str
    totp_registration_id: str
    secret: str
    qr_code: str
    recovery_codes: list[str]
    member: wire.Member
    organization: wire.Organization


class MigrateTotpRequest(msgspec.Struct, kw_only=True):
    """A member, the secret of their app in base32, and their recovery codes."""

    member_id: str
    secret: str
    recovery_codes: list[str]


class MigrateTotpResponse(msgspec.Struct):
    """The member who has the app now."""

    member_id: str
    member: wire.Member
    organization: wire.Organization
    totp_registration_id: str
    recovery_codes: list[str]


@endpoint(
    "totps.create",
    "POST totp",
    browser=[BrowserRoute("POST", "b2b/totp", needs_session=False, takes_session=True)],
    rights=None,
)
def create(caller: Caller, request: CreateTotpRequest) -> CreateTotpResponse:
    """Start to set up an authenticator app. It counts once its first code was right."""
    require_own(caller, request.member_id)
    new = caller.directory.totps.create(
        request.member_id, before=continuation(caller, request), minutes=request.expiration_minutes
    )
    return CreateTotpResponse(
        member_id=new.member.member_id,
        totp_registration_id=new.totp_registration_id,
        secret=new.secret,
        qr_code=png_data_url(new.url),
        recovery_codes=list(new.recovery_codes),
        member=wire.member(new.member),
        organization=wire.organization(caller.directory.organization.get_with_connection()),
    )


@endpoint(
    "totps.authenticate",
    "POST totp/authenticate",
    browser=[BrowserRoute("POST", "b2b/totp/authenticate", needs_session=False, takes_session=True)],
    rights=None,
)
def authenticate(caller: Caller, request: CodeRequest) -> SessionResponse:
    """Add the code of an authenticator app to a session, or to a sign-in that waits for it. A code works once."""
    return add_code(caller, request, caller.directory.totps)


@endpoint("totps.migrate", "POST totp/migrate", rights=None)
def migrate(caller: Caller, request: MigrateTotpRequest) -> MigrateTotpResponse:
    """Give a member the authenticator app that they set up in another system."""
    new = caller.directory.totps.migrate(
        request.member_id, secret=request.secret, recovery_codes=request.recovery_codes
    )
    return MigrateTotpResponse(
        member_id=new.member.member_id,
        member=wire.member(new.member),
        organization=wire.organization(caller.directory.organization.get_with_connection()),
        totp_registration_id=new.totp_registration_id,
        recovery_codes=list(new.recovery_codes),
    )
