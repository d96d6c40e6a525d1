"""Invitations that nobody has accepted yet, and jobs that invite many people."""

from django.db import models

from portal.directory.bulk_invitations import JobState
from portal.embedded.models.fields import TenantKey, id_field
from portal.embedded.models.members import MemberRow
from portal.embedded.models.organizations import OrganizationRow


class InvitationRow(models.Model):
    """An invited member's newest invitation. It's deleted when the member accepts it, or is deleted.

    It has no secret: the link is created when the email is rendered.
    """

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    member = TenantKey(MemberRow, models.CASCADE, related_name="+", db_index=False)
    # The public ID of the member who invited, "" if the product or the operator did.
    invited_by = models.CharField(max_length=64, blank=True)
    # The language that was chosen for the email, "" for that of the member or the organization.
    locale = models.CharField(max_length=16, blank=True)
    # How often it was sent. An email of an earlier time isn't sent once there is a later one.
    sends = models.PositiveIntegerField(default=1)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # When the mail server accepted the newest email, None before. A second attempt then sends nothing.
    emailed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "directory_invitation"
        constraints = [models.UniqueConstraint(fields=["member", "organization"], name="invitation_of_member")]
        indexes = [models.Index(fields=["organization", "expires_at", "id"], name="invitation_expiry")]


class InvitationJobRow(models.Model):
    """A list of people to invite: a draft until someone starts it, then a job of the worker."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    state = models.CharField(max_length=16, choices=[(one, one) for one in JobState], default=JobState.DRAFT)
    # The member whose list it is, in whose name people are invited.
    created_by = models.CharField(max_length=64)
    created_by_name = models.CharField(max_length=256, blank=True)
    # How many lines there are in each state.
    counts = models.JSONField(default=dict)
    ip_address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    request_id = models.CharField(max_length=100, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "directory_invitationjob"
        indexes = [
            models.Index(fields=["organization", "-id"], name="invitation_job_listed"),
            models.Index(fields=["created_at"], name="invitation_job_created"),
        ]


class InvitationLineRow(models.Model):
    """A person of such a list, and what happens or happened with them."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    job = TenantKey(InvitationJobRow, models.CASCADE, related_name="+", db_index=False)
    # The line of the text or the row of the file, counted from 1.
    number = models.PositiveIntegerField()
    # As it was entered, which needn't be an address.
    email_address = models.CharField(max_length=320)
    name = models.CharField(max_length=256, blank=True)
    roles = models.JSONField(default=list)
    locale = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=16)
    # Why the person isn't invited, "" if they are.
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "directory_invitationline"
        constraints = [models.UniqueConstraint(fields=["job", "number", "organization"], name="invitation_line_number")]
        indexes = [models.Index(fields=["job", "state", "number"], name="invitation_line_state")]
