"""Links and codes that give a member a new address, and the member whose address they change."""

from django.db import migrations, models

PURPOSES = [
    ("magic_link", "Magic Link"),
    ("invitation", "Invitation"),
    ("code", "Code"),
    ("password_reset", "Password Reset"),
    ("email_update", "Email Update"),
    ("update_code", "Update Code"),
]


class Migration(migrations.Migration):
    dependencies = [("directory", "0047_preferences")]

    operations = [
        migrations.AddField(
            model_name="emailtokenrow",
            name="updates_member",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AlterField("emailtokenrow", "purpose", models.CharField(choices=PURPOSES, max_length=16)),
        migrations.AlterField("discoverytokenrow", "purpose", models.CharField(choices=PURPOSES, max_length=16)),
    ]
