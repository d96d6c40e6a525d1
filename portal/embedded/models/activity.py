"""The activity log's table."""

from uuid import UUID

from django.db import models

from portal.directory.actor import ActorType
from portal.embedded.models.fields import id_field
from portal.embedded.models.organizations import OrganizationRow

# In place of an organization: tenant keys can't contain NULL.
PROJECT = UUID(int=0)
# What identity providers and products do many times a day.
ROUTINE_ACTIONS = (
    "scim_user.create",
    "scim_user.update",
    "scim_user.delete",
    "scim_group.create",
    "scim_group.update",
    "scim_group.delete",
    "member.create",
    "member.update",
    "member.link_scim_user",
    "member.deactivate",
    "member.reactivate",
    "member_session.create",
    "member_session.revoke",
)


class ActivityEntryRow(models.Model):
    """A change: its actor, its origin, and the changed fields. The database rejects updates and deletes of it (triggers.py)."""

    id = id_field()
    # PROJECT for changes of the project, so this column has no foreign-key constraint.
    organization = models.ForeignKey(
        OrganizationRow, models.PROTECT, default=PROJECT, db_index=False, db_constraint=False
    )
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
        # As few as possible, because each index costs every change. Partial indexes cost only their rows: what an identity
        # provider does again and again isn't in them.
        indexes = [
            models.Index(fields=["organization", "-id"], name="activity_listed"),
            models.Index(fields=["organization", "target_id", "-id"], name="activity_of_target"),
            models.Index(
                fields=["organization", "actor_id", "-id"],
                condition=~models.Q(actor_type=ActorType.SCIM.value),
                name="activity_by_actor",
            ),
            models.Index(
                fields=["organization", "actor_type", "-id"],
                condition=~models.Q(actor_type=ActorType.SCIM.value),
                name="activity_by_actor_type",
            ),
            models.Index(
                fields=["organization", "-id"],
                condition=~models.Q(action__in=ROUTINE_ACTIONS),
                name="activity_not_routine",
            ),
        ]
