"""A web process loads what it needs: the rest would cost each start its time and each process its memory."""

import subprocess
import sys

from tests.meta.test_settings import GOOD, ROOT

LOADED = """
import sys
from django.urls import get_resolver
from portal.wsgi import application
from portal.directories import directories
get_resolver().url_patterns
directories()
print(*sorted({"redis", "requests", "django.contrib.admin", "portal.scim_server"} & sys.modules.keys()))
"""


def loaded(directory: str) -> str:
    environment = GOOD | {
        "DIRECTORY": directory,
        "STYTCH_PROJECT_ID": "project-live-00000000-0000-4000-8000-000000000000",
        "STYTCH_SECRET": "secret",
    }
    answer = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


# Django's admin site comes with django-tasks, whose django-stubs-ext imports it.
def test_with_the_embedded_directory_no_client_for_stytch() -> None:
    assert loaded("embedded") == "django.contrib.admin portal.scim_server"


def test_with_stytch_no_provisioning() -> None:
    assert loaded("stytch") == "django.contrib.admin requests"
