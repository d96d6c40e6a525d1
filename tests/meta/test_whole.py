"""Rules about the whole project."""

from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from portal.checks import setting_names

ROOT = Path(__file__).parents[2]


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


def test_every_setting_from_the_environment_is_documented() -> None:
    documented = (ROOT / "docs/configure.md").read_text()

    assert len(setting_names()) > 50
    assert [name for name in sorted(setting_names()) if f"`{name}`" not in documented] == []


def test_secrets_of_the_tests_are_not_those_of_the_developer() -> None:
    assert settings.SECRET_KEY.startswith("tests-only-")
