"""The server processes that run, and rotations of their keys."""

from django.db import models

from portal.embedded.models.fields import id_field


class ServerProcessRow(models.Model):
    """A web process or worker, which says every few seconds that it runs. Rows of ended processes are deleted after an hour."""

    id = id_field()
    # The machine's name and the process ID.
    name = models.CharField(max_length=300)
    # Fingerprints of its keys: the first one signs or encrypts.
    signing_keys = models.JSONField()
    encryption_keys = models.JSONField()
    started_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "directory_serverprocess"


class KeyRotationRow(models.Model):
    """A rotation of a key that was started and isn't complete."""

    # The name of the setting.
    key = models.CharField(max_length=30, primary_key=True)
    # Fingerprints: the key that is replaced, and those that every process had at the start.
    replaced_key = models.CharField(max_length=16)
    known_keys = models.JSONField()
    started_at = models.DateTimeField()

    class Meta:
        db_table = "directory_keyrotation"
