"""The portal's own settings in an environment that does not depend on the developer's."""

import os
import tempfile
from pathlib import Path

os.environ.update(
    SECRET_KEY="tests-only-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    ALLOW_HTTP="true",
    PUBLIC_URL="http://127.0.0.1:8000",
    SCIM_LOG_DELAY="0",  # what a test has done is there when it looks
    ALLOWED_HOSTS="127.0.0.1,localhost,testserver",
    DATABASE_PARTITIONS=os.environ.get("TEST_DATABASE_PARTITIONS", "0"),
    DATABASE_URL=os.environ.get("TEST_DATABASE_URL", "sqlite://:memory:"),
)
for name in ("EMAIL_URL", "DEBUG", "DIRECTORY", "MAINTENANCE", "PROJECT_ENVIRONMENT", "RBAC_POLICY_FILE", "REDIS_URL"):
    os.environ[name] = {"DIRECTORY": "embedded", "PROJECT_ENVIRONMENT": "live"}.get(name, "")
os.environ.update(DEBUG="false", MAINTENANCE="false", DEMO_INBOX="false")

from portal.settings import *  # noqa: E402, F403 -- after the environment
from portal.settings import DATABASES  # noqa: E402 -- as above

# A test signs in hundreds of times; the cost of the real hasher has a test of its own.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "portal.embedded.passwords.hasher.Argon2",
    "portal.embedded.passwords.migrated.Migrated",
]

if DATABASES["default"]["ENGINE"] == "portal.embedded.database.sqlite":
    # A file, as in earnest: SQLite in memory locks in a way of its own. A test that is killed has nothing to lose.
    name = str(Path(tempfile.gettempdir()) / f"gatehouse-tests-{os.getpid()}.sqlite3")
    # Under both names: a live server that starts before the database exists would take the first to be in memory, and
    # share one connection among its threads.
    DATABASES["default"] |= {"NAME": name, "TEST": {"NAME": name}}
    DATABASES["default"]["OPTIONS"]["init_command"] += "PRAGMA synchronous=OFF;"
