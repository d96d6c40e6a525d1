"""Signing in before the organization is known: the one place that looks for a person in all organizations."""

from collections.abc import Collection
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.email_addresses import fold_address
from portal.directory.errors import NotOffered, Unauthenticated
from portal.directory.ids import parse_id
from portal.directory.members import MemberStatus
from portal.directory.sessions import Discovered, SignedIn
from portal.embedded import models
from portal.embedded.audit import Caller
from portal.embedded.members.sign_in_links import email_link_soon
from portal.embedded.scope import organization_value
from portal.embedded.sessions.sessions import may_use_password, password_is_right, start_session
from portal.embedded.tokens import new_token, token_hash

INTERMEDIATE_LIFE = timedelta(minutes=10)  # Stytch: an intermediate session token
# Passwords checked at each attempt, always as many, so that the time does not tell in how many organizations a person
# is. Who is in more signs in at the organization's own address.
MOST_ORGANIZATIONS = 5
_MOST_OF_ONE = 20  # intermediate sessions of one email address; of more, the oldest end
_BATCH = 1000


class EmbeddedDiscovery:
    """Implements portal.directory.sessions.Discovery."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def authenticate(self, *, email_address: str, password: str) -> Discovered:
        """Return where this password is right. Raises Unauthenticated, in the same time, whatever was wrong."""
        candidates: list[models.MemberRow | None] = list(
            models.MemberRow.objects.select_related("organization", "scim_user")
            .filter(email_address_folded=fold_address(email_address), status=MemberStatus.ACTIVE)
            .order_by("organization_id")[:MOST_ORGANIZATIONS]
        )
        candidates += [None] * (MOST_ORGANIZATIONS - len(candidates))
        right = [member for member in candidates if password_is_right(member, password) and member]
        members = [member for member in right if may_use_password(member)]
        if not members:
            raise Unauthenticated("The e-mail address or the password is not right.")
        session, token = start_intermediate_session(email_address, members)
        return _discovered(session, members, token)

    def organizations(self, intermediate_session_token: str) -> Discovered:
        """Return the same answer again. Raises Unauthenticated."""
        session = self._session(intermediate_session_token)
        return _discovered(session, _active_members(session), intermediate_session_token)

    def exchange(self, intermediate_session_token: str, *, organization_id: str) -> SignedIn:
        """Start a session in one of the discovered organizations, once. Raises Unauthenticated."""
        chosen = parse_id("organization", organization_id)
        with transaction.atomic():
            session = self._session(intermediate_session_token, lock=True)
            member = next((one for one in _active_members(session) if one.organization_id == chosen), None)
            if member is None:
                raise Unauthenticated("You are not a member of this organization.")
            session.delete()
            return start_session(member, self._origin, password_entered_at=session.expires_at - INTERMEDIATE_LIFE)

    @property
    def other_way_in(self) -> str:
        """Return who can help where email isn't set up."""
        return "" if settings.EMAIL_IS_SET_UP else "Ask the operator of this portal for a sign-in link."

    def email_links(self, email_address: str, *, organization_slug: str = "") -> None:
        """Email a one-time link to the members with this address. Raise NotOffered without email."""
        if self.other_way_in:
            raise NotOffered(self.other_way_in)
        found = models.MemberRow.objects.select_related("organization", "scim_user")
        found = found.filter(email_address_folded=fold_address(email_address)).exclude(status=MemberStatus.DELETED)
        if organization_slug:
            found = found.filter(organization__slug=organization_slug)
        for member in found.order_by("organization_id")[:MOST_ORGANIZATIONS]:
            if may_use_password(member):
                email_link_soon(member, Caller(Actor(ActorType.VISITOR), self._origin))

    @staticmethod
    def _session(token: str, *, lock: bool = False) -> models.IntermediateSessionRow:
        sessions = (
            models.IntermediateSessionRow.objects.select_for_update() if lock else models.IntermediateSessionRow.objects
        )
        session = sessions.filter(token_hash=token_hash(token), expires_at__gt=timezone.now()).first()
        if session is None:
            raise Unauthenticated("This choice was used or has expired. Sign in again.")
        return session


def start_intermediate_session(
    email_address: str, members: Collection[models.MemberRow]
) -> tuple[models.IntermediateSessionRow, str]:
    """Return a new intermediate session for a choice between these members, and its token."""
    token = new_token()
    with transaction.atomic():
        _delete_expired()
        others = models.IntermediateSessionRow.objects.filter(email_address=email_address).order_by("-expires_at", "pk")
        surplus = list(others.values_list("pk", flat=True)[_MOST_OF_ONE - 1 :][:_BATCH])
        models.IntermediateSessionRow.objects.filter(pk__in=surplus).delete()
        session = models.IntermediateSessionRow.objects.create(
            token_hash=token_hash(token), email_address=email_address, expires_at=timezone.now() + INTERMEDIATE_LIFE
        )
        session.members.set(members)
    return session, token


def prune() -> int:
    """Delete the intermediate sessions that have expired, a thousand in a transaction, and return how many."""
    deleted = 0
    while batch := _delete_expired():
        deleted += batch
    return deleted


def _delete_expired() -> int:
    """Delete some of the intermediate sessions that have expired, and return how many."""
    with transaction.atomic():
        expired = models.IntermediateSessionRow.objects.filter(expires_at__lte=timezone.now())
        keys = list(expired.select_for_update(skip_locked=True).values_list("pk", flat=True)[:_BATCH])
        models.IntermediateSessionRow.objects.filter(pk__in=keys).delete()
    return len(keys)


def _active_members(session: models.IntermediateSessionRow) -> list[models.MemberRow]:
    members = session.members.select_related("organization", "scim_user").filter(status=MemberStatus.ACTIVE)
    return [one for one in members.order_by("organization__name", "organization_id") if may_use_password(one)]


def _discovered(session: models.IntermediateSessionRow, members: list[models.MemberRow], token: str) -> Discovered:
    return Discovered(
        email_address=session.email_address,
        organizations=tuple(organization_value(member.organization) for member in members),
        intermediate_session_token=token,
    )
