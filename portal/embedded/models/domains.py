"""Email domains of organizations, and which organization owns a domain."""

from django.db import models

from portal.directory.domains import DomainFinding
from portal.embedded.models.fields import ComparedField, id_field
from portal.embedded.models.organizations import OrganizationRow

# Of a domain name with its dots (RFC 1035, 2.3.4), in Unicode.
_LENGTH = 253


class EmailDomainRow(models.Model):
    """One of an organization's email_allowed_domains, and what proves it. The list names it as long as the row exists."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    # As portal.directory.email_addresses.fold_domain has it.
    domain = ComparedField(max_length=_LENGTH)
    # What the DNS record must say. Not a secret: everyone can look it up.
    record_value = models.CharField(max_length=64)
    # The name of who added it, "" for the product or the operator.
    added_by = models.CharField(max_length=256, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    # Set by the project's secret or the operator, who answer for it.
    is_trusted = models.BooleanField(default=False)
    affiliated_at = models.DateTimeField(null=True)
    affiliated_address = models.CharField(max_length=254, blank=True, default="")
    # Set as long as there is an OwnedDomainRow.
    owned_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)
    # When members were warned of it, and when the ownership ended.
    warned_at = models.DateTimeField(null=True)
    lapsed_at = models.DateTimeField(null=True)
    # Since when a task is to look the record up.
    check_asked_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True)
    next_check_at = models.DateTimeField(null=True)
    finding = models.CharField(
        max_length=16, blank=True, default="", choices=[(one.value, one.name) for one in DomainFinding]
    )
    found_value = models.CharField(max_length=128, blank=True, default="")

    class Meta:
        db_table = "directory_emaildomain"
        constraints = [models.UniqueConstraint(fields=["domain", "organization"], name="email_domain_of_organization")]
        indexes = [
            models.Index(
                fields=["next_check_at"],
                name="email_domain_next_check",
                condition=models.Q(next_check_at__isnull=False),
            )
        ]


class OwnedDomainRow(models.Model):
    """A domain that an organization owns, which no other one can own at the same time: unique in the whole project."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.CASCADE, related_name="+")
    domain = ComparedField(max_length=_LENGTH, unique=True)
    owned_at = models.DateTimeField()

    class Meta:
        db_table = "directory_owneddomain"
