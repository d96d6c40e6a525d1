"""The email domains of one organization, and what proves them."""

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from portal.access.rate_limits import Attempt, admit_domain_check, admit_domain_code
from portal.directory.domains import MAX_DOMAINS, Domain
from portal.directory.email_addresses import domain_of
from portal.directory.errors import Conflict, Invalid, NotFound, TooManyRequests
from portal.directory.ids import parse_id, public_id
from portal.directory.permissions import Permission
from portal.embedded import audit, models
from portal.embedded.organizations import domain_checks, domain_codes, domain_rows, email_domains
from portal.embedded.organizations.domain_values import domain_id as id_of
from portal.embedded.organizations.domain_values import domain_value
from portal.embedded.scope import Scope, across_organizations, lock_organization


class EmbeddedDomains:
    """Implements portal.directory.domains.DomainGateway."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def are_codes_emailed(self) -> bool:
        """Whether email is configured."""
        return bool(settings.EMAIL_IS_SET_UP)

    def all(self) -> tuple[Domain, ...]:
        """Return the domains, the oldest first. Raise Unauthenticated for a visitor."""
        self._scope.require_known()
        counting = domain_rows.counting(self._scope.organization_id).filter(pk=OuterRef("pk"))
        rows = self._scope.of(models.EmailDomainRow).annotate(lets_join=Exists(counting)).order_by("pk")
        return tuple(domain_value(row, lets_join=row.lets_join) for row in rows)

    def get(self, domain_id: str) -> Domain:
        """Return a domain. Raise NotFound."""
        self._scope.require_known()
        return self._value(self._row(domain_id))

    def add(self, domain: str) -> Domain:
        """Add a domain. Raise Forbidden, StepUpRequired, Invalid, Conflict."""
        self._require()
        known = email_domains.read_domain(domain)
        with transaction.atomic():
            lock_organization(self._scope.organization_id)
            rows = self._scope.of(models.EmailDomainRow)
            if rows.filter(domain=known).exists():
                raise Conflict(f"{known} was added already.", field="domain")
            if rows.count() >= MAX_DOMAINS:
                raise Conflict(f"The organization has {MAX_DOMAINS} domains, which is the most. Remove one first.")
            email_domains.allow(self._scope.organization_id, known, self._scope.caller)
            row = rows.filter(domain=known).first()
            if row is None:
                # The list had it already: an instance of the version before added it, during an upgrade.
                organization = models.OrganizationRow.objects.get(pk=self._scope.organization_id)
                row = domain_rows.new_row(organization, known, self._scope.caller)
                row.save(force_insert=True)
        return self._value(row)

    def remove(self, domain_id: str) -> Domain:
        """Remove a domain. Raise Forbidden, StepUpRequired, NotFound."""
        self._require()
        with transaction.atomic():
            lock_organization(self._scope.organization_id)
            row = self._row(domain_id)
            value = self._value(row)
            email_domains.disallow(row.organization_id, row.domain, self._scope.caller)
            domain_rows.delete(row.organization_id, [row.domain])
        return value

    def check_now(self, domain_id: str) -> Domain:
        """Have a worker look the record up soon. Raise Forbidden, NotFound, TooManyRequests."""
        self._scope.require(Permission.ALLOWED_DOMAINS)
        row = self._row(domain_id)
        if not admit_domain_check(public_id("organization", row.organization_id), id_of(row)):
            raise TooManyRequests("This domain was checked often. Wait a minute, then try again.")
        domain_checks.ask(row.organization_id, row.pk, is_urgent=True)
        return self.get(domain_id)

    def send_code(self, domain_id: str, email_address: str) -> None:
        """Email a code to an address in the domain. Raise Forbidden, StepUpRequired, NotFound, Invalid, TooManyRequests."""
        self._require()
        row, address = self._row(domain_id), email_address.strip()
        _check_inside(row, address)
        if not admit_domain_code(Attempt(self._scope.origin.ip_address, self._scope.organization_slug, address)):
            raise TooManyRequests("Too many codes were sent to this domain. Try again in 15 minutes.")
        with transaction.atomic():
            domain_codes.ask(self._scope, address)
            self._record(row, "organization.send_domain_code", email_address=address)

    def prove_affiliation(self, domain_id: str, *, email_address: str, code: str) -> Domain:
        """Record that someone got the code. Raise Forbidden, StepUpRequired, NotFound, Unauthenticated, Conflict."""
        self._require()
        address = email_address.strip()
        _check_inside(self._row(domain_id), address)
        token = domain_codes.found(self._scope, address, code)
        with transaction.atomic():
            lock_organization(self._scope.organization_id)
            row = self._row(domain_id)
            domain_codes.use(self._scope, token)
            # Only now: people without an address in the domain learn nothing about who owns it.
            owners = across_organizations(models.OwnedDomainRow).filter(domain=row.domain)
            if owners.exclude(organization_id=row.organization_id).exists():
                raise Conflict("Another organization has proved that it owns this domain.")
            row.affiliated_at, row.affiliated_address = timezone.now(), token.email_address
            row.save(update_fields=["affiliated_at", "affiliated_address"])
            self._record(row, "organization.affiliate_domain", email_address=token.email_address)
        return self._value(row)

    def _require(self) -> None:
        self._scope.require(Permission.ALLOWED_DOMAINS)
        self._scope.require_recent_proof()

    def _row(self, domain_id: str) -> models.EmailDomainRow:
        row = self._scope.of(models.EmailDomainRow).filter(pk=parse_id("email-domain", domain_id)).first()
        if row is None:
            raise NotFound("The organization has no such domain.")
        return row

    def _value(self, row: models.EmailDomainRow) -> Domain:
        lets_join = domain_rows.counting(row.organization_id).filter(pk=row.pk).exists()
        return domain_value(row, lets_join=lets_join)

    def _record(self, row: models.EmailDomainRow, action: str, **after: str) -> None:
        audit.record(
            self._scope.caller,
            action,
            organization_id=row.organization_id,
            target_id=id_of(row),
            target_name=row.domain,
            after=after,
        )


def _check_inside(row: models.EmailDomainRow, email_address: str) -> None:
    if domain_of(email_address) != row.domain:
        raise Invalid(f"Enter an address that ends in @{row.domain}.", field="email_address")
