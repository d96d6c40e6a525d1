"""The organization becomes part of each key (docs/decisions/0026). This is what the models say, and SQLite's part.

PostgreSQL's part is in the next two migrations, which change nothing that the models say.
"""

import uuid

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import portal.embedded.models.fields

PROJECT = uuid.UUID(int=0)


def name_organizations(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Store the organizations of the rows that have none: of a choice of organizations, and of the project's entries."""
    using = schema_editor.connection.alias
    for row in apps.get_model("directory", "IntermediateSessionMemberRow").objects.using(using).select_related("member"):
        row.organization_id = row.member.organization_id
        row.save(update_fields=["organization"])
    entries = apps.get_model("directory", "ActivityEntryRow").objects.using(using)
    entries.filter(organization=None).update(organization_id=PROJECT)


def leave_nameless(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Undo it for the project's entries."""
    entries = apps.get_model("directory", "ActivityEntryRow").objects.using(schema_editor.connection.alias)
    entries.filter(organization_id=PROJECT).update(organization=None)


class OnSqlite(migrations.SeparateDatabaseAndState):
    """Operations that change the database on SQLite only."""

    def __init__(self, operations):
        super().__init__(database_operations=operations, state_operations=operations)

    def deconstruct(self):
        return type(self).__name__, [self.state_operations], {}

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "sqlite":
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "sqlite":
            super().database_backwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    dependencies = [("directory", "0033_names_of_safeguard_fields")]

    operations = [
        OnSqlite(
            [
                migrations.RemoveConstraint(
                    model_name='scimgrouprow',
                    name='scim_group_name_unique',
                ),
                migrations.RemoveConstraint(
                    model_name='scimmembershiprow',
                    name='scim_membership_unique',
                ),
                migrations.RemoveConstraint(
                    model_name='scimnestingrow',
                    name='scim_nesting_unique',
                ),
                migrations.RemoveConstraint(
                    model_name='scimtokenrow',
                    name='scim_token_one_current_one_next',
                ),
                migrations.RemoveConstraint(
                    model_name='scimuserrow',
                    name='scim_user_name_unique',
                ),
                migrations.RemoveIndex(
                    model_name='scimgrouprow',
                    name='scim_group_in_order',
                ),
                migrations.RemoveIndex(
                    model_name='scimgrouprow',
                    name='scim_group_by_external_id',
                ),
                migrations.RemoveIndex(
                    model_name='scimgrouprow',
                    name='scim_group_by_name',
                ),
                migrations.RemoveIndex(
                    model_name='scimgrouprow',
                    name='scim_group_removal_on_hold',
                ),
                migrations.RemoveIndex(
                    model_name='scimuserrow',
                    name='scim_user_in_order',
                ),
                migrations.RemoveIndex(
                    model_name='scimuserrow',
                    name='scim_user_deactivated',
                ),
                migrations.RemoveIndex(
                    model_name='scimuserrow',
                    name='scim_user_by_external_id',
                ),
                migrations.RemoveIndex(
                    model_name='scimuserrow',
                    name='scim_user_by_name',
                ),
                migrations.RemoveIndex(
                    model_name='scimuserrow',
                    name='scim_user_cannot_sign_in',
                ),
                migrations.RemoveIndex(
                    model_name='scimuserrow',
                    name='scim_user_waits_to_leave',
                ),
                migrations.AlterUniqueTogether(
                    name='intermediatesessionmemberrow',
                    unique_together=set(),
                ),
                migrations.AddField(
                    "intermediatesessionmemberrow",
                    "organization",
                    models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, to="directory.organizationrow"),
                ),
                migrations.RunPython(name_organizations, leave_nameless),
                migrations.AlterField(
                    "intermediatesessionmemberrow",
                    "organization",
                    models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to="directory.organizationrow"),
                ),
                migrations.AlterField(
                    model_name='activityentryrow',
                    name='organization',
                    field=models.ForeignKey(db_constraint=False, db_index=False, default=uuid.UUID('00000000-0000-0000-0000-000000000000'), on_delete=django.db.models.deletion.PROTECT, to='directory.organizationrow'),
                ),
                migrations.AlterField(
                    model_name='intermediatesessionmemberrow',
                    name='session',
                    field=models.ForeignKey(db_column='intermediatesession_id', db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='directory.intermediatesessionrow'),
                ),
                migrations.AlterField(
                    model_name='membersessionrow',
                    name='member',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to='directory.memberrow'),
                ),
                migrations.AlterField(
                    model_name='membersessionrow',
                    name='token_hash',
                    field=models.BinaryField(max_length=32),
                ),
                migrations.AlterField(
                    model_name='scimconflictrow',
                    name='organization',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='directory.organizationrow'),
                ),
                migrations.AlterField(
                    model_name='scimcontactrow',
                    name='organization',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='directory.organizationrow'),
                ),
                migrations.AlterField(
                    model_name='scimgrouprolerow',
                    name='organization',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='directory.organizationrow'),
                ),
                migrations.AlterField(
                    model_name='scimreminderrow',
                    name='organization',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='directory.organizationrow'),
                ),
                migrations.AlterField(
                    model_name='scimsafeguardrow',
                    name='organization',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='directory.organizationrow'),
                ),
                migrations.AlterField(
                    model_name='scimtokenrow',
                    name='token_hash',
                    field=models.BinaryField(max_length=32),
                ),
                migrations.AlterField(
                    model_name='signinlinkrow',
                    name='organization',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, to='directory.organizationrow'),
                ),
                migrations.AlterField(
                    model_name='signinlinkrow',
                    name='token_hash',
                    field=models.BinaryField(max_length=32),
                ),
                migrations.AddIndex(
                    model_name='scimgrouprow',
                    index=models.Index(fields=['external_id', 'organization', 'connection', 'id'], name='scim_group_external_id'),
                ),
                migrations.AddIndex(
                    model_name='scimgrouprow',
                    index=models.Index(fields=['connection', 'organization', 'id'], name='scim_group_listed'),
                ),
                migrations.AddIndex(
                    model_name='scimgrouprow',
                    index=models.Index(fields=['connection', 'organization', 'display_name_folded'], name='scim_group_listed_by_name'),
                ),
                migrations.AddIndex(
                    model_name='scimgrouprow',
                    index=models.Index(condition=models.Q(('removal_held_at__isnull', False)), fields=['connection', 'organization', 'id'], name='scim_group_on_hold'),
                ),
                migrations.AddIndex(
                    model_name='scimuserrow',
                    index=models.Index(fields=['external_id', 'organization', 'connection', 'id'], name='scim_user_external_id'),
                ),
                migrations.AddIndex(
                    model_name='scimuserrow',
                    index=models.Index(fields=['connection', 'organization', 'id'], name='scim_user_listed'),
                ),
                migrations.AddIndex(
                    model_name='scimuserrow',
                    index=models.Index(fields=['connection', 'organization', 'user_name_folded'], name='scim_user_listed_by_name'),
                ),
                migrations.AddIndex(
                    model_name='scimuserrow',
                    index=models.Index(condition=models.Q(('deactivation_held_at__isnull', False)), fields=['connection', 'organization', 'id'], name='scim_user_on_hold'),
                ),
                migrations.AddIndex(
                    model_name='scimuserrow',
                    index=models.Index(condition=models.Q(('active', False)), fields=['connection', 'organization', 'user_name_folded'], name='scim_user_inactive'),
                ),
                migrations.AddIndex(
                    model_name='scimuserrow',
                    index=models.Index(condition=models.Q(('cannot_sign_in', True)), fields=['connection', 'organization', 'user_name_folded'], name='scim_user_without_access'),
                ),
                migrations.AddConstraint(
                    model_name='intermediatesessionmemberrow',
                    constraint=models.UniqueConstraint(fields=('session', 'member', 'organization'), name='intermediate_session_member_key'),
                ),
                migrations.AddConstraint(
                    model_name='membersessionrow',
                    constraint=models.UniqueConstraint(fields=('token_hash', 'organization'), name='session_token_key'),
                ),
                migrations.AddConstraint(
                    model_name='scimgrouprow',
                    constraint=models.UniqueConstraint(fields=('display_name_folded', 'organization', 'connection'), name='scim_group_name_key'),
                ),
                migrations.AddConstraint(
                    model_name='scimmembershiprow',
                    constraint=models.UniqueConstraint(fields=('group', 'user', 'organization'), name='scim_membership_key'),
                ),
                migrations.AddConstraint(
                    model_name='scimnestingrow',
                    constraint=models.UniqueConstraint(fields=('group', 'member', 'organization'), name='scim_nesting_key'),
                ),
                migrations.AddConstraint(
                    model_name='scimtokenrow',
                    constraint=models.UniqueConstraint(fields=('token_hash', 'organization'), name='scim_token_key'),
                ),
                migrations.AddConstraint(
                    model_name='scimtokenrow',
                    constraint=models.UniqueConstraint(condition=models.Q(('revoked_at', None)), fields=('connection', 'is_next', 'organization'), name='scim_token_current_and_next'),
                ),
                migrations.AddConstraint(
                    model_name='scimuserrow',
                    constraint=models.UniqueConstraint(fields=('user_name_folded', 'organization', 'connection'), name='scim_user_name_key'),
                ),
                migrations.AddConstraint(
                    model_name='signinlinkrow',
                    constraint=models.UniqueConstraint(fields=('token_hash', 'organization'), name='sign_in_link_token_key'),
                ),
            ]
        ),
        # The databases have these foreign keys already: SQLite as they are, PostgreSQL until the next migrations.
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='intermediatesessionmemberrow',
                    name='member',
                    field=portal.embedded.models.fields.TenantKey(db_column='member_id', db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='directory.memberrow'),
                ),
                migrations.AlterField(
                    model_name='scimconflictrow',
                    name='connection',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='conflicts', to='directory.scimconnectionrow'),
                ),
                migrations.AlterField(
                    model_name='scimconflictrow',
                    name='member',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='scim_conflicts', to='directory.memberrow'),
                ),
                migrations.AlterField(
                    model_name='scimcontactrow',
                    name='connection',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='contacts', to='directory.scimconnectionrow'),
                ),
                migrations.AlterField(
                    model_name='scimgrouprolerow',
                    name='connection',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='group_roles', to='directory.scimconnectionrow'),
                ),
                migrations.AlterField(
                    model_name='scimgrouprolerow',
                    name='group',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='roles', to='directory.scimgrouprow'),
                ),
                migrations.AlterField(
                    model_name='scimgrouprow',
                    name='connection',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='groups', to='directory.scimconnectionrow'),
                ),
                migrations.AlterField(
                    model_name='scimmembershiprow',
                    name='group',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='directory.scimgrouprow'),
                ),
                migrations.AlterField(
                    model_name='scimmembershiprow',
                    name='user',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='memberships', to='directory.scimuserrow'),
                ),
                migrations.AlterField(
                    model_name='scimnestingrow',
                    name='group',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='nestings', to='directory.scimgrouprow'),
                ),
                migrations.AlterField(
                    model_name='scimnestingrow',
                    name='member',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='parents', to='directory.scimgrouprow'),
                ),
                migrations.AlterField(
                    model_name='scimreminderrow',
                    name='connection',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='reminders', to='directory.scimconnectionrow'),
                ),
                migrations.AlterField(
                    model_name='scimrequestrow',
                    name='connection',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='requests', to='directory.scimconnectionrow'),
                ),
                migrations.AlterField(
                    model_name='scimsafeguardrow',
                    name='connection',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='safeguards', to='directory.scimconnectionrow'),
                ),
                migrations.AlterField(
                    model_name='scimtokenrow',
                    name='connection',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='directory.scimconnectionrow'),
                ),
                migrations.AlterField(
                    model_name='scimuserrow',
                    name='connection',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='users', to='directory.scimconnectionrow'),
                ),
                migrations.AlterField(
                    model_name='scimuserrow',
                    name='member',
                    field=portal.embedded.models.fields.TenantOneToOne(db_constraint=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='scim_user', to='directory.memberrow'),
                ),
                migrations.AlterField(
                    model_name='signinlinkrow',
                    name='member',
                    field=portal.embedded.models.fields.TenantKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='sign_in_links', to='directory.memberrow'),
                ),
            ]
        ),
    ]
