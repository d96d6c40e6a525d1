"""One-time tickets, which start and renew the sessions of frames in a product's pages."""

from django.db import models
from django.utils import timezone

from portal.embedded.models.fields import TenantKey, id_field
from portal.embedded.models.members import MemberRow
from portal.embedded.models.organizations import OrganizationRow


class EmbedTicketRow(models.Model):
    """A ticket. The product's page has the token, and submits it once."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    member = TenantKey(MemberRow, models.CASCADE, related_name="+", db_index=False)
    token_hash = models.BinaryField(max_length=32)
    # What it allows in its frame (portal.directory.frames.Embedding).
    embedding = models.JSONField()
    # The key of the product's session that it was created from, None if the product named the member alone.
    product_session = models.UUIDField(null=True, blank=True)
    # Whether the session of the frame and that of the product end together.
    shares_lifetime = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    # The key of the session that it started or renewed.
    session = models.UUIDField(null=True, blank=True)

    class Meta:
        db_table = "directory_embedticket"
        constraints = [models.UniqueConstraint(fields=["token_hash", "organization"], name="embed_ticket_token_key")]
        indexes = [
            models.Index(fields=["organization", "-id"], name="embed_ticket_listed"),
            models.Index(fields=["member"], name="embed_ticket_member"),
            models.Index(fields=["expires_at"], name="embed_ticket_expires"),
        ]
