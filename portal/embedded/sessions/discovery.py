"""Sign in before an organization is chosen: the one place that looks for a person in all organizations."""

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.discovery import Discovered
from portal.directory.email_addresses import fold_address
from portal.directory.errors import Unauthenticated
from portal.directory.ids import parse_id
from portal.directory.members import MemberStatus
from portal.directory.organizations import PASSWORD
from portal.directory.sessions import AuthenticationFactor, Continuation, SignedIn
from portal.embedded import models
from portal.embedded.passwords.breaches import require_not_breached
from portal.embedded.passwords.stored import password_is_right
from portal.embedded.scope import Scope, across_organizations, organization_value
from portal.embedded.sessions.intermediate import intermediate_session, start_intermediate_session
from portal.embedded.sign_in.methods import may_use
from portal.embedded.sign_in.outcome import open_portal, signed_in_or_missing
from portal.embedded.sign_in.requested_links import MAX_ORGANIZATIONS, EmbeddedSignInLinkEmails
from portal.metrics import FAILED_SIGN_INS


class EmbeddedDiscovery:
    """Implements portal.directory.discovery.Discovery."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def authenticate(self, *, email_address: str, password: str) -> Discovered:
        """Return the organizations where this password is right. Raise Unauthenticated, taking the same time if none is."""
        # As many checks for each attempt: its time doesn't tell in how many organizations a person is a member.
        candidates: list[models.MemberRow | None] = list(
            across_organizations(models.MemberRow)
            .select_related("organization", "scim_user")
            .filter(email_address_folded=fold_address(email_address), status=MemberStatus.ACTIVE)
            .filter(organization__deleted_at=None)
            .order_by("organization_id")[:MAX_ORGANIZATIONS]
        )
        candidates += [None] * (MAX_ORGANIZATIONS - len(candidates))
        right = [member for member in candidates if password_is_right(member, password) and member]
        members = [member for member in right if may_use(member, PASSWORD)]
        if not members:
            FAILED_SIGN_INS.labels("wrong_password" if not right else "password_not_allowed").inc()
            raise Unauthenticated("Incorrect email or password.")
        require_not_breached(password)
        now = timezone.now()
        entered = AuthenticationFactor("password", "knowledge", now, now)
        session, token = start_intermediate_session(email_address, members, factors=[entered])
        return _discovered(session, members, token)

    def organizations(self, intermediate_session_token: str) -> Discovered:
        """Return the discovered organizations again. Raise Unauthenticated if the token was used or has expired."""
        session = intermediate_session(intermediate_session_token)
        return _discovered(session, _active_members(session), intermediate_session_token)

    def exchange(self, intermediate_session_token: str, *, organization_id: str) -> SignedIn:
        """Start a session in one of the discovered organizations, and delete the token.

        Raise Unauthenticated, SecondFactorRequired.
        """
        chosen = parse_id("organization", organization_id)
        with transaction.atomic():
            session = intermediate_session(intermediate_session_token, lock=True, organization=chosen)
            member = next((one for one in _active_members(session) if one.organization_id == chosen), None)
            if member is None:
                raise Unauthenticated("You are not a member of this organization.")
            value = organization_value(member.organization)
            scope = Scope(value.organization_slug, self._origin, known_organization=value)
            before = Continuation(intermediate_session_token=intermediate_session_token)
            outcome = signed_in_or_missing(scope, member, None, None, before)
        return open_portal(outcome)

    @property
    def link_emails(self) -> EmbeddedSignInLinkEmails | None:
        """Sign-in links by email. None if email isn't configured."""
        return EmbeddedSignInLinkEmails(self._origin) if settings.EMAIL_IS_SET_UP else None


def _active_members(session: models.IntermediateSessionRow) -> list[models.MemberRow]:
    members = session.members.select_related("organization", "scim_user").filter(status=MemberStatus.ACTIVE)
    members = members.filter(organization__deleted_at=None)
    return [one for one in members.order_by("organization__name", "organization_id") if may_use(one, PASSWORD)]


def _discovered(session: models.IntermediateSessionRow, members: list[models.MemberRow], token: str) -> Discovered:
    return Discovered(
        email_address=session.email_address,
        organizations=tuple(organization_value(member.organization) for member in members),
        intermediate_session_token=token,
    )
