"""SCIM connections with their contacts, reminders, safeguards and tokens."""

from django.db import models

from portal.directory.scim.connection import ScimConnectionStatus, ScimIdentityProvider
from portal.embedded.models.fields import FoldedAddressField, TenantKey, id_field
from portal.embedded.models.organizations import OrganizationRow


class ScimConnectionRow(models.Model):
    """A SCIM connection: one identity provider of an organization."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, related_name="scim_connections")
    display_name = models.CharField(max_length=256)
    identity_provider = models.CharField(
        max_length=32, choices=[(p, p.label) for p in ScimIdentityProvider], default=ScimIdentityProvider.GENERIC
    )
    status = models.CharField(
        max_length=16, choices=[(s, s) for s in ScimConnectionStatus], default=ScimConnectionStatus.ACTIVE
    )
    # Reject everything that RFC 7643 and 7644 don't define, instead of being lenient.
    is_strict = models.BooleanField(default=False)
    # Extension schemas as [{"resourceType": "User", "schema": {…}}], each a Schema of RFC 7643, 7.
    extension_schemas = models.JSONField(default=list, blank=True)
    # Set once a group is a member of another. Without it, queries skip the search for parent groups.
    has_nested_groups = models.BooleanField(default=False)
    # Ignore unknown members instead of rejecting the request, because some IdPs never retry a failed one.
    skips_unknown_members = models.BooleanField(default=False)
    # What an admin should look at: the last request that was rejected to keep the organization usable.
    attention = models.CharField(max_length=512, blank=True)
    attention_at = models.DateTimeField(null=True, blank=True)
    # The deactivation safeguard (scim/safeguard.py): when the hold began, when an admin chose to keep it, and when the first
    # contact was emailed. An approval is for users whose deactivation was put on hold from `hold_approved_from` on, and is
    # valid for a day, until `hold_approved_until`.
    hold_started_at = models.DateTimeField(null=True, blank=True, db_column="brake_stopped_at")
    hold_kept_at = models.DateTimeField(null=True, blank=True, db_column="brake_kept_at")
    hold_notified_at = models.DateTimeField(null=True, blank=True, db_column="brake_told_at")
    hold_approved_from = models.DateTimeField(null=True, blank=True, db_column="brake_approved_from")
    hold_approved_until = models.DateTimeField(null=True, blank=True, db_column="brake_released_until")
    # The limits that an admin chose; None for the operator's. Both count only within SCIM_SAFEGUARD_…_BOUNDS.
    safeguard_share = models.PositiveSmallIntegerField(null=True, blank=True)
    safeguard_minimum = models.PositiveIntegerField(null=True, blank=True)
    # The number of pending decisions (ScimConflictRow), up to MAX_COUNTED, updated with each change.
    waiting_conflicts = models.PositiveIntegerField(default=0, db_default=0)
    # When an admin paused provisioning, and that admin's name.
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=256, blank=True, default="", db_default="")
    # When it was deleted, and the name of the admin. It can be restored for SCIM_RESTORE_DAYS.
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.CharField(max_length=256, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "directory_scimconnection"
        constraints = [
            # Stytch: one active connection per organization (active_scim_connection_exists).
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(status=ScimConnectionStatus.ACTIVE),
                name="scim_connection_one_active",
            ),
            models.CheckConstraint(
                name="scim_connection_status_known", condition=models.Q(status__in=list(ScimConnectionStatus))
            ),
        ]


class ScimContactRow(models.Model):
    """A contact of a connection, who gets its emails and doesn't have to be a member."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    connection = TenantKey(ScimConnectionRow, models.CASCADE, related_name="contacts")
    email_address = models.EmailField(max_length=254)
    email_address_folded = FoldedAddressField(of="email_address")
    # When the recipient stopped these emails. The row stays, so that admins see it.
    stopped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "directory_scimcontact"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "connection", "email_address_folded"], name="scim_contact_unique"
            )
        ]


class ScimReminderRow(models.Model):
    """A reminder to one contact. The run that claims it sends it."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    connection = TenantKey(ScimConnectionRow, models.CASCADE, related_name="reminders")
    # The subject (scim/reminders.py): a token and the days before it expires, or when a hold began.
    about = models.CharField(max_length=100)
    # SHA-256 of the contact's case-folded address, in hexadecimal.
    contact_hash = models.CharField(max_length=64, default="", db_default="")
    claimed_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_scimreminder"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "connection", "about", "contact_hash"], name="scim_reminder_once_per_contact"
            )
        ]


class ScimSafeguardRow(models.Model):
    """The numbers by which the deactivation safeguard counts. Each deactivation locks the connection's row."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    connection = TenantKey(ScimConnectionRow, models.CASCADE, related_name="safeguards")
    # {minute since 1970: number} of the last hour: deactivated users, and users who lost the roles of a group.
    minutes = models.JSONField(default=dict)
    removal_minutes = models.JSONField(default=dict, db_default={})
    # Active users when they were last counted, including those deactivated within the hour before.
    user_count = models.PositiveIntegerField(default=0, db_column="people")
    # When the hold began: users deactivated within the hour, and users who lost the roles of a group.
    deactivated_count = models.PositiveIntegerField(default=0, db_column="gone")
    removed_count = models.PositiveIntegerField(default=0, db_default=0, db_column="removed")
    counted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_scimbrake"
        constraints = [
            models.UniqueConstraint(fields=["organization", "connection"], name="scim_brake_one_per_connection")
        ]


class ScimTokenRow(models.Model):
    """A bearer token of a connection. During a rotation, the current and the next token are valid."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT)
    connection = TenantKey(ScimConnectionRow, models.CASCADE, related_name="tokens")
    token_hash = models.BinaryField(max_length=32)
    last_four = models.CharField(max_length=4)
    is_next = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    # Written at most once a minute.
    last_used_at = models.DateTimeField(null=True)
    last_used_ip = models.CharField(max_length=45, blank=True)
    last_used_client = models.CharField(max_length=256, blank=True)

    class Meta:
        db_table = "directory_scimtoken"
        constraints = [
            models.UniqueConstraint(fields=["token_hash", "organization"], name="scim_token_key"),
            # At most two live tokens: the current one and the next one.
            models.UniqueConstraint(
                fields=["connection", "is_next", "organization"],
                condition=models.Q(revoked_at=None),
                name="scim_token_current_and_next",
            ),
        ]
