"""The activity log's table."""

from django.db import models

from portal.directory.actor import ActorType
from portal.embedded.models.fields import id_field
from portal.embedded.models.organizations import OrganizationRow


class ActivityEntryRow(models.Model):
    """A change: its actor, its origin, and the changed fields. The database rejects updates and deletes of it (triggers.py)."""

    id = id_field()
    # None for changes of the project.
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, null=True, db_index=False)
    at = models.DateTimeField(auto_now_add=True)
    actor_type = models.CharField(max_length=16, choices=[(t, t) for t in ActorType])
    actor_id = models.CharField(max_length=100, blank=True)
    actor_name = models.CharField(max_length=256, blank=True)
    on_behalf_of = models.CharField(max_length=100, blank=True)
    action = models.CharField(max_length=64)
    target_id = models.CharField(max_length=100)
    target_name = models.CharField(max_length=256, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    ip_address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    request_id = models.CharField(max_length=100, blank=True)

    class Meta:
        db_table = "directory_activityentry"
        indexes = [models.Index(fields=["organization", "-at", "-id"], name="activity_newest_first")]
