"""Rows get names of their own, apart from the values of the contract. Tables and columns keep theirs."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0031_fold_names_of_people")]

    operations = [
        # What was emailed already isn't emailed again.
        migrations.RunSQL(
            "UPDATE directory_scimreminder SET about = 'safeguard' || substr(about, 6) WHERE about LIKE 'brake/%'",
            "UPDATE directory_scimreminder SET about = 'brake' || substr(about, 10) WHERE about LIKE 'safeguard/%'",
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="IntermediateSessionMemberRow",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        (
                            "session",
                            models.ForeignKey(
                                db_column="intermediatesession_id",
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="directory.intermediatesession",
                            ),
                        ),
                        (
                            "member",
                            models.ForeignKey(
                                db_column="member_id",
                                on_delete=django.db.models.deletion.CASCADE,
                                related_name="+",
                                to="directory.member",
                            ),
                        ),
                    ],
                    options={
                        "db_table": "directory_intermediatesession_members",
                        "unique_together": {("session", "member")},
                    },
                ),
                migrations.AlterField(
                    "intermediatesession",
                    "members",
                    models.ManyToManyField(through="directory.IntermediateSessionMemberRow", to="directory.member"),
                ),
                migrations.AlterModelTable("activityentry", "directory_activityentry"),
                migrations.AlterModelTable("formerslug", "directory_formerslug"),
                migrations.AlterModelTable("intermediatesession", "directory_intermediatesession"),
                migrations.AlterModelTable("member", "directory_member"),
                migrations.AlterModelTable("membersession", "directory_membersession"),
                migrations.AlterModelTable("organization", "directory_organization"),
                migrations.AlterModelTable("project", "directory_project"),
                migrations.AlterModelTable("projectsecret", "directory_projectsecret"),
                migrations.AlterModelTable("ratelimitcounter", "directory_ratelimitcounter"),
                migrations.AlterModelTable("scimbrake", "directory_scimbrake"),
                migrations.AlterModelTable("scimconflict", "directory_scimconflict"),
                migrations.AlterModelTable("scimconnection", "directory_scimconnection"),
                migrations.AlterModelTable("scimcontact", "directory_scimcontact"),
                migrations.AlterModelTable("scimgroup", "directory_scimgroup"),
                migrations.AlterModelTable("scimgrouprole", "directory_scimgrouprole"),
                migrations.AlterModelTable("scimmembership", "directory_scimmembership"),
                migrations.AlterModelTable("scimnesting", "directory_scimnesting"),
                migrations.AlterModelTable("scimreminder", "directory_scimreminder"),
                migrations.AlterModelTable("scimrequest", "directory_scimrequest"),
                migrations.AlterModelTable("scimtoken", "directory_scimtoken"),
                migrations.AlterModelTable("scimuser", "directory_scimuser"),
                migrations.AlterModelTable("signinlink", "directory_signinlink"),
                migrations.AlterModelTable("signingkey", "directory_signingkey"),
                migrations.RenameModel("ActivityEntry", "ActivityEntryRow"),
                migrations.RenameModel("FormerSlug", "FormerSlugRow"),
                migrations.RenameModel("IntermediateSession", "IntermediateSessionRow"),
                migrations.RenameModel("Member", "MemberRow"),
                migrations.RenameModel("MemberSession", "MemberSessionRow"),
                migrations.RenameModel("Organization", "OrganizationRow"),
                migrations.RenameModel("Project", "ProjectRow"),
                migrations.RenameModel("ProjectSecret", "ProjectSecretRow"),
                migrations.RenameModel("RateLimitCounter", "RateLimitCounterRow"),
                migrations.RenameModel("ScimBrake", "ScimSafeguardRow"),
                migrations.RenameModel("ScimConflict", "ScimConflictRow"),
                migrations.RenameModel("ScimConnection", "ScimConnectionRow"),
                migrations.RenameModel("ScimContact", "ScimContactRow"),
                migrations.RenameModel("ScimGroup", "ScimGroupRow"),
                migrations.RenameModel("ScimGroupRole", "ScimGroupRoleRow"),
                migrations.RenameModel("ScimMembership", "ScimMembershipRow"),
                migrations.RenameModel("ScimNesting", "ScimNestingRow"),
                migrations.RenameModel("ScimReminder", "ScimReminderRow"),
                migrations.RenameModel("ScimRequest", "ScimRequestRow"),
                migrations.RenameModel("ScimToken", "ScimTokenRow"),
                migrations.RenameModel("ScimUser", "ScimUserRow"),
                migrations.RenameModel("SignInLink", "SignInLinkRow"),
                migrations.RenameModel("SigningKey", "SigningKeyRow"),
                migrations.AlterField(
                    "scimsafeguardrow",
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="safeguards",
                        to="directory.scimconnectionrow",
                    ),
                ),
                migrations.RenameField("scimconnectionrow", "brake_stopped_at", "hold_started_at"),
                migrations.AlterField("scimconnectionrow", "hold_started_at", models.DateTimeField(blank=True, db_column="brake_stopped_at", null=True)),
                migrations.RenameField("scimconnectionrow", "brake_kept_at", "hold_kept_at"),
                migrations.AlterField("scimconnectionrow", "hold_kept_at", models.DateTimeField(blank=True, db_column="brake_kept_at", null=True)),
                migrations.RenameField("scimconnectionrow", "brake_told_at", "hold_notified_at"),
                migrations.AlterField("scimconnectionrow", "hold_notified_at", models.DateTimeField(blank=True, db_column="brake_told_at", null=True)),
                migrations.RenameField("scimconnectionrow", "brake_approved_from", "hold_approved_from"),
                migrations.AlterField("scimconnectionrow", "hold_approved_from", models.DateTimeField(blank=True, db_column="brake_approved_from", null=True)),
                migrations.RenameField("scimconnectionrow", "brake_released_until", "hold_approved_until"),
                migrations.AlterField("scimconnectionrow", "hold_approved_until", models.DateTimeField(blank=True, db_column="brake_released_until", null=True)),
            ]
        )
    ]
