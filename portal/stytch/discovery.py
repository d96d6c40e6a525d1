"""Sign in before an organization is chosen, by Stytch's discovery flow."""

from django.conf import settings

from portal.directory.discovery import Discovered, SignInLinkEmails
from portal.directory.errors import Unauthenticated
from portal.directory.sessions import SignedIn
from portal.stytch.documents import Document
from portal.stytch.http import StytchApi, path_of
from portal.stytch.sessions import PASSWORD_MEANINGS, signed_in
from portal.stytch.values import organization_value

# Stytch also lists organizations that a person could join. The portal opens only those they belong to.
_MEMBERSHIPS = frozenset({"active_member", "pending_member", "invited_member"})


class StytchDiscovery:
    """Implements portal.directory.discovery.Discovery."""

    def __init__(self, api: StytchApi) -> None:
        self._api = api

    def authenticate(self, *, email_address: str, password: str) -> Discovered:
        """Return the organizations where this password is right (POST /v1/b2b/passwords/discovery/authenticate).

        Raise Unauthenticated.
        """
        answer = self._api.post(
            path_of("passwords", "discovery", "authenticate"),
            {"email_address": email_address, "password": password},
            meanings=PASSWORD_MEANINGS,
        )
        return _discovered(answer, answer.text("intermediate_session_token"))

    def organizations(self, intermediate_session_token: str) -> Discovered:
        """Return the discovered organizations again (POST /v1/b2b/discovery/organizations). Raise Unauthenticated."""
        answer = self._api.post(
            path_of("discovery", "organizations"),
            {"intermediate_session_token": _present(intermediate_session_token)},
            is_read=True,
        )
        return _discovered(answer, intermediate_session_token)

    def exchange(self, intermediate_session_token: str, *, organization_id: str) -> SignedIn:
        """Start a session in one of them (POST /v1/b2b/discovery/intermediate_sessions/exchange). Raise Unauthenticated."""
        discovered = self.organizations(intermediate_session_token).organizations
        # Stytch would also let a person join an organization that their email address is eligible for.
        if all(organization.organization_id != organization_id for organization in discovered):
            raise Unauthenticated("You are not a member of this organization.")
        answer = self._api.post(
            path_of("discovery", "intermediate_sessions", "exchange"),
            {
                "intermediate_session_token": intermediate_session_token,
                "organization_id": organization_id,
                "session_duration_minutes": settings.SESSION_DURATION_MINUTES,
            },
        )
        return signed_in(answer)

    # Stytch's emails link to the product's own pages.
    link_emails: SignInLinkEmails | None = None


def _present(token: str) -> str:
    if not token:
        raise Unauthenticated("Choosing an organization took too long. Sign in again.")
    return token


def _discovered(answer: Document, token: str) -> Discovered:
    return Discovered(
        email_address=answer.text("email_address"),
        organizations=tuple(
            organization_value(found.part("organization"))
            for found in answer.parts("discovered_organizations")
            if found.part("membership").text("type") in _MEMBERSHIPS
        ),
        intermediate_session_token=token,
    )
