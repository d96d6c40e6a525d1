"""Members, their sessions and their sign-in links."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from portal.directory.members import MemberStatus
from portal.embedded.models.fields import FoldedAddressField, TenantKey, id_field
from portal.embedded.models.organizations import OrganizationRow


class MemberRow(models.Model):
    """A person in one organization. The same email address in two organizations is two members."""

    id = id_field()
    # member_in_order also serves as the index of the foreign key.
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, related_name="members", db_index=False)
    email_address = models.EmailField(max_length=254)
    email_address_folded = FoldedAddressField(of="email_address")
    # Whether someone has proved that they receive email at the address.
    email_address_verified = models.BooleanField(default=False, db_default=False)
    name = models.CharField(max_length=256, blank=True)
    status = models.CharField(max_length=16, choices=[(s, s) for s in MemberStatus], default=MemberStatus.ACTIVE)
    password = models.CharField(max_length=256, blank=True)
    # Manually assigned roles. All others are computed when the member is read, so that none can go stale.
    direct_roles = models.JSONField(default=list, blank=True)
    # The product's own ID of the member.
    external_id = models.CharField(max_length=128, blank=True, default="", db_default="")
    # An emergency admin, who isn't bound by the organization's sign-in restrictions.
    is_breakglass = models.BooleanField(default=False, db_default=False)
    mfa_phone_number = models.CharField(max_length=32, blank=True, default="", db_default="")
    mfa_phone_number_verified = models.BooleanField(default=False, db_default=False)
    # The key of the authenticator app, so that reading a member doesn't read another table.
    totp_id = models.UUIDField(null=True, blank=True)
    # How many passkeys there are, for the same reason, and whether one was the last second factor that the member used.
    passkey_count = models.PositiveSmallIntegerField(default=0, db_default=0)
    used_passkey_last = models.BooleanField(default=False, db_default=False)
    mfa_enrolled = models.BooleanField(default=False, db_default=False)
    default_mfa_method = models.CharField(max_length=16, blank=True, default="", db_default="")
    # Metadata that only the product's backend can change, metadata that the member can change, and former addresses as
    # [{"id", "email_address", "folded"}]. None if empty: few members have any, and provisioning writes many members.
    trusted_metadata = models.JSONField(null=True, blank=True)
    untrusted_metadata = models.JSONField(null=True, blank=True)
    retired_email_addresses = models.JSONField(null=True, blank=True)
    # What the member chose for their own pages (portal/directory/preferences.py).
    time_zone = models.CharField(max_length=64, blank=True, default="", db_default="")
    theme = models.CharField(max_length=8, blank=True, default="", db_default="")
    # The language of their emails (portal/mail/languages.py).
    locale = models.CharField(max_length=16, blank=True, default="", db_default="")
    # While no password or code is checked, after too many wrong ones. Until it expires, or an admin unlocks the member.
    lock_created_at = models.DateTimeField(null=True, blank=True)
    lock_expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "directory_member"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email_address_folded"],
                condition=~models.Q(status=MemberStatus.DELETED),
                name="member_email_unique",
            ),
            models.CheckConstraint(name="member_status_known", condition=models.Q(status__in=list(MemberStatus))),
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=~models.Q(external_id="") & ~models.Q(status=MemberStatus.DELETED),
                name="member_external_id_unique",
            ),
        ]
        indexes = [
            # For discovery, which looks for a person in all organizations.
            models.Index(fields=["email_address_folded"], name="member_discovery"),
            models.Index(fields=["organization", "id"], name="member_in_order"),
            # The list by email address. That of the others is member_email_unique.
            models.Index(
                fields=["organization", "email_address_folded", "id"],
                condition=models.Q(status=MemberStatus.DELETED.value),
                name="member_deactivated",
            ),
            # Partial index: emergency admins are rare.
            models.Index(
                fields=["organization", "id"], condition=models.Q(is_breakglass=True), name="member_breakglass"
            ),
            models.Index(
                fields=["organization", "mfa_phone_number"],
                condition=~models.Q(mfa_phone_number=""),
                name="member_mfa_phone_number",
            ),
            models.Index(
                fields=["organization", "id"],
                condition=models.Q(retired_email_addresses__isnull=False),
                name="member_retired_addresses",
            ),
        ]


class MemberSessionRow(models.Model):
    """A session of a member. The token itself is only in the browser's cookie."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    # session_of_member also serves as the index of the foreign key.
    member = TenantKey(MemberRow, models.CASCADE, related_name="sessions", db_index=False)
    token_hash = models.BinaryField(max_length=32)
    started_at = models.DateTimeField(default=timezone.now)
    last_accessed_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    # When the password was last entered in this session.
    password_entered_at = models.DateTimeField(null=True)
    # Set if the portal started the session, not a product. It ends when idle, and the API doesn't accept it
    # (docs/decisions/0014).
    ends_when_idle = models.BooleanField(default=True, db_default=True)
    # How the member proved who they are, other than by this organization's password.
    factors = models.JSONField(
        default=list, blank=True, db_default=[], encoder=DjangoJSONEncoder, db_column="exchanged_factors"
    )
    # What the product stores in the session and its JWT.
    custom_claims = models.JSONField(default=dict, blank=True, db_default={})
    revoked_at = models.DateTimeField(null=True)
    # A SessionEndCause that the member may read on the page about the ended session; "" for causes that it doesn't name.
    revoked_because = models.CharField(max_length=16, blank=True, default="", db_default="")
    ip_address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    # The key of the remembered device that replaced a second factor, which `factors` then doesn't have.
    remembered_device = models.UUIDField(null=True, blank=True)
    # What the frame of a product's page allows whose session this is (portal.directory.frames.Embedding), None for others.
    embedding = models.JSONField(null=True, blank=True)
    # The key of the product's session that this one of a frame ends with.
    shared_with = models.UUIDField(null=True, blank=True)

    class Meta:
        db_table = "directory_membersession"
        constraints = [models.UniqueConstraint(fields=["token_hash", "organization"], name="session_token_key")]
        indexes = [models.Index(fields=["organization", "member", "-started_at"], name="session_of_member")]


class SignInLinkRow(models.Model):
    """A one-time link to set a password."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    member = TenantKey(MemberRow, models.CASCADE, related_name="sign_in_links")
    token_hash = models.BinaryField(max_length=32)
    # The member's address when the link was created. The link ends when it changes. "" for links of older versions.
    email_address = models.EmailField(max_length=254, blank=True, default="", db_default="")
    # Whether the link was only emailed to the member, and not shown to an admin, so that using it verifies the address.
    proves_address = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_signinlink"
        constraints = [models.UniqueConstraint(fields=["token_hash", "organization"], name="sign_in_link_token_key")]


class IntermediateSessionRow(models.Model):
    """A person who proved something, and hasn't yet chosen an organization or still has to prove more."""

    id = id_field()
    token_hash = models.BinaryField(max_length=32, unique=True)
    # The members whose password was right.
    members = models.ManyToManyField(MemberRow, through="IntermediateSessionMemberRow")
    email_address = models.CharField(max_length=254)
    # Whether the person proved that they receive email at the address, which opens every organization that it belongs to.
    proves_address = models.BooleanField(default=False, db_default=False)
    factors = models.JSONField(default=list, blank=True, db_default=[], encoder=DjangoJSONEncoder)
    # The key of the organization where something is still missing. It can only be used there; None before one is chosen.
    only_for = models.UUIDField(null=True)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "directory_intermediatesession"
        indexes = [models.Index(fields=["email_address"], name="intermediate_session_of_email")]


class IntermediateSessionMemberRow(models.Model):
    """A member for whose session an intermediate session can be exchanged."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    # Without an index of its own: the unique index begins with the session.
    session = models.ForeignKey(
        IntermediateSessionRow, models.CASCADE, db_column="intermediatesession_id", related_name="+", db_index=False
    )
    member = TenantKey(MemberRow, models.CASCADE, db_column="member_id", related_name="+")

    class Meta:
        db_table = "directory_intermediatesession_members"
        constraints = [
            models.UniqueConstraint(
                fields=["session", "member", "organization"], name="intermediate_session_member_key"
            )
        ]
