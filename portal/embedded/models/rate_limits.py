"""Counters for rate limits, shared by all web processes."""

from django.db import models


class RateLimitCounterRow(models.Model):
    """The number of attempts in the current window."""

    key = models.CharField(max_length=256, primary_key=True)
    amount = models.PositiveIntegerField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "directory_ratelimitcounter"
