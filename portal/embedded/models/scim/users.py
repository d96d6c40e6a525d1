"""SCIM users and groups, memberships, group roles, and conflicts with existing members."""

from django.db import models
from django.utils import timezone

from portal.embedded.models.fields import ComparedField, FoldedNameField, TenantKey, TenantOneToOne, id_field
from portal.embedded.models.members import MemberRow
from portal.embedded.models.organizations import OrganizationRow
from portal.embedded.models.scim.connections import ScimConnectionRow


class ScimUserRow(models.Model):
    """A SCIM user: the document that the IdP sent, and the columns for lookups."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False, db_constraint=False)
    connection = TenantKey(ScimConnectionRow, models.PROTECT, related_name="users", db_index=False)
    # None for a user without an email address.
    member = TenantOneToOne(MemberRow, models.SET_NULL, null=True, related_name="scim_user")
    # Set if the member existed before the IdP sent them.
    is_adopted = models.BooleanField(default=False)
    user_name = models.CharField(max_length=256)
    user_name_folded = FoldedNameField(of="user_name")
    external_id = models.CharField(max_length=256, blank=True)
    display_name = models.CharField(max_length=256, blank=True)
    display_name_folded = FoldedNameField(of="display_name", blank=True, default="", db_default="")
    active = models.BooleanField(default=True)
    # The folded address that another member still has, for an active user who waits for it (address_handover.py). "" for none.
    awaited_address = ComparedField(max_length=512, blank=True, default="", db_default="")
    # Set for an active user whose member is deleted or missing. Every change of these updates it.
    cannot_sign_in = models.BooleanField(default=False, db_default=False)
    # When their deactivation or deletion was last put on hold.
    deactivation_held_at = models.DateTimeField(null=True, db_column="deactivation_refused_at")
    # When the deletion of the connection deactivated their member. Restoring it can reactivate these members only.
    deactivated_with_connection_at = models.DateTimeField(null=True)
    document = models.JSONField(default=dict)
    # The document with normalized values (comparison.py), for filters and sorting.
    search = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "directory_scimuser"
        constraints = [
            # Lookup indexes begin with the value, list indexes with the connection, and none with the organization
            # (docs/decisions/0026).
            models.UniqueConstraint(
                fields=["user_name_folded", "organization", "connection"], name="scim_user_name_key"
            )
        ]
        indexes = [
            models.Index(fields=["external_id", "organization", "connection", "id"], name="scim_user_external_id"),
            models.Index(fields=["connection", "organization", "id"], name="scim_user_listed"),
            models.Index(fields=["connection", "organization", "user_name_folded"], name="scim_user_listed_by_name"),
            models.Index(
                fields=["connection", "organization", "id"],
                condition=models.Q(deactivation_held_at__isnull=False),
                name="scim_user_on_hold",
            ),
            # Partial index: these users are rare, so paging must not scan the whole table.
            models.Index(
                fields=["connection", "organization", "user_name_folded"],
                condition=models.Q(active=False),
                name="scim_user_inactive",
            ),
            models.Index(
                fields=["connection", "organization", "user_name_folded"],
                condition=models.Q(cannot_sign_in=True),
                name="scim_user_without_access",
            ),
            models.Index(
                fields=["awaited_address", "organization", "id"],
                condition=~models.Q(awaited_address=""),
                name="scim_user_awaits_address",
            ),
        ]


class ScimGroupRow(models.Model):
    """A SCIM group. Its members are rows of their own, so that a change of one doesn't rewrite a list."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False, db_constraint=False)
    connection = TenantKey(ScimConnectionRow, models.PROTECT, related_name="groups", db_index=False)
    display_name = models.CharField(max_length=256)
    display_name_folded = FoldedNameField(of="display_name")
    external_id = models.CharField(max_length=256, blank=True)
    document = models.JSONField(default=dict)
    search = models.JSONField(default=dict)
    # Updated with the members, so that listing groups doesn't count.
    member_count = models.PositiveIntegerField(default=0)
    # When the removal of this many users, or the deletion of the group, was last put on hold.
    removal_held_at = models.DateTimeField(null=True, db_column="removal_refused_at")
    removal_held_count = models.PositiveIntegerField(default=0, db_default=0, db_column="removal_refused_people")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "directory_scimgroup"
        constraints = [
            models.UniqueConstraint(
                fields=["display_name_folded", "organization", "connection"], name="scim_group_name_key"
            )
        ]
        indexes = [
            models.Index(fields=["external_id", "organization", "connection", "id"], name="scim_group_external_id"),
            models.Index(fields=["connection", "organization", "id"], name="scim_group_listed"),
            # For the portal's list.
            models.Index(
                fields=["connection", "organization", "display_name_folded"], name="scim_group_listed_by_name"
            ),
            models.Index(
                fields=["connection", "organization", "id"],
                condition=models.Q(removal_held_at__isnull=False),
                name="scim_group_on_hold",
            ),
        ]


class ScimMembershipRow(models.Model):
    """A user in a group."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False, db_constraint=False)
    # Without an index of its own: the unique index begins with the group.
    group = TenantKey(ScimGroupRow, models.CASCADE, related_name="memberships", db_index=False)
    user = TenantKey(ScimUserRow, models.CASCADE, related_name="memberships")
    # None for users who were added before this was stored.
    added_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_scimmembership"
        constraints = [models.UniqueConstraint(fields=["group", "user", "organization"], name="scim_membership_key")]


class ScimNestingRow(models.Model):
    """A group as a member of another group. Cycles are allowed (RFC 7644, 3.7.1), so recursive queries must end."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False, db_constraint=False)
    group = TenantKey(ScimGroupRow, models.CASCADE, related_name="nestings", db_index=False)
    member = TenantKey(ScimGroupRow, models.CASCADE, related_name="parents")

    class Meta:
        db_table = "directory_scimnesting"
        constraints = [
            models.UniqueConstraint(fields=["group", "member", "organization"], name="scim_nesting_key"),
            models.CheckConstraint(name="scim_nesting_not_itself", condition=~models.Q(group=models.F("member"))),
        ]


class ScimGroupRoleRow(models.Model):
    """A role of a group: its members have it, and those of nested groups (Stytch: implicit role assignments).

    The row outlives its group. Until an admin decides, it shows which group had the role, and grants it to no one.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    connection = TenantKey(ScimConnectionRow, models.CASCADE, related_name="group_roles")
    # None after the IdP has deleted the group.
    group = TenantKey(ScimGroupRow, models.SET_NULL, null=True, related_name="roles")
    # The value that `group_id` has or had, and the group's name when an admin last changed its roles.
    group_key = models.UUIDField()
    group_name = models.CharField(max_length=256)
    role_id = models.CharField(max_length=128)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "directory_scimgrouprole"
        constraints = [
            models.UniqueConstraint(fields=["organization", "group_key", "role_id"], name="scim_group_role_unique")
        ]


class ScimConflictRow(models.Model):
    """An existing member that the IdP also sends. An admin decides whether the IdP may manage them."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False)
    connection = TenantKey(ScimConnectionRow, models.CASCADE, related_name="conflicts")
    member = TenantKey(MemberRow, models.CASCADE, related_name="scim_conflicts")
    # The SCIM user of the decision. It no longer applies if the IdP sends another user with this address.
    user_name = models.CharField(max_length=256)
    display_name = models.CharField(max_length=256, blank=True)
    first_at = models.DateTimeField(auto_now_add=True)
    last_at = models.DateTimeField(auto_now=True)
    approved_at = models.DateTimeField(null=True)
    dismissed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "directory_scimconflict"
        constraints = [
            models.UniqueConstraint(fields=["organization", "connection", "member"], name="scim_conflict_unique"),
            models.CheckConstraint(
                name="scim_conflict_one_decision", condition=models.Q(approved_at=None) | models.Q(dismissed_at=None)
            ),
        ]
        indexes = [
            models.Index(
                fields=["organization", "connection", "-id"],
                condition=models.Q(approved_at=None, dismissed_at=None),
                name="scim_conflict_waiting",
            ),
            models.Index(
                fields=["organization", "connection", "-id"],
                condition=models.Q(approved_at__isnull=False),
                name="scim_conflict_approved",
            ),
            models.Index(
                fields=["organization", "connection", "-id"],
                condition=models.Q(dismissed_at__isnull=False),
                name="scim_conflict_dismissed",
            ),
        ]
