"""Links to choose a password, for people who aren't signed in: the portal's own "Forgot your password?"."""

from contextlib import suppress
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django_tasks import task

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.errors import NotFound, TooManyRequests
from portal.directory.members import MemberStatus
from portal.directory.organizations import PASSWORD
from portal.embedded import models
from portal.embedded.audit import Caller
from portal.embedded.members.sign_in_links import REQUESTED_LIFETIME, email_link
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.scope import across_organizations, rows_of
from portal.embedded.sign_in import email_tokens
from portal.embedded.sign_in.methods import may_use
from portal.embedded.tasks.queue import URGENT

# Where a person is a member of more organizations, the others are found by their own URLs only.
MAX_ORGANIZATIONS = 5
_MINUTES = round(REQUESTED_LIFETIME.total_seconds() / 60)


class EmbeddedSignInLinkEmails:
    """Implements portal.directory.discovery.SignInLinkEmails."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def send(self, email_address: str, *, organization_slug: str = "") -> None:
        """Have a worker look for the members with this address. Raise Invalid, NotFound, TooManyRequests."""
        columns = {
            "email_address": email_address,
            "purpose": EmailPurpose.PASSWORD_RESET,
            "login_minutes": _MINUTES,
            "signup_minutes": _MINUTES,
            "ip_address": self._origin.ip_address,
            "user_agent": self._origin.user_agent,
        }
        if not organization_slug:
            email_tokens.ask(models.DiscoveryTokenRow(**columns), email_requested_links)
            return
        organization = models.OrganizationRow.objects.filter(slug=organization_slug, deleted_at=None).first()
        if organization is None:
            raise NotFound("This organization does not exist.")
        email_tokens.ask(models.EmailTokenRow(organization=organization, **columns), email_requested_links)


@task(priority=URGENT)
def email_requested_links(organization_id: str, request_id: str) -> None:
    """Have a link emailed to each member with an address, in one organization or in all, and forget the request."""
    members = across_organizations(models.MemberRow).select_related("organization", "scim_user")
    members = members.filter(organization__deleted_at=None).exclude(status=MemberStatus.DELETED)
    if organization_id:
        key = UUID(organization_id)
        _email(members.filter(organization_id=key), rows_of(key, models.EmailTokenRow), request_id)
    else:
        _email(members, models.DiscoveryTokenRow.objects.all(), request_id)


def _email(members: QuerySet[models.MemberRow], requests: QuerySet[email_tokens.Token], request_id: str) -> None:
    request = email_tokens.waiting(requests, request_id)
    if request is None:
        return
    caller = Caller(Actor(ActorType.VISITOR), Origin(ip_address=request.ip_address, user_agent=request.user_agent))
    named = members.filter(email_address_folded=request.email_address_folded).order_by("organization_id")
    with transaction.atomic():
        for member in named[:MAX_ORGANIZATIONS]:
            if may_use(member, PASSWORD):
                # The queue of one organization can be full: the others' links are sent.
                with suppress(TooManyRequests):
                    email_link(member, caller)
        requests.filter(pk=request.pk).delete()
