"""Old months of the activity log go to files before they leave the database, on which it stays append-only."""

import gzip
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from portal.directory.actor import Actor, ActorType, Origin
from portal.embedded import activity_archive, models
from portal.embedded.audit import Caller, record
from portal.embedded.database import partitions, triggers

pytestmark = pytest.mark.django_db
# In the future: a partitioned database has one partition for all of the past.
YEAR = timezone.now().year + 4
CALLER = Caller(Actor(ActorType.OPERATOR, name="Ops"), Origin())


@pytest.fixture(autouse=True)
def _limit(settings: Settings) -> None:
    settings.ACTIVITY_LOG_DAYS = 365


def record_at(organization: models.OrganizationRow | None, *months: tuple[int, int]) -> None:
    for year, month in months:
        with time_machine.travel(datetime(year, month, 20, 12, tzinfo=UTC), tick=False):
            partitions.create()
            record(
                CALLER,
                "member.update",
                organization_id=organization.pk if organization else None,
                target_id=f"member-{year}-{month}",
                after={"name": "Zoë"},
            )


def archive(folder: Path) -> dict[str, str]:
    out = StringIO()
    call_command("archiveactivity", "--to", str(folder), "--json", stdout=out)
    answer: dict[str, str] = json.loads(out.getvalue())
    return answer


def lines(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt") as text:
        return [json.loads(line) for line in text]


def targets() -> list[str]:
    return list(models.ActivityEntryRow.objects.order_by("pk").values_list("target_id", flat=True))


@pytest.fixture
def two_years(acme: models.OrganizationRow) -> Iterator[None]:
    record_at(None, (YEAR, 11))
    record_at(acme, (YEAR, 11), (YEAR, 11), (YEAR, 12), (YEAR + 1, 6))
    with time_machine.travel(datetime(YEAR + 1, 12, 20, tzinfo=UTC), tick=False):
        yield


def test_complete_old_months_are_moved_to_a_file_each(
    two_years: None, acme: models.OrganizationRow, tmp_path: Path
) -> None:
    done = archive(tmp_path)

    # 365 days before 20 December is in December of the year before, which isn't complete.
    file = tmp_path / f"activity-{YEAR}-11.jsonl.gz"
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert done == {file.name: hashlib.sha256(file.read_bytes()).hexdigest()}
    assert file.stat().st_mode & 0o777 == 0o600
    entries = lines(file)
    named = f"organization-live-{acme.pk}"
    assert sorted(str(entry["organization_id"]) for entry in entries) == ["None", named, named]
    (first, *_) = entries
    assert (first["at"], first["target_id"]) == (f"{YEAR}-11-20T12:00:00Z", f"member-{YEAR}-11")
    assert (first["after"], first["actor_name"]) == ({"name": "Zoë"}, "Ops")
    assert targets() == [f"member-{YEAR}-12", f"member-{YEAR + 1}-6", file.name]


def test_the_log_says_what_was_moved(two_years: None, tmp_path: Path) -> None:
    done = archive(tmp_path)

    entry = models.ActivityEntryRow.objects.get(action="activity_log.archive")
    assert entry.target_id in done
    assert entry.after == {"entries": 3, "sha256": done[entry.target_id], "until": f"{YEAR}-12-01T00:00:00+00:00"}
    assert (entry.actor_type, entry.user_agent) == ("operator", "manage.py archiveactivity")


def test_the_log_is_append_only_again(two_years: None, tmp_path: Path) -> None:
    archive(tmp_path)

    assert triggers.faults(connection.alias) == []
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        models.ActivityEntryRow.objects.all().delete()


def test_what_a_stopped_run_left_goes_to_another_file(
    two_years: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(activity_archive, "_delete", stop)
        with pytest.raises(KeyboardInterrupt):
            archive(tmp_path)
    assert targets()[:3] == [f"member-{YEAR}-11"] * 3

    assert list(archive(tmp_path)) == [f"activity-{YEAR}-11-2.jsonl.gz"]
    files = [tmp_path / name for name in (f"activity-{YEAR}-11.jsonl.gz", f"activity-{YEAR}-11-2.jsonl.gz")]
    assert [len(lines(file)) for file in files] == [3, 3]
    assert targets()[0] == f"member-{YEAR}-12"


def test_nothing_is_deleted_unless_the_file_was_written(
    two_years: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError("No space left on device")

    before = targets()
    monkeypatch.setattr("portal.embedded.activity_archive.os.fsync", fail)
    with pytest.raises(OSError, match="No space"):
        archive(tmp_path)

    assert targets() == before
    assert list(tmp_path.iterdir()) == []


def test_without_a_limit_the_log_is_kept(two_years: None, tmp_path: Path, settings: Settings) -> None:
    settings.ACTIVITY_LOG_DAYS = 0

    with pytest.raises(CommandError, match="ACTIVITY_LOG_DAYS is 0"):
        archive(tmp_path)


@pytest.mark.postgresql
def test_only_the_owner_of_the_tables_can(two_years: None, tmp_path: Path) -> None:
    role = f"serving_{connection.settings_dict['NAME']}"
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE ROLE "{role}"')
        cursor.execute(f'GRANT SELECT, INSERT, DELETE ON ALL TABLES IN SCHEMA public TO "{role}"')
        try:
            cursor.execute(f'SET ROLE "{role}"')
            with pytest.raises(CommandError, match="Only the owner of the tables"):
                archive(tmp_path)
        finally:
            cursor.execute("RESET ROLE")
            cursor.execute(f'DROP OWNED BY "{role}"')
            cursor.execute(f'DROP ROLE "{role}"')
    assert list(tmp_path.iterdir()) == []
