"""A missing or invalid setting stops startup with a message that names it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.checks import names_in, unknown_names

ROOT = Path(__file__).parents[2]
GOOD = {
    "SECRET_KEY": "k9-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "PUBLIC_URL": "https://portal.example.com",
    "ALLOW_HTTP": "false",
    "TRUSTED_PROXIES": "1",
    "PATH": os.environ["PATH"],
}


def manage(*arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=GOOD | changes, capture_output=True, text=True, check=False)


def start(**changes: str) -> "subprocess.CompletedProcess[str]":
    return manage("check", "--deploy", "--fail-level", "WARNING", **changes)


def test_the_default_settings_pass_djangos_deployment_check(tmp_path: Path) -> None:
    manage("collectstatic", "--noinput", STATIC_ROOT=str(tmp_path))
    answer = start(STATIC_ROOT=str(tmp_path))

    assert (answer.returncode, answer.stderr.splitlines()[-1:]) == (0, []), answer.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", " "),
        ("SECRET_KEY", "short"),
        ("ENCRYPTION_KEY", "short"),
        ("PUBLIC_URL", "http://portal.example.com"),
        ("PUBLIC_URL", "https://portal.example.com/path"),
        ("PUBLIC_URL", "portal"),
        ("DIRECTORY", "ldap"),
        ("PROJECT_ENVIRONMENT", "staging"),
        ("DEBUG", "maybe"),
        ("SESSION_IDLE_MINUTES", "0"),
        ("SESSION_DURATION_MINUTES", "soon"),
        ("SIGN_IN_RATE_PER_ADDRESS", "often"),
        ("SCIM_RATE_PER_CONNECTION", "often"),
        ("SCIM_FAILED_AUTHENTICATION_RATE", ""),
        ("SCIM_LOG_DAYS", "0"),
        ("SCIM_SAFEGUARD_SHARE_BOUNDS", "5"),
        ("SCIM_SAFEGUARD_SHARE_BOUNDS", "50-5"),
        ("SCIM_SAFEGUARD_SHARE_BOUNDS", "0-50"),
        ("SCIM_SAFEGUARD_SHARE_BOUNDS", "30-50"),
        ("SCIM_SAFEGUARD_MINIMUM_BOUNDS", "20-30"),
        ("SCIM_MAX_BODY_BYTES", "20 MB"),
        ("SCIM_MAX_DEPTH", "1000"),
        ("SCIM_MAX_FILTER_LENGTH", "0"),
        ("SCIM_MAX_FILTER_TERMS", "-1"),
        ("SCIM_MAX_OPERATIONS", "1"),
        ("SCIM_MAX_MEMBERS", "many"),
        ("SCIM_MEMBERS_IN_PATCH_ANSWER", "-1"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("METRICS_ALLOWED_FROM", "everywhere"),
        ("TRUSTED_PROXIES", "-1"),
        ("RBAC_POLICY_FILE", "/nonexistent.json"),
        ("PROJECT_FILE", "/nonexistent.toml"),
        ("SDK_REDIRECT_URLS", "javascript:alert(1)"),
        ("SIGN_IN_EMAIL_RATE", "often"),
        ("LOG_LEVEL", "LOUD"),
        ("SCIM_RESTORE_DAYS", "0"),
        ("EMAIL_URL", "mail.example.com"),
        ("SMS_URL", "https://sms.example.com/send"),
        ("SMS_RATE_PER_NUMBER", "often"),
        ("EMAIL_URL", "smtp+tls://"),
        ("EMAIL_REPLY_TO", "Support"),
        ("OUTBOUND_ALLOWED_NETWORKS", "10.0.0.1/8"),
        ("OUTBOUND_PORTS", "443,70000"),
        ("OUTBOUND_ALLOW_HTTP", "maybe"),
        ("OUTBOUND_PROXY", "socks5://proxy:1080"),
        ("OUTBOUND_PROXY", "http://proxy"),
        ("OUTBOUND_CA_FILE", "/nonexistent.pem"),
    ],
)
def test_an_invalid_setting_is_named(name: str, value: str) -> None:
    answer = start(**{name: value})

    assert answer.returncode == 1
    assert answer.stderr.startswith("Gatehouse cannot start: ")
    assert name in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("sender", ["", "Gatehouse"])
def test_email_needs_a_sender_and_its_password_is_not_repeated(sender: str) -> None:
    answer = start(EMAIL_URL="smtp+tls://user:pass-word@mail.example.com:587", EMAIL_FROM=sender)

    assert answer.returncode == 1
    assert "EMAIL_FROM" in answer.stderr
    assert "pass-word" not in answer.stderr


SHOW_SECRETS = """
import django, json
django.setup()
from django.conf import settings
print(json.dumps([
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS, settings.ENCRYPTION_KEY, settings.ENCRYPTION_KEY_FALLBACKS,
    settings.DATABASES["default"]["NAME"], settings.REDIS_URL,
    settings.EMAIL_HOST_PASSWORD, settings.STYTCH_SECRET, settings.OUTBOUND_PROXY,
]))
"""


def test_every_secret_can_be_in_a_file(tmp_path: Path) -> None:
    secrets = {
        "SECRET_KEY": "from-a-file-" + GOOD["SECRET_KEY"] + "\r\n",
        "SECRET_KEY_FALLBACKS": "first-one\nsecond-one,third-one\n",
        "ENCRYPTION_KEY": "another-" + GOOD["SECRET_KEY"],
        "ENCRYPTION_KEY_FALLBACKS": "next-one\n",
        "DATABASE_URL": "postgres://gatehouse:pass@db.example/from-a-file\n",
        "REDIS_URL": "redis://:pass@redis.example/0\n\n",
        "EMAIL_URL": "smtp+tls://user:from-a-file@mail.example.com:587",
        "STYTCH_SECRET": "secret-live-from-a-file\n",
        "OUTBOUND_PROXY": "http://user:pass@proxy.example:3128\n",
    }
    for name, text in secrets.items():
        (tmp_path / name).write_bytes(text.encode())
    environment = {name: value for name, value in GOOD.items() if name != "SECRET_KEY"} | {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "DIRECTORY": "stytch",
        "STYTCH_PROJECT_ID": "project-live-1",
        "EMAIL_FROM": "portal@example.com",
        **{f"{name}_FILE": str(tmp_path / name) for name in secrets},
    }
    answer = subprocess.run(
        [sys.executable, "-c", SHOW_SECRETS], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert json.loads(answer.stdout) == [
        secrets["SECRET_KEY"].rstrip(),
        ["first-one", "second-one", "third-one"],
        secrets["ENCRYPTION_KEY"],
        ["next-one"],
        "from-a-file",
        "redis://:pass@redis.example/0",
        "from-a-file",
        "secret-live-from-a-file",
        "http://user:pass@proxy.example:3128",
    ]


def test_a_secret_in_two_places_is_named() -> None:
    answer = start(SECRET_KEY_FILE="/run/secrets/key")

    assert answer.stderr.strip() == (
        "Gatehouse cannot start: SECRET_KEY and SECRET_KEY_FILE are both set. Set one of them."
    )


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xff\xfe", "can't be read: it isn't UTF-8 text"),
        (b"a" * 100_000, "too large to be a secret"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "database-url"
    if content is not None:
        path.write_bytes(content)
    answer = start(DATABASE_URL_FILE=str(path))

    assert answer.returncode == 1
    assert answer.stderr.startswith(f"Gatehouse cannot start: DATABASE_URL_FILE is {path}, which ")
    assert sentence in answer.stderr
    assert "can't be read: Is a directory" in start(DATABASE_URL_FILE=str(tmp_path)).stderr


def test_a_file_that_everyone_can_read_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "redis-url"
    path.write_text("redis://127.0.0.1:6379/0")
    path.chmod(0o644)
    answer = start(REDIS_URL_FILE=str(path))
    path.chmod(0o640)

    assert f"REDIS_URL_FILE is {path}, which every user of this machine can read." in answer.stderr
    assert "every user" not in start(REDIS_URL_FILE=str(path)).stderr


def test_stytch_needs_its_credentials() -> None:
    assert "STYTCH_PROJECT_ID is not set" in start(DIRECTORY="stytch").stderr


def test_a_policy_file_that_removes_a_built_in_permission_is_rejected(tmp_path: Path) -> None:
    policy = tmp_path / "policy.json"
    policy.write_text('{"roles": [{"role_id": "stytch_admin", "permissions": []}], "resources": []}')

    assert "must keep its built-in permissions" in start(RBAC_POLICY_FILE=str(policy)).stderr


def test_https_without_a_counted_proxy_is_reported() -> None:
    answer = start(TRUSTED_PROXIES="0")

    assert answer.returncode == 1
    assert "Set TRUSTED_PROXIES" in answer.stderr


def test_metrics_of_several_workers_need_a_directory(tmp_path: Path) -> None:
    assert "Set PROMETHEUS_MULTIPROC_DIR" in start(METRICS_ALLOWED_FROM="10.0.0.0/8").stderr
    one = start(METRICS_ALLOWED_FROM="10.0.0.0/8", GRANIAN_WORKERS="1").stderr
    assert "PROMETHEUS_MULTIPROC_DIR" not in one
    missing = start(METRICS_ALLOWED_FROM="10.0.0.0/8", PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "missing"))
    assert "isn't a directory that the server can write to" in missing.stderr


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TRUSTED_PROXYS", "TRUSTED_PROXIES"),
        ("SCIM_LOG_DAY", "SCIM_LOG_DAYS"),
        ("ALLOWED_HOST", "ALLOWED_HOSTS"),
        ("DATABASE_PREPARED", "DATABASE_PREPARE"),
        ("SECRET_KEY_FALLBACK", "SECRET_KEY_FALLBACKS"),
        ("scim_log_days", "SCIM_LOG_DAYS"),
    ],
)
def test_a_misspelled_setting_is_reported(name: str, meant: str) -> None:
    assert list(unknown_names([name, *GOOD], [])) == [(name, meant)]


def test_check_names_a_misspelled_setting() -> None:
    answer = start(TRUSTED_PROXYS="1")

    assert answer.returncode == 1
    assert "TRUSTED_PROXYS isn't a setting." in answer.stderr
    assert "Did you mean TRUSTED_PROXIES?" in answer.stderr


def test_names_of_other_programs_are_not_reported() -> None:
    others = [
        "HOME",
        "USER",
        "LOGNAME",
        "SHELL",
        "DATABASE_HOST",
        "REDIS_HOST",
        "GRANIAN_WORKERS",
        "PGSSLMODE",
        "HOSTNAME",
    ]

    assert list(unknown_names([*os.environ, *others], [])) == []


def test_an_unknown_name_in_the_file_is_reported() -> None:
    listed = names_in("# a comment=1\nexport PUBLIC_URL=x\nGRANIAN_WORKERS=2\n  COLOUR = blue\nSCIM_LOG_DAY=3\n\n")

    assert listed == ["PUBLIC_URL", "GRANIAN_WORKERS", "COLOUR", "SCIM_LOG_DAY"]
    assert list(unknown_names([], listed)) == [("COLOUR", ""), ("SCIM_LOG_DAY", "SCIM_LOG_DAYS")]


SHOW_SAFEGUARD = """
import django
django.setup()
from django.conf import settings
print(settings.SCIM_SAFEGUARD_SHARE, settings.SCIM_SAFEGUARD_MINIMUM)
"""


@pytest.mark.parametrize(
    ("names", "values", "warned"),
    [
        ({}, "20 10", []),
        ({"SCIM_SAFEGUARD_SHARE": "30", "SCIM_SAFEGUARD_MINIMUM": "5"}, "30 5", []),
        ({"SCIM_BRAKE_SHARE": "30"}, "30 10", ["SCIM_BRAKE_SHARE"]),
        ({"SCIM_BRAKE_SHARE": "30", "SCIM_BRAKE_LEAST": "5"}, "30 5", ["SCIM_BRAKE_SHARE", "SCIM_BRAKE_LEAST"]),
        ({"SCIM_BRAKE_LEAST": "5", "SCIM_SAFEGUARD_MINIMUM": "7"}, "20 7", ["SCIM_BRAKE_LEAST"]),
    ],
)
def test_old_names_of_settings_work_and_log_a_warning(names: dict[str, str], values: str, warned: list[str]) -> None:
    environment = GOOD | {"DJANGO_SETTINGS_MODULE": "portal.settings"} | names
    answer = subprocess.run(
        [sys.executable, "-c", SHOW_SAFEGUARD], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert answer.stdout.strip() == values
    lines = [json.loads(line) for line in answer.stderr.splitlines()]
    assert [(line["event"], line["old_name"]) for line in lines] == [("setting_renamed", name) for name in warned]


SHOW_BOUNDS = """
from portal import settings
print(settings.SCIM_SAFEGUARD_SHARE_BOUNDS, settings.SCIM_SAFEGUARD_MINIMUM_BOUNDS)
"""


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ({}, "(5, 50) (5, 100)"),
        ({"SCIM_SAFEGUARD_SHARE": "80", "SCIM_SAFEGUARD_MINIMUM": "1"}, "(5, 80) (1, 100)"),
        ({"SCIM_SAFEGUARD_SHARE": "0", "SCIM_SAFEGUARD_SHARE_BOUNDS": "10-30"}, "(10, 30) (5, 100)"),
        ({"SCIM_SAFEGUARD_SHARE_BOUNDS": "20-20", "SCIM_SAFEGUARD_MINIMUM_BOUNDS": "1-10"}, "(20, 20) (1, 10)"),
    ],
)
def test_the_bounds_of_the_safeguard_contain_its_default(names: dict[str, str], shown: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", SHOW_BOUNDS], cwd=ROOT, env=GOOD | names, capture_output=True, text=True, check=True
    )

    assert answer.stdout.strip() == shown


def test_old_names_of_settings_are_not_misspellings() -> None:
    assert list(unknown_names(["SCIM_BRAKE_SHARE"], ["SCIM_BRAKE_LEAST"])) == []


def test_a_database_or_redis_that_is_away_is_reported_with_the_database() -> None:
    away = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/x", "REDIS_URL": "redis://127.0.0.1:1/0"}
    without, answer = start(**away), manage("check", "--deploy", "--database", "default", **away)

    assert "answer" not in without.stderr
    assert answer.returncode == 1
    assert "Database doesn't answer." in answer.stderr
    assert "Redis doesn't respond at REDIS_URL." in answer.stderr
