"""Discovery by a code or link to an email address. Stytch sends them and checks them."""

from contextlib import suppress
from typing import Any

from django.conf import settings
from django.urls import reverse

from portal.directory.discovery import DiscoveredOrganization, DiscoveredOrganizations, LinkPreview, MembershipType
from portal.directory.errors import Conflict, Forbidden, Invalid, InvalidLink, NotFound, Unauthenticated
from portal.directory.second_factors import MfaRequired
from portal.directory.sessions import Authentication
from portal.stytch.documents import Document
from portal.stytch.email_otps import CODE_MEANINGS
from portal.stytch.errors import Meaning, Meanings
from portal.stytch.http import StytchApi, path_of
from portal.stytch.values import member_value, mfa_required_value, organization_value, signed_in_value

_LINK_ENDED: Meaning = (InvalidLink, "The link was already used, was replaced by a newer one, or has expired.")
_LINK_MEANINGS: Meanings = dict.fromkeys(
    ("unable_to_auth_magic_link", "magic_link_not_found", "unauthorized_credentials", "bad_request"), _LINK_ENDED
)
_TYPES = frozenset(MembershipType)


class StytchEmailDiscovery:
    """Implements portal.directory.discovery.EmailDiscovery."""

    # Stytch has a mail server of its own.
    are_emailed = True

    def __init__(self, api: StytchApi) -> None:
        self._api = api

    @property
    def can_create(self) -> bool:
        """Whether PROJECT_FILE lets people create organizations."""
        return bool(settings.PROJECT.sdk.create_organizations)

    def request_code(self, email_address: str) -> None:
        """Have Stytch email a code (POST /v1/b2b/otps/email/discovery/send). Raise TooManyRequests, Unavailable."""
        self._send(path_of("otps", "email", "discovery", "send"), {"email_address": email_address})

    def request_link(self, email_address: str) -> None:
        """Have Stytch email a link to the portal (POST /v1/b2b/magic_links/email/discovery/send).

        The project must list the URL as a redirect URL for discovery. Raise TooManyRequests, Unavailable.
        """
        url = settings.PUBLIC_URL + reverse("session:discovery-link")
        body = {"email_address": email_address, "discovery_redirect_url": url}
        self._send(path_of("magic_links", "email", "discovery", "send"), body)

    def preview(self, token: str) -> LinkPreview:
        """Return nothing: Stytch tells only by using the link. Raise InvalidLink for none."""
        if not token:
            raise InvalidLink(_LINK_ENDED[1])
        return LinkPreview()

    def authenticate_link(self, token: str) -> DiscoveredOrganizations:
        """Return what the reader of a link can choose from (POST /v1/b2b/magic_links/discovery/authenticate)."""
        body = {"discovery_magic_links_token": token}
        path = path_of("magic_links", "discovery", "authenticate")
        answer = self._api.post(path, body, meanings=_LINK_MEANINGS)
        return _discovered(answer, answer.text("intermediate_session_token"))

    def authenticate_code(self, *, email_address: str, code: str) -> DiscoveredOrganizations:
        """Return what the reader of a code can choose from (POST /v1/b2b/otps/email/discovery/authenticate)."""
        body = {"email_address": email_address, "code": code}
        path = path_of("otps", "email", "discovery", "authenticate")
        answer = self._api.post(path, body, meanings=CODE_MEANINGS)
        return _discovered(answer, answer.text("intermediate_session_token"))

    def organizations(self, intermediate_session_token: str) -> DiscoveredOrganizations:
        """Return what a person can choose from again (POST /v1/b2b/discovery/organizations). Raise Unauthenticated."""
        body = {"intermediate_session_token": _present(intermediate_session_token)}
        answer = self._api.post(path_of("discovery", "organizations"), body, is_read=True)
        return _discovered(answer, intermediate_session_token)

    def exchange(self, intermediate_session_token: str, *, organization_id: str) -> Authentication:
        """Start a session (POST /v1/b2b/discovery/intermediate_sessions/exchange). Raise Unauthenticated, NotFound."""
        body = {"organization_id": organization_id}
        return self._enter(path_of("discovery", "intermediate_sessions", "exchange"), intermediate_session_token, body)

    def create_organization(self, intermediate_session_token: str, *, organization_name: str) -> Authentication:
        """Create an organization (POST /v1/b2b/discovery/organizations/create). Raise Forbidden, Unauthenticated, Invalid."""
        if not self.can_create:
            raise Forbidden("Organizations aren’t created here. Ask an admin of yours for an invitation.")
        body = {"organization_name": organization_name}
        return self._enter(path_of("discovery", "organizations", "create"), intermediate_session_token, body)

    def _send(self, path: str, body: dict[str, str]) -> None:
        # Stytch says why someone gets no email, which nobody may learn here.
        with suppress(NotFound, Forbidden, Invalid, Conflict, Unauthenticated):
            self._api.post(path, body)

    def _enter(self, path: str, token: str, body: dict[str, Any]) -> Authentication:
        minutes = settings.SESSION_DURATION_MINUTES
        sent = {"intermediate_session_token": _present(token), "session_duration_minutes": minutes, **body}
        answer = self._api.post(path, sent)
        signed_in = signed_in_value(answer) if answer.flag("member_authenticated") else None
        required = answer.optional_part("primary_required")
        return Authentication(
            member_value(answer.part("member")),
            organization_value(answer.part("organization")),
            signed_in,
            intermediate_session_token=answer.text("intermediate_session_token"),
            allowed_auth_methods=tuple(required.texts("allowed_auth_methods")) if required else (),
            mfa_required=mfa_required_value(answer) if signed_in is None and required is None else None,
        )


def _present(token: str) -> str:
    if not token:
        raise Unauthenticated("Choosing an organization took too long. Sign in again.")
    return token


def _discovered(answer: Document, token: str) -> DiscoveredOrganizations:
    return DiscoveredOrganizations(
        answer.text("email_address"),
        tuple(
            _organization(found)
            for found in answer.parts("discovered_organizations")
            # Stytch also lists organizations that an OAuth account could join, which the portal doesn't know.
            if found.part("membership").text("type") in _TYPES
        ),
        token,
    )


def _organization(found: Document) -> DiscoveredOrganization:
    membership = found.part("membership")
    member = membership.optional_part("member")
    return DiscoveredOrganization(
        organization_value(found.part("organization")),
        MembershipType(membership.text("type")),
        member_value(member) if member else None,
        found.flag("member_authenticated"),
        _mfa_required(found, member),
    )


def _mfa_required(found: Document, member: Document | None) -> MfaRequired | None:
    """Return the second factors of a discovered member, if one is missing. `member` is inside the membership here."""
    if found.optional_part("mfa_required") is None or found.optional_part("primary_required") is not None:
        return None
    if member is None:
        return MfaRequired()
    value = member_value(member)
    return MfaRequired(value.mfa_phone_number if value.has_phone else "", value.totp_registration_id)
