"""Members, their sessions, and the ways in."""

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from portal.directory.members import MemberStatus
from portal.embedded.models.fields import FoldedAddressField, id_field
from portal.embedded.models.organizations import OrganizationRow


class MemberRow(models.Model):
    """A person in one organization; the same address in two organizations is two members."""

    id = id_field()
    # Its index is the one in which they are searched, see below.
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, related_name="members", db_index=False)
    email_address = models.EmailField(max_length=254)
    email_address_folded = FoldedAddressField(of="email_address")
    # Whether somebody has shown that they read what is sent there.
    email_address_verified = models.BooleanField(default=False, db_default=False)
    name = models.CharField(max_length=256, blank=True)
    status = models.CharField(max_length=16, choices=[(s, s) for s in MemberStatus], default=MemberStatus.ACTIVE)
    password = models.CharField(max_length=256, blank=True)
    # Roles given by hand; every other source is computed when the member is read, so that none can go stale.
    direct_roles = models.JSONField(default=list, blank=True)
    # What the product calls the member.
    external_id = models.CharField(max_length=128, blank=True, default="", db_default="")
    # For emergencies: how the organization restricts signing in does not hold.
    is_breakglass = models.BooleanField(default=False, db_default=False)
    mfa_phone_number = models.CharField(max_length=32, blank=True, default="", db_default="")
    mfa_enrolled = models.BooleanField(default=False, db_default=False)
    default_mfa_method = models.CharField(max_length=16, blank=True, default="", db_default="")
    # What only the product's backend may change, what the member may, and [{"id", "email_address", "folded"}] of former
    # addresses; None for nothing, because few have any and provisioning writes many members.
    trusted_metadata = models.JSONField(null=True, blank=True)
    untrusted_metadata = models.JSONField(null=True, blank=True)
    retired_email_addresses = models.JSONField(null=True, blank=True)
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
            # Discovery is the one reader that looks across organizations.
            models.Index(fields=["email_address_folded"], name="member_discovery"),
            models.Index(fields=["organization", "id"], name="member_in_order"),
            # They are few among many.
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
    """A member signed in; the token itself is only in the browser's cookie."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    member = models.ForeignKey(MemberRow, models.CASCADE, related_name="sessions")
    token_hash = models.BinaryField(max_length=32, unique=True)
    started_at = models.DateTimeField(default=timezone.now)
    last_accessed_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    # When the password was last entered in this session.
    password_entered_at = models.DateTimeField(null=True)
    # Whether the portal started it, and not a product: it then ends when idle, and the API doesn't accept it
    # (docs/decisions/0014).
    ends_when_idle = models.BooleanField(default=True, db_default=True)
    # How the member showed who they are in the session of another organization that it was exchanged for.
    exchanged_factors = models.JSONField(default=list, blank=True, db_default=[], encoder=DjangoJSONEncoder)
    # What the product wants in the session and its JWT.
    custom_claims = models.JSONField(default=dict, blank=True, db_default={})
    revoked_at = models.DateTimeField(null=True)
    ip_address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)

    class Meta:
        db_table = "directory_membersession"
        indexes = [models.Index(fields=["organization", "member", "-started_at"], name="session_of_member")]


class SignInLinkRow(models.Model):
    """A one-time link to choose a password."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT)
    member = models.ForeignKey(MemberRow, models.CASCADE, related_name="sign_in_links")
    token_hash = models.BinaryField(max_length=32, unique=True)
    # The member's address at the time, with which the link ends; "" for links made before this was stored.
    email_address = models.EmailField(max_length=254, blank=True, default="", db_default="")
    # Whether only someone who reads the member's email can have it, not an admin who copied it.
    proves_address = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_signinlink"


class IntermediateSessionRow(models.Model):
    """A person who proved a password and has yet to choose one of the organizations where it is right."""

    id = id_field()
    token_hash = models.BinaryField(max_length=32, unique=True)
    members = models.ManyToManyField(MemberRow, through="IntermediateSessionMemberRow")
    email_address = models.CharField(max_length=254)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "directory_intermediatesession"
        indexes = [models.Index(fields=["email_address"], name="intermediate_session_of_email")]


class IntermediateSessionMemberRow(models.Model):
    """A member whom an intermediate session can be exchanged for."""

    id = models.BigAutoField(primary_key=True)
    session = models.ForeignKey(
        IntermediateSessionRow, models.CASCADE, db_column="intermediatesession_id", related_name="+"
    )
    member = models.ForeignKey(MemberRow, models.CASCADE, db_column="member_id", related_name="+")

    class Meta:
        db_table = "directory_intermediatesession_members"
        unique_together = [("session", "member")]  # as the table that Django created has it
