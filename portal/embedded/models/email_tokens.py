"""Links and codes that are sent by email. Having one proves that a person receives email at its address."""

from django.db import models

from portal.embedded.models.fields import FoldedAddressField, id_field
from portal.embedded.models.organizations import OrganizationRow

_MAX_URL = 2048


class EmailPurpose(models.TextChoices):
    """What a link or code is for."""

    MAGIC_LINK = "magic_link"
    INVITATION = "invitation"
    CODE = "code"
    PASSWORD_RESET = "password_reset"  # noqa: S105 -- a purpose
    # A link and a code to a member's new address.
    EMAIL_UPDATE = "email_update"
    UPDATE_CODE = "update_code"
    # A code to an address in a domain of the organization.
    DOMAIN_CODE = "domain_code"


class EmailTokenFields(models.Model):
    """The columns of both tables.

    A row is written when an email is requested, for any address. A worker decides whether someone gets the email, and
    stores the hash of the link's token or of the code with it. The row is deleted when its token is used.
    """

    id = id_field()
    email_address = models.EmailField(max_length=254)
    email_address_folded = FoldedAddressField(of="email_address")
    purpose = models.CharField(max_length=16, choices=EmailPurpose.choices)
    # Where the link leads: for active members, and for people who join. "" for codes.
    login_redirect_url = models.CharField(max_length=_MAX_URL, blank=True)
    signup_redirect_url = models.CharField(max_length=_MAX_URL, blank=True)
    # The same for the validity, from when the email is sent.
    login_minutes = models.PositiveIntegerField()
    signup_minutes = models.PositiveIntegerField()
    code_challenge = models.CharField(max_length=64, blank=True)  # RFC 7636, 4.2: of the method S256
    # None until the email is sent.
    token_hash = models.BinaryField(max_length=32, null=True)
    failed_attempts = models.PositiveSmallIntegerField(default=0)
    # The language that was asked for (portal/mail/languages.py), "" for that of the member or the organization.
    locale = models.CharField(max_length=16, blank=True, default="", db_default="")
    # The operator's own templates of the email: for active members, and for people who join. "" for the project's.
    login_template_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    signup_template_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    # Where the email was requested, which it says.
    ip_address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Until the email is sent: when the request is no longer worth an email.
    expires_at = models.DateTimeField()

    class Meta:
        abstract = True


class EmailTokenRow(EmailTokenFields):
    """A link or code to sign in to an organization or to join it."""

    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    # The public ID of the member who invited someone, "" if nobody did.
    invited_by = models.CharField(max_length=64, blank=True)
    # The public ID of the member whose address this becomes, "" for all other purposes.
    updates_member = models.CharField(max_length=64, blank=True, default="", db_default="")

    class Meta:
        db_table = "directory_emailtoken"
        constraints = [models.UniqueConstraint(fields=["token_hash", "organization"], name="email_token_key")]
        indexes = [
            models.Index(fields=["organization", "email_address_folded", "purpose"], name="email_token_of_address"),
            models.Index(fields=["expires_at"], name="email_token_expiry"),
        ]


class DiscoveryTokenRow(EmailTokenFields):
    """A link or code to prove an address before an organization is chosen."""

    class Meta:
        db_table = "directory_discoverytoken"
        constraints = [models.UniqueConstraint(fields=["token_hash"], name="discovery_token_key")]
        indexes = [
            models.Index(fields=["email_address_folded", "purpose"], name="discovery_token_of_address"),
            models.Index(fields=["expires_at"], name="discovery_token_expiry"),
        ]
