"""What IdPs push: the connection and its tokens, people, groups, who is in which group, and what was asked."""

from django.db import models
from django.utils import timezone

from portal.directory.scim.connection import ScimConnectionStatus, ScimIdentityProvider
from portal.directory.scim.log import FIRST_ERROR_STATUS
from portal.embedded.models.fields import ComparedField, FoldedAddressField, FoldedNameField, id_field
from portal.embedded.models.members import MemberRow
from portal.embedded.models.organizations import OrganizationRow


class ScimConnectionRow(models.Model):
    """An organization's link to its IdP."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, related_name="scim_connections")
    display_name = models.CharField(max_length=256)
    identity_provider = models.CharField(
        max_length=32, choices=[(p, p.label) for p in ScimIdentityProvider], default=ScimIdentityProvider.GENERIC
    )
    status = models.CharField(
        max_length=16, choices=[(s, s) for s in ScimConnectionStatus], default=ScimConnectionStatus.ACTIVE
    )
    # Refuse what RFC 7643 and 7644 do not have, instead of understanding what was meant.
    is_strict = models.BooleanField(default=False)
    # The organization's own: [{"resourceType": "User", "schema": {…}}], each a Schema of RFC 7643, 7.
    extension_schemas = models.JSONField(default=list, blank=True)
    # Whether a group was ever put into another one: for all others nobody looks for the groups above.
    has_nested_groups = models.BooleanField(default=False)
    # Leave out members that are not there, instead of refusing the whole change: some IdPs never repeat a refused one.
    skips_unknown_members = models.BooleanField(default=False)
    # What an admin should look at: the last thing that was refused in order to keep the organization usable.
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
    # How many people wait for a decision (ScimConflictRow), counted no further than MAX_COUNTED whenever one comes or goes.
    waiting_conflicts = models.PositiveIntegerField(default=0, db_default=0)
    # When an admin paused provisioning, and that admin's name.
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.CharField(max_length=256, blank=True, default="", db_default="")
    # Since when it is deleted, and the name of who did it; it can be restored for SCIM_RESTORE_DAYS.
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
    """An email address that is notified when a connection needs attention. It doesn't have to be a member's."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.PROTECT)
    connection = models.ForeignKey(ScimConnectionRow, models.CASCADE, related_name="contacts")
    email_address = models.EmailField(max_length=254)
    email_address_folded = FoldedAddressField(of="email_address")

    class Meta:
        db_table = "directory_scimcontact"
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "connection", "email_address_folded"], name="scim_contact_unique"
            )
        ]


class ScimReminderRow(models.Model):
    """A reminder to one contact. The run that has claimed it sends it."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.PROTECT)
    connection = models.ForeignKey(ScimConnectionRow, models.CASCADE, related_name="reminders")
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
    organization = models.ForeignKey(OrganizationRow, models.PROTECT)
    connection = models.ForeignKey(ScimConnectionRow, models.CASCADE, related_name="safeguards")
    # {minute since 1970: number} of the last hour, for users who were deactivated, and who lost the roles of a group.
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
    """A bearer token of a connection; while it is rotated, the next one is good beside the current one."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT)
    connection = models.ForeignKey(ScimConnectionRow, models.CASCADE, related_name="tokens")
    token_hash = models.BinaryField(max_length=32, unique=True)
    last_four = models.CharField(max_length=4)
    is_next = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    # Written once a minute at most.
    last_used_at = models.DateTimeField(null=True)
    last_used_ip = models.CharField(max_length=45, blank=True)
    last_used_client = models.CharField(max_length=256, blank=True)

    class Meta:
        db_table = "directory_scimtoken"
        constraints = [
            # One current and one next: two live tokens at most.
            models.UniqueConstraint(
                fields=["connection", "is_next"],
                condition=models.Q(revoked_at=None),
                name="scim_token_one_current_one_next",
            )
        ]


class ScimRequestRow(models.Model):
    """One call of an IdP and how it was answered, without what is secret or personal (request_log.py)."""

    # Its first bits are the time, so that its order is the order of the calls, and its index finds the old ones.
    id = id_field()
    # Without constraints of their own: the guard (guards.py) looks at the connection anyway, and to check them once more
    # would lock the connection's row for each call.
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False, db_constraint=False)
    connection = models.ForeignKey(
        ScimConnectionRow, models.CASCADE, related_name="requests", db_index=False, db_constraint=False
    )
    at = models.DateTimeField(default=timezone.now)
    method = models.CharField(max_length=16)
    path = models.CharField(max_length=512)
    query = models.CharField(max_length=1024, blank=True)
    status = models.PositiveSmallIntegerField()
    scim_type = models.CharField(max_length=32, blank=True)
    # A ScimRejection: what was wrong with who called, which the answer does not say.
    refusal = models.CharField(max_length=32, blank=True, default="", db_default="")
    detail = models.CharField(max_length=1024, blank=True)
    duration_ms = models.PositiveIntegerField()
    resource_type = models.CharField(max_length=16, blank=True)
    resource_id = models.CharField(max_length=100, blank=True)
    # Of a failed request: the name of the person or group that it was about (subjects.py).
    subject = models.CharField(max_length=256, blank=True, default="", db_default="")
    changed_attributes = models.JSONField(default=list)
    # JSON, as text: it is written for each call and read for few.
    body = models.TextField(blank=True)
    is_body_cut = models.BooleanField(default=False)
    token_last_four = models.CharField(max_length=4, blank=True)
    ip_address = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    request_id = models.CharField(max_length=100, blank=True)

    class Meta:
        db_table = "directory_scimrequest"
        # As few as the pages of the log can do with: each costs every call. The partial ones cost those that are in them.
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


class ScimUserRow(models.Model):
    """A provisioned person: the SCIM document as the IdP sent it, with the columns that are searched beside it."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False, db_constraint=False)
    connection = models.ForeignKey(ScimConnectionRow, models.PROTECT, related_name="users", db_index=False)
    # Who signs in; None for a person without an e-mail address.
    member = models.OneToOneField(MemberRow, models.SET_NULL, null=True, related_name="scim_user")
    # Whether the member was there before the IdP knew of them.
    is_adopted = models.BooleanField(default=False)
    user_name = models.CharField(max_length=256)
    user_name_folded = FoldedNameField(of="user_name")
    external_id = models.CharField(max_length=256, blank=True)
    display_name = models.CharField(max_length=256, blank=True)
    display_name_folded = FoldedNameField(of="display_name", blank=True, default="", db_default="")
    active = models.BooleanField(default=True)
    # The folded address that an active person waits for, because another member has it; "" for none (address_handover.py).
    awaited_address = ComparedField(max_length=512, blank=True, default="", db_default="")
    # Whether an active person has no member, or a deleted one: written by everything that changes one of these.
    cannot_sign_in = models.BooleanField(default=False, db_default=False)
    # When the IdP last asked to deactivate or delete the user, and this was put on hold.
    deactivation_held_at = models.DateTimeField(null=True, db_column="deactivation_refused_at")
    # When the deletion of the connection deactivated their member: a restored one can bring these back, and nobody else.
    deactivated_with_connection_at = models.DateTimeField(null=True)
    document = models.JSONField(default=dict)
    # The document with its values in the form in which they are compared (comparison.py), for filters and sorting.
    search = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "directory_scimuser"
        constraints = [
            # What looks up a value begins with it, and what lists with the organization: see docs/decisions/0016.
            models.UniqueConstraint(fields=["user_name_folded", "connection"], name="scim_user_name_unique")
        ]
        indexes = [
            models.Index(fields=["external_id", "connection", "id"], name="scim_user_by_external_id"),
            models.Index(fields=["organization", "connection", "id"], name="scim_user_in_order"),
            models.Index(fields=["organization", "connection", "user_name_folded"], name="scim_user_by_name"),
            models.Index(
                fields=["organization", "connection", "id"],
                condition=models.Q(deactivation_held_at__isnull=False),
                name="scim_user_waits_to_leave",
            ),
            # They are few among many: a page of them shall not read everybody.
            models.Index(
                fields=["organization", "connection", "user_name_folded"],
                condition=models.Q(active=False),
                name="scim_user_deactivated",
            ),
            models.Index(
                fields=["organization", "connection", "user_name_folded"],
                condition=models.Q(cannot_sign_in=True),
                name="scim_user_cannot_sign_in",
            ),
            models.Index(
                fields=["awaited_address", "organization", "id"],
                condition=~models.Q(awaited_address=""),
                name="scim_user_awaits_address",
            ),
        ]


class ScimGroupRow(models.Model):
    """A pushed group; its members are rows, so that a change of one never rewrites the list."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False, db_constraint=False)
    connection = models.ForeignKey(ScimConnectionRow, models.PROTECT, related_name="groups", db_index=False)
    display_name = models.CharField(max_length=256)
    display_name_folded = FoldedNameField(of="display_name")
    external_id = models.CharField(max_length=256, blank=True)
    document = models.JSONField(default=dict)
    search = models.JSONField(default=dict)
    # Kept in the transaction that changes the members, so that a list of groups counts nothing.
    member_count = models.PositiveIntegerField(default=0)
    # When the IdP last asked to take many users out of the group or to delete it, and this was put on hold; and how many.
    removal_held_at = models.DateTimeField(null=True, db_column="removal_refused_at")
    removal_held_count = models.PositiveIntegerField(default=0, db_default=0, db_column="removal_refused_people")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "directory_scimgroup"
        constraints = [
            models.UniqueConstraint(fields=["display_name_folded", "connection"], name="scim_group_name_unique")
        ]
        indexes = [
            models.Index(fields=["external_id", "connection", "id"], name="scim_group_by_external_id"),
            models.Index(fields=["organization", "connection", "id"], name="scim_group_in_order"),
            # The portal's list walks it.
            models.Index(fields=["organization", "connection", "display_name_folded"], name="scim_group_by_name"),
            models.Index(
                fields=["organization", "connection", "id"],
                condition=models.Q(removal_held_at__isnull=False),
                name="scim_group_removal_on_hold",
            ),
        ]


class ScimMembershipRow(models.Model):
    """One person in one group."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False, db_constraint=False)
    # The index of what is unique begins with the group: one less to write for each of up to millions.
    group = models.ForeignKey(ScimGroupRow, models.CASCADE, related_name="memberships", db_index=False)
    user = models.ForeignKey(ScimUserRow, models.CASCADE, related_name="memberships")

    class Meta:
        db_table = "directory_scimmembership"
        constraints = [models.UniqueConstraint(fields=["group", "user"], name="scim_membership_unique")]


class ScimNestingRow(models.Model):
    """One group as a member of another. Circles are allowed (RFC 7644, 3.7.1); whoever walks must remember where."""

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.PROTECT, db_index=False, db_constraint=False)
    group = models.ForeignKey(ScimGroupRow, models.CASCADE, related_name="nestings", db_index=False)
    member = models.ForeignKey(ScimGroupRow, models.CASCADE, related_name="parents")

    class Meta:
        db_table = "directory_scimnesting"
        constraints = [
            models.UniqueConstraint(fields=["group", "member"], name="scim_nesting_unique"),
            models.CheckConstraint(name="scim_nesting_not_itself", condition=~models.Q(group=models.F("member"))),
        ]


class ScimGroupRoleRow(models.Model):
    """A role that everybody in a group has, also in the groups within it (Stytch: implicit role assignments).

    It outlives its group: until an admin decides, it is remembered which group it was, and gives the role to nobody.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(OrganizationRow, models.PROTECT)
    connection = models.ForeignKey(ScimConnectionRow, models.CASCADE, related_name="group_roles")
    # None once the IdP has deleted the group.
    group = models.ForeignKey(ScimGroupRow, models.SET_NULL, null=True, related_name="roles")
    # What `group_id` is, or was; and what the group was called when an admin last saw to its roles.
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
    """A person whom provisioning would take over although they were a member before: an admin decides."""

    id = id_field()
    organization = models.ForeignKey(OrganizationRow, models.PROTECT)
    connection = models.ForeignKey(ScimConnectionRow, models.CASCADE, related_name="conflicts")
    member = models.ForeignKey(MemberRow, models.CASCADE, related_name="scim_conflicts")
    # Who would take them over; a decision is about this person, and ends when another one tries.
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
