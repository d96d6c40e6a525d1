"""Organizations, and the project that all of them belong to."""

from string import ascii_letters, digits

from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import Exact, Range

from portal.embedded.models.fields import id_field

# Stytch: 2 to 128 of these characters. A slug stands in addresses and in the name of the session cookie.
SLUG = RegexValidator(r"^[A-Za-z0-9._~-]{2,128}\Z", "Use 2 to 128 letters, digits or . _ ~ -")
_LETTERS = f"{ascii_letters}{digits}._~-"
# What is left when these letters are taken off the start of a slug: nothing, where it has no others. A regular expression
# is a function that SQLite gets from Django alone: no other program could check, dump or restore the file.
_OTHER_LETTERS = models.Func(
    models.F("slug"), models.Value(_LETTERS), function="LTRIM", output_field=models.CharField()
)


class ProjectRow(models.Model):
    """The installation as a Stytch project: what SDKs name when they call."""

    id = id_field()
    public_token = models.CharField(max_length=80, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "directory_project"


class ProjectSecretRow(models.Model):
    """One secret of the project for backend calls; several may live, so that they can be rotated."""

    id = id_field()
    project = models.ForeignKey(ProjectRow, models.CASCADE, related_name="secrets")
    secret_hash = models.BinaryField(max_length=32, unique=True)
    last_four = models.CharField(max_length=4)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_projectsecret"


class OrganizationRow(models.Model):
    """A customer of the product."""

    id = id_field()
    name = models.CharField(max_length=128)
    slug = models.CharField(max_length=128, unique=True, validators=[SLUG])
    logo_url = models.CharField(max_length=2048, blank=True, default="", db_default="")
    # What the product calls it.
    external_id = models.CharField(max_length=128, blank=True, default="", db_default="")
    # Stytch's email_allowed_domains: whom the identity provider says is one of these is believed to be.
    email_allowed_domains = models.JSONField(default=list, blank=True)
    # What is set otherwise than OrganizationSettings has it, and what only the product's backend may change; None for
    # nothing, because every page reads the row.
    settings = models.JSONField(null=True, blank=True)
    trusted_metadata = models.JSONField(null=True, blank=True)
    # Roles of its own, beside those of the policy, in the form of Stytch's OrgPolicy; None for none.
    custom_roles = models.JSONField(null=True, blank=True)
    # Since when it is deleted: nothing finds it any more but the activity log.
    deleted_at = models.DateTimeField(null=True, blank=True)
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


class FormerSlugRow(models.Model):
    """A slug that an organization has left: for a while no other one gets it, so that old bookmarks lead nowhere else."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.CASCADE, related_name="former_slugs")
    slug = models.CharField(max_length=128, db_index=True)
    left_at = models.DateTimeField()

    class Meta:
        db_table = "directory_formerslug"
