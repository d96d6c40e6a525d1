"""Rules about the whole project."""

from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

ROOT = Path(__file__).parents[2]


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", "--check", "--dry-run", stdout=StringIO())


def test_every_setting_from_the_environment_is_documented() -> None:
    source = (ROOT / "portal/settings.py").read_text()
    documented = (ROOT / "docs/configure.md").read_text()

    assert [name for name in names_read(source) if f"`{name}`" not in documented] == []


def names_read(source: str) -> list[str]:
    """Return each setting that the source asks the environment for."""
    import ast  # noqa: PLC0415 -- used here alone

    readers = {"required", "one_of", "flag", "whole_number", "rate", "networks", "policy", "str", "list"}
    return [
        call.args[0].value
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        and (getattr(call.func, "id", "") in readers or getattr(call.func, "attr", "") in readers)
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and call.args[0].value.isupper()
    ]


def test_secrets_of_the_tests_are_not_those_of_the_developer() -> None:
    assert settings.SECRET_KEY.startswith("tests-only-")
