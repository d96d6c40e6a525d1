"""The project, its secrets and its organizations."""

from string import ascii_letters, digits

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import Exact, Range

from portal.embedded.models.fields import id_field

# Stytch: 2 to 128 of these characters. A slug is part of URLs and of the session cookie's name.
SLUG = RegexValidator(r"^[A-Za-z0-9._~-]{2,128}\Z", "Use 2 to 128 letters, digits or . _ ~ -")
_LETTERS = f"{ascii_letters}{digits}._~-"
# What remains of a slug after these letters are trimmed: nothing, unless it has others. SQLite has no regular expressions
# of its own, and with Django's function no other program could check, dump or restore the file.
_OTHER_LETTERS = models.Func(
    models.F("slug"), models.Value(_LETTERS), function="LTRIM", output_field=models.CharField()
)


class ProjectRow(models.Model):
    """The project that SDKs authenticate to. There is one per installation."""

    id = id_field()
    public_token = models.CharField(max_length=80, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "directory_project"


class ProjectSecretRow(models.Model):
    """A secret of the project for requests of backends. There can be several, so that they can be rotated."""

    id = id_field()
    project = models.ForeignKey(ProjectRow, models.CASCADE, related_name="secrets")
    secret_hash = models.BinaryField(max_length=32, unique=True)
    last_four = models.CharField(max_length=4)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_projectsecret"


class OrganizationRow(models.Model):
    """A customer's account."""

    id = id_field()
    name = models.CharField(max_length=128)
    slug = models.CharField(max_length=128, unique=True, validators=[SLUG])
    logo_url = models.CharField(max_length=2048, blank=True, default="", db_default="")
    # The language of emails to members who have not chosen one (portal/mail/languages.py).
    locale = models.CharField(max_length=16, blank=True, default="", db_default="")
    # The product's own ID of the organization.
    external_id = models.CharField(max_length=128, blank=True, default="", db_default="")
    # Stytch's email_allowed_domains: the identity provider may link existing members with addresses in these domains.
    email_allowed_domains = models.JSONField(default=list, blank=True)
    # Settings that differ from the defaults of OrganizationSettings, and metadata that only the product's backend can change.
    # None if empty, because every page reads the row.
    settings = models.JSONField(null=True, blank=True)
    trusted_metadata = models.JSONField(null=True, blank=True)
    # Custom roles, in the form of Stytch's OrgPolicy. None if there are none.
    custom_roles = models.JSONField(null=True, blank=True)
    # Of its own pages that may frame the portal. On the row, because every response names them in frame-ancestors.
    embed_origins = models.JSONField(default=list, blank=True, db_default=[])
    # Devices that were remembered earlier no longer count, nor do sessions that began with one.
    devices_forgotten_at = models.DateTimeField(null=True, blank=True)
    # When it was deleted, and the slug and external ID that it had, for as long as it can be restored.
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_slug = models.CharField(max_length=128, blank=True, default="", db_default="")
    deleted_external_id = models.CharField(max_length=128, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "directory_organization"
        constraints = [
            models.CheckConstraint(name="organization_has_name", condition=~models.Q(name="")),
            models.CheckConstraint(
                name="organization_slug_form",
                condition=models.Q(Exact(_OTHER_LETTERS, ""), Range(Length("slug"), (2, 128))),
            ),
            models.UniqueConstraint(
                fields=["external_id"], condition=~models.Q(external_id=""), name="organization_external_id_unique"
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class OrganizationLogoRow(models.Model):
    """The logo of an organization, as the portal shows it."""

    id = id_field()
    # The unique key also serves as the index of the foreign key.
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    content = models.BinaryField()
    # A part of the URL.
    digest = models.CharField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "directory_organizationlogo"
        constraints = [models.UniqueConstraint(fields=["organization"], name="organization_has_one_logo")]


class FormerSlugRow(models.Model):
    """A former slug, which no other organization can have for a while: old links must not lead to another customer."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.CASCADE, related_name="former_slugs")
    slug = models.CharField(max_length=128, db_index=True)
    left_at = models.DateTimeField()

    class Meta:
        db_table = "directory_formerslug"
