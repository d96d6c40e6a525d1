"""Members, their sessions, and the ways in."""

from django.db import models
from django.utils import timezone

from portal.directory.embedded.models.fields import FoldedField, id_field
from portal.directory.embedded.models.organizations import Organization
from portal.directory.types import MemberStatus


class Member(models.Model):
    """A person in one organization; the same address in two organizations is two members."""

    id = id_field()
    organization = models.ForeignKey(Organization, models.PROTECT, related_name="members")
    email_address = models.EmailField(max_length=254)
    email_address_folded = FoldedField(of="email_address")
    name = models.CharField(max_length=256, blank=True)
    status = models.CharField(max_length=16, choices=[(s, s) for s in MemberStatus], default=MemberStatus.ACTIVE)
    password = models.CharField(max_length=256, blank=True)
    # Roles given by hand; every other source is computed when the member is read, so that none can go stale.
    direct_roles = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "email_address_folded"],
                condition=~models.Q(status=MemberStatus.DELETED),
                name="member_email_unique",
            ),
            models.CheckConstraint(name="member_status_known", condition=models.Q(status__in=list(MemberStatus))),
        ]
        # Discovery is the one reader that looks across organizations.
        indexes = [models.Index(fields=["email_address_folded"], name="member_discovery")]


class MemberSession(models.Model):
    """A member signed in; the token itself is only in the browser's cookie."""

    id = id_field()
    organization = models.ForeignKey(Organization, models.PROTECT)
    member = models.ForeignKey(Member, models.CASCADE, related_name="sessions")
    token_hash = models.BinaryField(max_length=32, unique=True)
    started_at = models.DateTimeField(default=timezone.now)
    last_accessed_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    # When the password was last entered in this session.
    password_entered_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    ip_address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)

    class Meta:
        indexes = [models.Index(fields=["organization", "member", "-started_at"], name="session_of_member")]


class SignInLink(models.Model):
    """An invitation to choose a password; works once, until it expires."""

    id = id_field()
    organization = models.ForeignKey(Organization, models.PROTECT)
    member = models.ForeignKey(Member, models.CASCADE, related_name="sign_in_links")
    token_hash = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)


class IntermediateSession(models.Model):
    """A person who proved a password and has yet to choose one of the organizations where it is right."""

    id = id_field()
    token_hash = models.BinaryField(max_length=32, unique=True)
    members = models.ManyToManyField(Member)
    email_address = models.CharField(max_length=254)
    expires_at = models.DateTimeField()
