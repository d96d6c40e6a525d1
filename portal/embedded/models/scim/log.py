"""The log of SCIM requests."""

from django.db import models
from django.utils import timezone

from portal.directory.scim.log import FIRST_ERROR_STATUS
from portal.embedded.models.fields import TenantKey, id_field
from portal.embedded.models.organizations import OrganizationRow
from portal.embedded.models.scim.connections import ScimConnectionRow


class ScimRequestRow(models.Model):
    """A request of an IdP and the response, without secrets and personal data (log/redaction.py)."""

    # It starts with the time, so its order is that of the requests, and its index finds the old ones.
    id = id_field()
    # Without foreign-key constraints: a trigger (triggers.py) checks the connection, and a constraint would lock the
    # connection's row for each request.
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False, db_constraint=False)
    connection = TenantKey(
        ScimConnectionRow, models.CASCADE, related_name="requests", db_index=False, db_constraint=False
    )
    at = models.DateTimeField(default=timezone.now)
    method = models.CharField(max_length=16)
    path = models.CharField(max_length=512)
    query = models.CharField(max_length=1024, blank=True)
    status = models.PositiveSmallIntegerField()
    scim_type = models.CharField(max_length=32, blank=True)
    # A ScimRejection: why authentication failed, which the response doesn't say.
    refusal = models.CharField(max_length=32, blank=True, default="", db_default="")
    detail = models.CharField(max_length=1024, blank=True)
    duration_ms = models.PositiveIntegerField()
    resource_type = models.CharField(max_length=16, blank=True)
    resource_id = models.CharField(max_length=100, blank=True)
    # The name of the user or group of a failed request.
    subject = models.CharField(max_length=256, blank=True, default="", db_default="")
    changed_attributes = models.JSONField(default=list)
    # JSON as text, because it is written for each request and rarely read.
    body = models.TextField(blank=True)
    is_body_cut = models.BooleanField(default=False)
    token_last_four = models.CharField(max_length=4, blank=True)
    ip_address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    request_id = models.CharField(max_length=100, blank=True)

    class Meta:
        db_table = "directory_scimrequest"
        # As few as possible, because each index costs every request. Partial indexes cost only their rows.
        indexes = [
            models.Index(fields=["organization", "connection", "-id"], name="scim_request_newest_first"),
            models.Index(
                fields=["organization", "connection", "-id"],
                condition=models.Q(status__gte=FIRST_ERROR_STATUS),
                name="scim_request_refused",
            ),
            models.Index(
                fields=["organization", "resource_id", "-id"],
                condition=~models.Q(resource_id=""),
                name="scim_request_of_resource",
            ),
        ]
