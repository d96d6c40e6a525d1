"""The keys that sign session JWTs."""

from django.db import models
from django.utils import timezone

from portal.embedded.models.fields import id_field
from portal.embedded.models.organizations import ProjectRow


class SigningKeyRow(models.Model):
    """One key pair of the project; `jwk-live-<id>` is its kid."""

    id = id_field()
    project = models.ForeignKey(ProjectRow, models.CASCADE, related_name="signing_keys")
    # Encrypted (encryption.py); empty some time after another key signs.
    private_key = models.BinaryField()
    # As it is published: RFC 7517, with the certificate's thumbprint under Stytch's name for it.
    public_jwk = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)
    # Published before it signs: SDKs fetch keys that they do not know only now and then.
    signs_from = models.DateTimeField(default=timezone.now)
    # From when another key signs in its place; what it signed is believed for a month more.
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_signingkey"
        constraints = [
            models.UniqueConstraint(
                fields=["project"], condition=models.Q(replaced_at=None), name="signing_key_one_current"
            )
        ]
