"""The worker's tables, and an index on the library's table of tasks that finds the next one of each organization."""

import portal.directory.ids
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0037_server_processes"),
        # All of them, so that a database that has this migration has the whole table.
        ("django_tasks_database", "0021_conditional_partial_index_ordering"),
    ]

    operations = [
        migrations.CreateModel(
            name="ScheduledJobRow",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("started_at", models.DateTimeField(null=True)),
                ("task_id", models.UUIDField(null=True)),
                ("succeeded_at", models.DateTimeField(null=True)),
                ("seconds", models.FloatField(null=True)),
            ],
            options={"db_table": "directory_scheduledjob"},
        ),
        migrations.CreateModel(
            name="WorkerRow",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=portal.directory.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("seen_at", models.DateTimeField()),
            ],
            options={"db_table": "directory_worker"},
        ),
        migrations.RunSQL(
            "CREATE INDEX directory_task_next ON django_tasks_database_dbtaskresult "
            "(status, queue_name, priority DESC, run_after, enqueued_at)",
            "DROP INDEX directory_task_next",
        ),
    ]
