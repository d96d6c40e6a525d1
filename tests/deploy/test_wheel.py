"""The wheel: built, installed into an empty environment, and tried as someone would who has nothing else."""

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
import tomllib
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import pytest
import requests
from packaging.requirements import Requirement

from portal.version import version
from tests.servers import ROOT, free_port

pytestmark = pytest.mark.xdist_group("wheel")


def project() -> dict[str, object]:
    found: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of what is checked in, built through an sdist as others would."""
    folder = tmp_path_factory.mktemp("wheel")
    checkout, unpacked = folder / "checkout", folder / "unpacked"
    subprocess.run(["git", "clone", "-q", "--no-local", "--depth", "1", f"file://{ROOT}", checkout], check=True)
    build = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder / "dist"), "--target"]
    subprocess.run([*build, "sdist"], cwd=checkout, check=True, capture_output=True)
    (sdist,) = (folder / "dist").glob("*.tar.gz")
    unpacked.mkdir()
    subprocess.run(["tar", "xzf", sdist, "--strip-components", "1", "-C", unpacked], check=True)
    subprocess.run([*build, "wheel"], cwd=unpacked, check=True, capture_output=True)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@dataclass
class Installation:
    """The wheel in an environment of its own, and the home of the person who uses it."""

    venv: Path
    home: Path

    @property
    def data(self) -> Path:
        return self.home / ".local/share/gatehouse"

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.venv}/bin:{os.environ['PATH']}", "HOME": str(self.home)}

    def run(self, *arguments: str) -> str:
        """Run `gatehouse` in a folder that is not the project's, and return what it prints."""
        command = [str(self.venv / "bin/gatehouse"), *arguments]
        done = subprocess.run(
            command, cwd=self.home, env=self.environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("installation")
    venv, home = folder / "venv", folder / "home"
    home.mkdir()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    install = [sys.executable, "-m", "pip", "--python", str(venv), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, wheel], check=True)
    (packages,) = venv.glob("lib/python*/site-packages")
    # What it depends on comes from the tests' own environment, which has the versions of requirements.txt.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return Installation(venv, home)


def test_the_wheel_depends_on_what_the_requirements_say_but_the_tests_library() -> None:
    lines = [line.partition("#")[0].strip() for line in (ROOT / "requirements.in").read_text().splitlines()]
    required = {str(Requirement(line)) for line in lines if line}
    listed = project()["dependencies"]
    assert isinstance(listed, list)

    missing = required - {str(Requirement(line)) for line in listed}
    assert {Requirement(line).name for line in missing} == {"pytest-django"}
    assert len(listed) == len(required) - 1


def test_the_version_is_that_of_the_project_and_the_changelog() -> None:
    assert version() == project()["version"]
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == version()


def test_the_wheel_has_every_file_of_the_product_and_no_other(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "portal", "scim_admin", "templates", "static"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    packed = zipfile.ZipFile(wheel).namelist()

    resources = re.compile(r"^(?=templates/|static/)")
    assert {name for name in packed if ".dist-info/" not in name} == {
        resources.sub("portal/resources/", name) for name in listed
    }
    (about,) = [name for name in packed if name.endswith("/METADATA")]
    assert message_from_bytes(zipfile.ZipFile(wheel).read(about))["Version"] == version()


def test_its_dependencies_are_those_of_the_environment(installation: Installation) -> None:
    check = [sys.executable, "-m", "pip", "--python", str(installation.venv), "check"]
    answer = subprocess.run(check, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def test_it_says_its_version(installation: Installation) -> None:
    assert installation.run("--version") == f"Gatehouse {version()}\n"


@pytest.fixture(scope="module")
def demo(installation: Installation) -> Iterator[str]:
    """The address of a running demo."""
    port = free_port()
    command = [str(installation.venv / "bin/gatehouse"), "demo", "--people", "3", "--groups", "2", "--port", str(port)]
    with (installation.home / "output").open("w+") as output:
        process = subprocess.Popen(
            command,
            cwd=installation.home,
            env=installation.environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            while f"Its data and settings are in {installation.data}\n" not in said(output.name):
                assert process.poll() is None, said(output.name)
                time.sleep(0.1)
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def said(path: str) -> str:
    return Path(path).read_text()


def test_the_demo_shows_pages_with_their_style(demo: str, installation: Installation) -> None:
    page = requests.get(f"{demo}/sign-in/", timeout=10)
    styles = re.findall(r'href="(/static/[^"]+\.css)"', page.text)

    assert page.status_code == 200
    assert styles
    assert {requests.get(demo + style, timeout=10).headers["Content-Type"].partition(";")[0] for style in styles} == {
        "text/css"
    }
    assert {path.name for path in installation.data.iterdir()} >= {".env", "gatehouse.sqlite3"}
    assert (installation.data / ".env").stat().st_mode & 0o077 == 0
    installation.run("check")
    assert {"createorganization", "demo", "migrate", "serve"} <= set(installation.run("help", "--commands").split())


def test_the_demo_serves_scim_and_its_schemas(demo: str, installation: Installation) -> None:
    created = json.loads(
        installation.run(
            *("createscimconnection", "--organization", "globex", "--display-name", "Okta", "--json"),
            *("--identity-provider", "okta"),
        )
    )
    headers = {"Authorization": f"Bearer {created['bearer_token']}", "Content-Type": "application/scim+json"}
    base_url = created["base_url"].partition("?")[0]

    user = requests.post(f"{base_url}/Users", json={"userName": "a@globex.example"}, headers=headers, timeout=10)
    schemas = requests.get(f"{base_url}/Schemas", headers=headers, timeout=10)

    assert base_url.startswith(demo)
    assert user.status_code == 201, user.text
    assert schemas.json()["totalResults"] >= 3
