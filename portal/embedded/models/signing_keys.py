"""The keys that sign session JWTs."""

from django.db import models
from django.utils import timezone

from portal.embedded.models.fields import id_field
from portal.embedded.models.organizations import ProjectRow


class SigningKeyRow(models.Model):
    """A key pair of the project. Its kid is `jwk-live-<id>`."""

    id = id_field()
    project = models.ForeignKey(ProjectRow, models.CASCADE, related_name="signing_keys")
    # Encrypted (encryption.py). Deleted a few minutes after the key was replaced.
    private_key = models.BinaryField()
    # The published key (RFC 7517), with the certificate's thumbprint in Stytch's field.
    public_jwk = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    # The key is published before it signs, because SDKs cache keys.
    signs_from = models.DateTimeField(default=timezone.now)
    # When another key replaces it. JWTs it has signed are valid for a month longer.
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_signingkey"
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=models.Q(replaced_at=None), name="signing_key_one_current"
            )
        ]
