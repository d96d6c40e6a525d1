"""The Containerfile and compose.yaml: what they promise, and the commands that they name, run as an engine would."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
import requests
from psycopg import errors
from psycopg.sql import SQL, Identifier

from portal.version import version
from tests.deploy.containers import COMPOSE, SYSTEM_PATH, Image, Mount, compose, context, sandbox, stages
from tests.deploy.serving import self_signed
from tests.servers import ROOT, free_port, wait_for_port

pytestmark = pytest.mark.xdist_group("containers")
OURS = ("migrate", "web-1", "web-2", "worker")
# What nginx keeps on the disk; its image has them in /var/cache/nginx.
BUFFERS = ("client_body", "fastcgi", "proxy", "scgi", "uwsgi")
SERVICES = ("nginx", "postgres", "redis", *OURS)


def services() -> dict[str, Any]:
    found: dict[str, Any] = compose(PORTAL_HOST="portal.example.com")["services"]
    return found


# --- What the files say ----------------------------------------------------------------------------------------------


def test_the_compose_file_follows_the_specification() -> None:
    command = [
        f"{Path(sys.executable).parent}/check-jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(COMPOSE),
    ]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)

    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_has_no_more_rights_and_resources_than_it_needs(name: str) -> None:
    service = services()[name]

    assert set(services()) == set(SERVICES)
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "mem_limit", "pids_limit"} <= set(service)
    assert service["logging"]["options"]["max-size"]
    assert re.fullmatch(r"\S+:\d\S*", service["image"])
    # Ours are the image's user; the images of others start as root unless told.
    assert service.get("user") not in {None if name not in OURS else "", "root", "0"}
    assert "healthcheck" in service or name == "migrate"


def test_no_secret_is_in_the_files_or_in_a_variable() -> None:
    variables = {
        name: value for service in services().values() for name, value in service.get("environment", {}).items()
    }

    assert {name for name in variables if re.search("KEY|PASSWORD|DATABASE_URL|SECRET", name)} == {
        "SECRET_KEY_FILE",
        "DATABASE_URL_FILE",
        "POSTGRES_PASSWORD_FILE",
    }
    assert {Path(value).parent for name, value in variables.items() if name.endswith("_FILE")} == {Path("/run/secrets")}
    # Each service gets only what it uses: those that serve don't know the owner of the tables.
    for name in ("web-1", "web-2", "worker"):
        assert services()[name]["secrets"] == ["database_url", "secret_key"]


def test_only_nginx_can_be_reached_and_the_database_reaches_nothing() -> None:
    published = {name for name, service in services().items() if "ports" in service}

    assert published == {"nginx"}
    assert compose(PORTAL_HOST="x")["networks"]["inside"] == {"internal": True}
    assert services()["postgres"]["networks"] == services()["redis"]["networks"] == ["inside"]


def test_what_serves_starts_after_the_migrations_and_nginx_after_it() -> None:
    for name in ("web-1", "web-2", "worker"):
        assert services()[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert services()["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert services()["migrate"]["restart"] == "no"
    assert services()["nginx"]["depends_on"]["web-2"] == {"condition": "service_healthy"}


def test_the_image_runs_as_a_user_without_rights_and_has_no_secret() -> None:
    _, build, last = stages()

    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", last.one("USER"))
    assert stages()[0].one("ARG").endswith(":3.11-slim-bookworm")
    assert "--require-hashes" in build.all("RUN")[0]
    assert not build.all("ADD") + last.all("ADD") + build.all("ARG") + last.all("ARG") + build.all("ENV")
    assert not [name for name in last.environment if re.search("KEY|PASSWORD|SECRET|DATABASE", name)]
    assert last.one("HEALTHCHECK")
    # The files belong to root: no COPY gives them to the user.
    assert "--chown" not in " ".join(last.all("COPY"))


def test_the_image_says_what_it_is() -> None:
    labels = dict(word.split("=", 1) for word in shlex.split(stages()[-1].one("LABEL")))

    assert labels["org.opencontainers.image.version"] == version()
    assert services()["web-1"]["image"].endswith(f":{version()}")
    assert {"title", "description", "licenses"} <= {name.rpartition(".")[2] for name in labels}


def test_a_build_sees_nothing_but_the_product(tmp_path: Path) -> None:
    first, *rest = [
        line for line in (ROOT / ".containerignore").read_text().splitlines() if line and not line.startswith("#")
    ]
    copied = {word for text in stages()[1].all("COPY") for word in text.split()[:-1]}

    assert first == "*"
    assert {line[1:] for line in rest if line.startswith("!")} == copied
    assert (ROOT / ".dockerignore").resolve() == (ROOT / ".containerignore").resolve()
    assert not {".git", ".env", "secrets"} & {path.name for path in context(tmp_path).iterdir()}


# --- What they do ----------------------------------------------------------------------------------------------------


@dataclass
class Running:
    """The services of compose.yaml on this machine: other ports, the tests' PostgreSQL, and names of this test alone."""

    folder: Path
    image: Image
    services: dict[str, Any]
    ports: dict[str, int]

    @property
    def url(self) -> str:
        return f"https://localhost:{self.ports['nginx']}"

    def mounts(self, name: str) -> list[Mount]:
        """Return what a service sees of this machine: secrets, volumes, and the names of the other services."""
        service = self.services[name]
        secrets = [{"source": one} if isinstance(one, str) else one for one in service.get("secrets", [])]
        files = {one["source"]: one.get("target", f"/run/secrets/{one['source']}") for one in secrets}
        declared = compose(PORTAL_HOST="localhost")["secrets"]
        found = [Mount(self.folder / declared[source]["file"], target) for source, target in files.items()]
        for volume in service.get("volumes", []):
            source, target, *options = volume.split(":")
            found.append(Mount(self.folder / source, target, is_writable=options != ["ro"]))
        return [*found, Mount(self.folder / "hosts", "/etc/hosts")]

    def contained(self, name: str, command: list[str]) -> list[str]:
        """Return the command line that runs a command in a container of one of our services."""
        service = self.services[name]
        own = service["environment"] | {"REDIS_URL": f"redis://redis:{self.ports['redis']}/0"}
        return self.image.contained(command, own, self.mounts(name), service["tmpfs"])

    def run(self, name: str, command: list[str]) -> "subprocess.CompletedProcess[str]":
        """Run a command of a service to its end."""
        return subprocess.run(self.contained(name, command), capture_output=True, text=True, check=False)

    def start(self, name: str) -> "subprocess.Popen[bytes]":
        """Start one of our services with the command that compose.yaml gives it."""
        command = self.image.command(self.services[name].get("command"))
        return subprocess.Popen(self.contained(name, command), start_new_session=True)

    def wait_until_healthy(self, name: str, process: "subprocess.Popen[bytes]") -> None:
        """Run the service's health check until it succeeds."""
        kind, *command = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        for _ in range(120):
            answer = self.run(name, command)
            if answer.returncode == 0:
                return
            assert process.poll() is None, answer.stderr
            time.sleep(0.25)
        raise AssertionError(answer.stderr)

    def nginx(self) -> list[str]:
        """Return the command line of nginx, whose image has another main file than Debian's package."""
        service = self.services["nginx"]
        mounts = [*self.mounts("nginx"), Mount(self.folder / "main.conf", "/etc/nginx/nginx.conf")]
        return sandbox(
            service["command"],
            [mount for mount in mounts if mount.target != "/etc/hosts"],
            {"PATH": SYSTEM_PATH, "PORTAL_HOST": "localhost"},
            workdir="/",
            user=101,
            groups=service["group_add"][0],
            tmpfs=[*service["tmpfs"], "/etc/ssl/gatehouse", "/var/log/nginx"],
        )


@contextmanager
def ended(process: "subprocess.Popen[bytes]") -> Iterator["subprocess.Popen[bytes]"]:
    """End a process, and all that it started, afterwards."""
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def child(process: int) -> int:
    """Return the process ID of the only child of a process."""
    (found,) = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return int(found)


def is_ready_to_stop(process: "subprocess.Popen[bytes]") -> bool:
    """Say whether a command in a container has started so far that it handles SIGTERM itself."""
    assert process.poll() is None
    try:
        status = Path(f"/proc/{child(child(process.pid))}/status").read_text()
    except (OSError, ValueError):
        return False  # bubblewrap hasn't started it yet
    (handled,) = re.findall(r"^SigCgt:\s*(\w+)$", status, re.MULTILINE)
    return bool(int(handled, 16) >> (signal.SIGTERM - 1) & 1)


def renamed(text: str) -> str:
    """Give the database and its roles names of this test alone."""
    return re.sub(r"(?<!\w)gatehouse(_owner)?(?!\w)", rf"gatehouse_compose_{os.getpid()}\1", text)


def drop_database() -> None:
    name = f"gatehouse_compose_{os.getpid()}"
    with psycopg.connect(os.environ["TEST_DATABASE_URL"].rpartition("/")[0] + "/postgres", autocommit=True) as server:
        server.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
        for role in (name, f"{name}_owner"):
            server.execute(SQL("DROP ROLE IF EXISTS {}").format(Identifier(role)))


def prepare(folder: Path) -> Running:
    """Write what an operator has: the secrets and the certificate; and what differs on this machine."""
    database, port = urlsplit(os.environ["TEST_DATABASE_URL"]), free_port()
    for _ in range(2):  # a second run changes nothing
        subprocess.run(
            ["sh", ROOT / "docs/deploy/compose/create-secrets.sh"], cwd=folder, check=True, capture_output=True
        )
    for name in ("database_url", "database_owner_url"):
        path = folder / "secrets" / name
        path.write_text(renamed(path.read_text()).replace("postgres:5432", f"postgres:{database.port or 5432}"))
    certificate, key = self_signed(folder)
    certificate.rename(folder / "secrets/fullchain.pem")
    key.rename(folder / "secrets/privkey.pem")
    for name in ("roles.sql", "nginx.conf"):
        (folder / f"docs/deploy/compose/{name}").parent.mkdir(parents=True, exist_ok=True)
    (folder / "docs/deploy/compose/roles.sql").write_text(renamed((ROOT / "docs/deploy/compose/roles.sql").read_text()))
    example = re.sub(r"    listen \[::\].*\n", "", (ROOT / "docs/deploy/nginx.conf").read_text())
    for marked in ("127.0.0.1:9101", "127.0.0.1:9102", "listen 80"):
        example = example.replace(marked, f"{marked.rpartition('9')[0] or 'listen 127.0.0.1:'}{free_port()}")
    (folder / "docs/deploy/nginx.conf").write_text(example.replace("listen 443", f"listen 127.0.0.1:{port}"))
    temporary = " ".join(f"{name}_temp_path /var/cache/nginx/{name};" for name in BUFFERS)
    (folder / "main.conf").write_text(
        f"pid /run/nginx.pid; events {{}} http {{ {temporary} include /etc/nginx/conf.d/*.conf; }}"
    )
    (folder / "hosts").write_text(f"127.0.0.1 localhost redis\n{database.hostname or '127.0.0.1'} postgres\n")
    for name in ("sockets", "sockets/1", "sockets/2"):  # as the image has them
        (folder / name).mkdir()
        if os.geteuid() == 0:
            os.chown(folder / name, 10001, 10001)
    image = Image(folder / "image")
    (folder / "context").mkdir()
    image.build(context(folder / "context"))
    running = compose(PORTAL_HOST="localhost")["services"]
    return Running(folder, image, running, {"nginx": port, "redis": free_port()})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """All services, started in the order that compose.yaml asks for."""
    site = prepare(tmp_path_factory.mktemp("compose"))
    redis = [*site.services["redis"]["command"], "--port", str(site.ports["redis"]), "--bind", "127.0.0.1"]
    with ExitStack() as stack:
        stack.callback(drop_database)
        create_roles(site)
        stack.enter_context(
            ended(subprocess.Popen(redis, cwd=site.folder, start_new_session=True, stdout=subprocess.DEVNULL))
        )
        migrated = site.run("migrate", site.image.command(site.services["migrate"]["command"]))
        assert migrated.returncode == 0, migrated.stderr
        for name in ("web-1", "web-2"):
            site.wait_until_healthy(name, stack.enter_context(ended(site.start(name))))
        stack.enter_context(ended(site.start("worker")))
        start_nginx(site, stack)
        yield site


def start_nginx(site: Running, stack: ExitStack) -> None:
    output = site.folder / "nginx.log"
    output.touch()
    output.chmod(0o666)  # an engine gives a container's output to its user, who opens it again as /dev/stdout
    with output.open("wb") as log:
        process = subprocess.Popen(site.nginx(), start_new_session=True, stdout=log, stderr=log)
    stack.enter_context(ended(process))
    try:
        wait_for_port(site.ports["nginx"], process)
    except AssertionError:
        raise AssertionError(output.read_text()) from None


def create_roles(site: Running) -> None:
    """Run what PostgreSQL's image runs when its volume is empty."""
    server = os.environ["TEST_DATABASE_URL"].rpartition("/")[0] + "/postgres"
    script = "/docker-entrypoint-initdb.d/roles.sql"
    mounts = [mount for mount in site.mounts("postgres") if mount.target.startswith(("/run/", script))]
    done = subprocess.run(
        sandbox(["psql", "--quiet", "--file", script, server], mounts, {"PATH": SYSTEM_PATH}, workdir="/", user=999),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def client(running: Running) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = str(running.folder / "secrets/fullchain.pem")
    return session


@pytest.mark.bubblewrap
@pytest.mark.nginx
@pytest.mark.postgresql
class TestServices:
    """The services of compose.yaml, running."""

    def test_a_page_comes_through_nginx_with_collected_files(self, running: Running, client: requests.Session) -> None:
        page = client.get(f"{running.url}/sign-in/", timeout=20)
        (style, *_) = re.findall(r'href="(/static/css/gatehouse\.[0-9a-f]{12}\.css)"', page.text)

        assert page.status_code == 200
        assert client.get(running.url + style, timeout=20).headers["Cache-Control"].endswith("immutable")

    def test_the_checks_of_health_succeed(self, running: Running) -> None:
        port = running.ports["nginx"]
        kind, check = running.services["nginx"]["healthcheck"]["test"]
        check = check.replace(":443:", f":{port}:").replace("$PORTAL_HOST/", f"$PORTAL_HOST:{port}/")
        kind_of_redis, *ask = running.services["redis"]["healthcheck"]["test"]
        _, *ask_database = running.services["postgres"]["healthcheck"]["test"]
        server = urlsplit(os.environ["TEST_DATABASE_URL"])

        assert (kind, kind_of_redis) == ("CMD-SHELL", "CMD")
        environment = os.environ | {"PORTAL_HOST": "localhost"}
        assert subprocess.run(["sh", "-c", check], env=environment, check=False).returncode == 0
        answer = subprocess.run([ask[0], "-p", str(running.ports["redis"]), *ask[1:]], capture_output=True, check=True)
        assert answer.stdout == b"PONG\n"
        environment = os.environ | {"PGPORT": str(server.port or 5432)}
        assert subprocess.run(ask_database, env=environment, check=False, capture_output=True).returncode == 0

    def test_a_command_runs_next_to_the_server(self, running: Running) -> None:
        """As `docker compose exec web-1 python manage.py …` does."""
        created = running.run(
            "web-1", ["python", "manage.py", "createorganization", "--name", "Acme", "--slug", "acme"]
        )

        assert created.returncode == 0, created.stderr
        assert "Created organization Acme" in created.stdout

    @pytest.mark.parametrize("name", ["web-1", "worker"])
    def test_a_service_can_write_nowhere_but_in_its_mounts(self, running: Running, name: str) -> None:
        tried = running.run(
            name, ["sh", "-c", "id -u; touch /opt/gatehouse/x || touch /x || touch /etc/x || touch /run/x"]
        )

        assert tried.stdout == "10001\n"
        assert tried.stderr.count("Read-only file system") == 4

    def test_what_serves_is_not_the_owner_of_the_tables(self, running: Running) -> None:
        url = (running.folder / "secrets/database_url").read_text()
        server = urlsplit(os.environ["TEST_DATABASE_URL"])
        with psycopg.connect(url.replace("@postgres:", f"@{server.hostname}:")) as connection:
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute("CREATE TABLE extra (id int)")
            connection.rollback()
            with pytest.raises(errors.InsufficientPrivilege):
                connection.execute("DROP TABLE directory_organization CASCADE")

    def test_a_worker_stops_when_asked_to(self, running: Running) -> None:
        with ended(running.start("worker")) as worker:
            while not is_ready_to_stop(worker):
                time.sleep(0.1)
            # Bubblewrap's child only waits for the command, which is its child.
            os.kill(child(child(worker.pid)), signal.SIGTERM)
            assert worker.wait(timeout=60) == 0

    def test_the_secrets_are_in_a_folder_for_their_owner(self, running: Running) -> None:
        secrets = running.folder / "secrets"

        assert secrets.stat().st_mode & 0o077 == 0
        assert {path.stat().st_mode & 0o777 for path in secrets.iterdir() if path.suffix != ".pem"} == {0o644}
        assert len({path.read_text() for path in secrets.iterdir()}) == 8

    def test_an_instance_that_was_killed_starts_again_on_its_old_socket(self, running: Running) -> None:
        socket = running.folder / "sockets/2/gatehouse.sock"
        assert socket.exists()
        again = running.start("web-2")
        with ended(again):
            running.wait_until_healthy("web-2", again)
