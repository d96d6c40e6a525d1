"""Numbers that pages show, so that they don't count rows. Both tables are small, and written outside other transactions."""

from django.db import models

from portal.embedded.models.fields import id_field
from portal.embedded.models.organizations import OrganizationRow


class DailyCountRow(models.Model):
    """What an organization had on a day (UTC) when it was last counted. A day without changes has no row."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    day = models.DateField()
    # When counting began.
    counted_at = models.DateTimeField()
    members = models.PositiveIntegerField()
    unmanaged_members = models.PositiveIntegerField()
    # The active connection whose users and groups were counted. No foreign key: numbers of a deleted one are ignored.
    connection_key = models.UUIDField(null=True)
    active_users = models.PositiveIntegerField(default=0)
    deactivated_users = models.PositiveIntegerField(default=0)
    groups = models.PositiveIntegerField(default=0)
    granting_groups = models.PositiveIntegerField(default=0)
    # {role: [groups that grant it, active users in them]}
    roles = models.JSONField(default=dict)
    # How active members sign in (portal/embedded/organizations/sign_in_numbers.py). Empty in rows of older versions.
    sign_in = models.JSONField(default=dict, db_default={})
    # {role: [members who have it, members who have it manually, groups that grant it]}. None if an earlier version counted.
    role_members = models.JSONField(null=True)

    class Meta:
        db_table = "directory_dailycount"
        constraints = [models.UniqueConstraint(fields=["organization", "day"], name="daily_count_key")]


class ScimRequestCountRow(models.Model):
    """How many requests of a connection one process logged within an hour.

    Each process has rows of its own, so that none waits for another. There are no foreign keys, which would lock the
    connection's row.
    """

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False, db_constraint=False)
    connection_key = models.UUIDField()
    hour = models.DateTimeField()
    process_key = models.UUIDField()
    succeeded = models.PositiveIntegerField()
    failed = models.PositiveIntegerField()

    class Meta:
        db_table = "directory_scimrequestcount"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "connection_key", "hour", "process_key"], name="scim_request_count_key"
            )
        ]
