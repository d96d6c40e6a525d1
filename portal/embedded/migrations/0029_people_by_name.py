from django.db import migrations

import portal.embedded.models.fields


class Migration(migrations.Migration):
    dependencies = [("directory", "0028_plain_slug_check")]

    operations = [
        migrations.AddField(
            model_name="scimuser",
            name="display_name_folded",
            field=portal.embedded.models.fields.FoldedNameField(
                blank=True, db_default="", default="", editable=False, max_length=512, of="display_name"
            ),
        ),
    ]
