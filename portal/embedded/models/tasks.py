"""The worker's own tables. The tasks themselves are in the table of django-tasks-db."""

from django.db import models

from portal.embedded.models.fields import id_field


class WorkerRow(models.Model):
    """A process that runs tasks. It deletes its row when it stops."""

    id = id_field()
    # The host's name and the number of the process, for operators.
    name = models.CharField(max_length=255)
    started_at = models.DateTimeField(auto_now_add=True)
    # The heartbeat. Other workers only look whether it changes, so that clocks don't matter.
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "directory_worker"


class ScheduledJobRow(models.Model):
    """When a job of the schedule last started, in any worker, and last succeeded."""

    name = models.CharField(max_length=100, primary_key=True)
    started_at = models.DateTimeField(null=True)
    # The task of the last start.
    task_id = models.UUIDField(null=True)
    succeeded_at = models.DateTimeField(null=True)
    # How long the last success took.
    seconds = models.FloatField(null=True)

    class Meta:
        db_table = "directory_scheduledjob"
