"""Discovery on the portal's own pages, by a code or link to an email address."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from portal.directory.actor import Origin
from portal.directory.discovery import DiscoveredOrganizations, DiscoveryEmailRequest, LinkPreview
from portal.directory.errors import Forbidden, InvalidLink, NotFound, Unauthenticated
from portal.directory.ids import parse_id
from portal.directory.organizations import OrganizationChanges
from portal.directory.sessions import Authentication
from portal.embedded import models
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.scope import Scope, organization_value
from portal.embedded.sign_in.discovery import EmbeddedProjectDiscovery, exchange_intermediate_session
from portal.embedded.tokens import token_hash

LINK_MINUTES = 10


class EmbeddedEmailDiscovery:
    """Implements portal.directory.discovery.EmailDiscovery."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._project = EmbeddedProjectDiscovery(origin, None)

    @property
    def are_emailed(self) -> bool:
        """Whether email is configured."""
        return bool(settings.EMAIL_IS_SET_UP)

    @property
    def can_create(self) -> bool:
        """Whether PROJECT_FILE lets people create organizations without a backend."""
        return bool(settings.PROJECT.sdk.create_organizations)

    def request_code(self, email_address: str) -> None:
        """Have a worker email a code. Raise Invalid, TooManyRequests."""
        self._project.request_code(DiscoveryEmailRequest(email_address=email_address))

    def request_link(self, email_address: str) -> None:
        """Have a worker email a link to the portal, valid for ten minutes. Raise Invalid, TooManyRequests."""
        url = settings.PUBLIC_URL + reverse("session:discovery-link")
        self._project.request_link_to(url, email_address, minutes=LINK_MINUTES)

    def preview(self, token: str) -> LinkPreview:
        """Return what a link is for, without using it. Raise InvalidLink."""
        rows = models.DiscoveryTokenRow.objects.filter(purpose=EmailPurpose.MAGIC_LINK, code_challenge="")
        row = rows.filter(token_hash=token_hash(token), expires_at__gt=timezone.now()).first()
        if row is None:
            raise _ended()
        return LinkPreview(row.email_address, row.created_at, row.expires_at, row.user_agent)

    def authenticate_link(self, token: str) -> DiscoveredOrganizations:
        """Return what the reader of a link can choose from. Raise InvalidLink."""
        self.preview(token)
        try:
            return self._project.authenticate_magic_link(token, code_verifier="")
        except Unauthenticated as error:
            raise _ended() from error

    def authenticate_code(self, *, email_address: str, code: str) -> DiscoveredOrganizations:
        """Return what the reader of a code can choose from. Raise Unauthenticated."""
        return self._project.authenticate_code(email_address=email_address, code=code)

    def organizations(self, intermediate_session_token: str) -> DiscoveredOrganizations:
        """Return what a person can choose from again. Raise Unauthenticated."""
        return self._project.organizations(intermediate_session_token)

    def exchange(self, intermediate_session_token: str, *, organization_id: str) -> Authentication:
        """Start a session of the portal, joining the organization if the person may. Raise Unauthenticated, NotFound."""
        organizations = models.OrganizationRow.objects.filter(deleted_at=None)
        row = organizations.filter(pk=parse_id("organization", organization_id)).first()
        if row is None:
            raise NotFound("This organization does not exist.")
        scope = Scope(row.slug, self._origin, known_organization=organization_value(row))
        return exchange_intermediate_session(scope, intermediate_session_token, None)

    def create_organization(self, intermediate_session_token: str, *, organization_name: str) -> Authentication:
        """Create an organization with the person as its admin, and sign them in. Raise Forbidden, Unauthenticated, Invalid."""
        if not self.can_create:
            raise Forbidden("Organizations aren’t created here. Ask an admin of yours for an invitation.")
        new = OrganizationChanges(organization_name=organization_name)
        return self._project.create_organization(intermediate_session_token, new, None)


def _ended() -> InvalidLink:
    return InvalidLink("The link was already used, was replaced by a newer one, or has expired.")
