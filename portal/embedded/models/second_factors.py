"""Authenticator apps, recovery codes, codes by text message and passkeys.

The secrets of the first two are encrypted (encryption.py): the portal itself must use them. Of codes by text message there
is only a hash, of passkeys only a public key.
"""

from django.db import models
from django.utils import timezone

from portal.embedded.models.fields import TenantKey, id_field
from portal.embedded.models.members import MemberRow
from portal.embedded.models.organizations import OrganizationRow


class AttemptFields(models.Model):
    """The columns of the tables of codes. A member has one row in each at most."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    # Wrong codes since the last right one, and until when none is checked because of them.
    failed_attempts = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


class SecondFactorFields(AttemptFields):
    """The columns of those with an encrypted secret."""

    # What tells the key that encrypted the secret from others (server_keys.fingerprint).
    encrypted_with = models.CharField(max_length=16)

    class Meta:
        abstract = True


class TotpRow(SecondFactorFields):
    """A member's authenticator app. The member's `totp_id` names it once a code of it was right."""

    member = TenantKey(MemberRow, models.CASCADE, related_name="+", db_index=False)
    secret = models.BinaryField()
    # The time step of the last code that was used (RFC 6238, 5.2): that code and earlier ones don't work again.
    last_step = models.BigIntegerField(default=0)
    # Until when its first code must be entered. None once it was.
    expires_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_totp"
        constraints = [models.UniqueConstraint(fields=["member", "organization"], name="totp_of_member")]


class RecoveryCodesRow(SecondFactorFields):
    """A member's recovery codes, which exist as long as they have an authenticator app or a passkey."""

    member = TenantKey(MemberRow, models.CASCADE, related_name="+", db_index=False)
    # JSON: a list of pairs, each a code and when it was used, or null.
    codes = models.BinaryField()

    class Meta:
        db_table = "directory_recoverycodes"
        constraints = [models.UniqueConstraint(fields=["member", "organization"], name="recovery_codes_of_member")]


class SmsOtpRow(AttemptFields):
    """The newest code by text message of a member. The row stays after it, because it counts wrong codes."""

    member = TenantKey(MemberRow, models.CASCADE, related_name="+", db_index=False)
    # Where it was sent. The code is for no other number.
    phone_number = models.CharField(max_length=32)
    # A new one with each request. The code is derived from it.
    request_id = models.UUIDField()
    # None until it's sent, and after it was used.
    code_hash = models.BinaryField(max_length=32, null=True)
    # Wrong codes since it was requested.
    code_attempts = models.PositiveSmallIntegerField(default=0)
    # The language that the request asked for, "" for the member's.
    locale = models.CharField(max_length=16, blank=True, default="", db_default="")
    # Until it's sent: when the request is no longer worth a message.
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "directory_smsotp"
        constraints = [models.UniqueConstraint(fields=["member", "organization"], name="sms_otp_of_member")]


class PasskeyRow(models.Model):
    """A passkey of a member. The member's `passkey_count` counts them."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    member = TenantKey(MemberRow, models.CASCADE, related_name="+", db_index=False)
    # Chosen by the authenticator, up to 1023 bytes (Web Authentication, 4).
    credential_id = models.BinaryField(max_length=1023)
    # A COSE key (RFC 9052).
    public_key = models.BinaryField()
    # How often the authenticator says that it was used; always 0 if it doesn't count.
    sign_count = models.BigIntegerField(default=0)
    transports = models.JSONField(default=list)
    is_synced = models.BooleanField(default=False)
    name = models.CharField(max_length=60)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_passkey"
        constraints = [
            models.UniqueConstraint(fields=["credential_id", "organization"], name="passkey_credential_of_organization")
        ]
        indexes = [models.Index(fields=["member"], name="passkey_member")]


class PasskeyChallengeRow(models.Model):
    """What a passkey has to sign, once, for one member and in one session or sign-in that waits."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    member = TenantKey(MemberRow, models.CASCADE, related_name="+", db_index=False)
    challenge = models.BinaryField(max_length=32)
    # The key of the session or of the intermediate session.
    bound_to = models.UUIDField()
    # Whether it's for a passkey that is created.
    is_creation = models.BooleanField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "directory_passkeychallenge"
        indexes = [
            models.Index(fields=["member"], name="passkey_challenge_member"),
            models.Index(fields=["expires_at"], name="passkey_challenge_expires"),
        ]


class RememberedDeviceRow(models.Model):
    """A browser in which a member isn't asked for a second factor until it expires. It keeps the token in a cookie."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    member = TenantKey(MemberRow, models.CASCADE, related_name="+", db_index=False)
    token_hash = models.BinaryField(max_length=32)
    # A hash of the member's password and second factors then. The device no longer counts once one of them is another.
    state_hash = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ip_address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)

    class Meta:
        db_table = "directory_remembereddevice"
        indexes = [
            models.Index(fields=["member"], name="remembered_device_member"),
            models.Index(fields=["expires_at"], name="remembered_device_expires"),
        ]
