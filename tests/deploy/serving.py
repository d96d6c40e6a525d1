"""A portal as the examples in docs/deploy serve it: instances by the systemd unit, behind the example of a proxy."""

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.conftest import PASSWORD
from tests.embedded.database.test_pgbouncer import pgbouncer
from tests.servers import ROOT, environment_in, free_port, manage, migrate, operate, postgresql_database, wait_for_port

DEPLOY = ROOT / "docs/deploy"
# What an operator enters once.
FILL = """
answer("collectstatic", "--noinput")
answer("createorganization", "--name", "Acme", "--slug", "acme")
member = ("--organization", "acme", "--email", "ada@acme.example", "--name", "Ada", "--role", "stytch_admin")
answer("createmember", *member, "--password-stdin")

def connect(slug, *options):
    named = ("--organization", slug, "--display-name", "Directory", "--json")
    return json.loads(answer("createscimconnection", *named, *options))

connections = {"okta": connect("acme", "--identity-provider", "okta")}
for kind, options in {"default": (), "strict": (), "entra": ("--identity-provider", "microsoft-entra")}.items():
    answer("createorganization", "--name", kind, "--slug", kind)
    connections[kind] = connect(kind, *options)
    answer("updatescimconnection", "--organization", kind, "--skip-unknown-members")
answer("updatescimconnection", "--organization", "strict", "--strict")
print(json.dumps({"connections": connections, "project": json.loads(answer("createproject", "--json"))}))
"""


def filled_in(name: str, values: Mapping[str, str]) -> str:
    """Return an example with an installation's own values in the place of its marked ones."""
    text = (DEPLOY / name).read_text()
    for marked, value in values.items():
        assert marked in text, f"{name} has no {marked}"
        text = text.replace(marked, value)
    return text


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for localhost and its key; return both paths."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(key.private_bytes(*pem))
    return folder / "fullchain.pem", folder / "privkey.pem"


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database of the engine that the tests run on."""
    if not os.environ.get("TEST_DATABASE_URL", "").startswith("postgres"):
        yield f"sqlite:///{folder}/gatehouse.sqlite3"
        return
    with postgresql_database() as url:
        yield url


@contextmanager
def pooled(folder: Path, url: str, *, is_pooled: bool) -> Iterator[dict[str, str]]:
    """Run PgBouncer in transaction mode, if asked to; yield the settings of a server behind it."""
    if not is_pooled:
        yield {}
        return
    with pgbouncer(folder, "transaction") as pooler:
        yield {"DATABASE_URL": f"{pooler}/{url.rpartition('/')[2]}", "DATABASE_PREPARE": "false"}


@dataclass
class Instance:
    """One instance of the unit, started and stopped as systemd does it."""

    name: str
    run: Path
    environment: Mapping[str, str]
    port: int = 0  # where it listens for another machine's proxy; 0: at a socket
    log: IO[bytes] | None = None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def path(self) -> Path:
        """The path of its socket."""
        return self.run / self.name / "gatehouse.sock"

    def connect(self) -> socket.socket:
        """Connect to it as the proxy does."""
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(10)
        connection.connect(str(self.path))
        return connection

    def start(self) -> None:
        """Start it; return when it is ready."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> "subprocess.Popen[bytes]":
        """Start it, and return its process at once."""
        # As RuntimeDirectory= does: a process that was killed leaves its socket, where the next one couldn't listen.
        shutil.rmtree(self.run / self.name, ignore_errors=True)
        (self.run / self.name / "metrics").mkdir(parents=True)
        settings = dict(word.split("=", 1) for line in self._lines("Environment") for word in line)
        (command,) = self._lines("ExecStart")
        environment = {**settings, **self.environment}
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, start_new_session=True, stdout=self.log, stderr=self.log
        )
        return self.process

    def wait_until_ready(self) -> None:
        """Wait as the unit does."""
        (waiting,) = self._lines("ExecStartPost")
        subprocess.run(waiting, check=True)

    def stop(self) -> None:
        """Stop it; return when it has ended."""
        assert self.process
        (before,) = self._lines("ExecStop")
        subprocess.run(before, check=True)
        self.process.terminate()
        assert self.process.wait(timeout=45) == 0

    def kill(self) -> None:
        """End what is left of it."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def worker(self) -> int:
        """Return the process id of its worker."""
        assert self.process
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return int(children.split()[-1])

    def _lines(self, name: str) -> list[list[str]]:
        """Return the unit's lines of a name as words, with the paths of this machine."""
        files = ["gatehouse@.service"] + (["gatehouse@.service.d/tcp.conf"] if self.port else [])
        own = {
            "/run/gatehouse": str(self.run),
            "800%i": str(self.port),
            "10.0.0.11": "127.0.0.1",
            "%i": self.name,
        }
        return unit_lines(name, files, own)


def unit_lines(name: str, files: Iterable[str], own: Mapping[str, str]) -> list[list[str]]:
    """Return a unit's lines of a name as words, with a machine's own values and its programs."""
    programs = {
        "/opt/gatehouse/current/.venv/bin/python": sys.executable,
        "/opt/gatehouse/current/.venv/bin/": f"{Path(sys.executable).parent}/",
    }
    text = "\n".join((DEPLOY / "systemd" / file).read_text().replace("\\\n", "") for file in files)
    for marked, value in {**programs, **own}.items():
        text = text.replace(marked, value)
    lines = [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{name}=")]
    # As in systemd, an empty line takes those before it back.
    start = len(lines) - lines[::-1].index("") if "" in lines else 0
    return [shlex.split(line) for line in lines[start:]]


@dataclass
class Site:
    """A portal behind a proxy: what a client needs, and the instances."""

    port: int
    plain_port: int
    metrics_port: int
    certificate: Path
    folder: Path
    environment: Mapping[str, str]
    instances: list[Instance]
    scim_base_url: str = ""
    scim_token: str = ""
    connections: dict[str, tuple[str, str]] = field(default_factory=dict)
    project: tuple[str, str] = ("", "")
    sessions: list[requests.Session] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def client(self, *, token: str = "") -> requests.Session:
        """Return a client that trusts the site's certificate alone."""
        session = requests.Session()
        session.trust_env = False  # the environment may name other certificates
        session.verify = str(self.certificate)
        if token:
            session.headers.update({"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"})
        self.sessions.append(session)
        return session

    def ask_haproxy(self, command: str) -> str:
        """Send a command to HAProxy's stats socket, and return what it says."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.folder / "admin.sock"))
            connection.sendall(f"{command}\n".encode())
            return connection.makefile().read()

    def wait_until_haproxy_uses(self, node: str) -> None:
        """Wait until HAProxy has seen that a node is ready."""
        # 2: it runs, 0: an operator has not taken it out
        while f" node{node} 127.0.0.1 2 0 " not in self.ask_haproxy("show servers state gatehouse"):
            time.sleep(0.1)

    def log_addresses(self) -> set[str]:
        """Return the addresses that the request log has."""
        count = "from portal.embedded.models import ScimRequestRow as R; print(*R.objects.values_list('ip_address'))"
        return set(re.findall(r"'(.*?)'", manage(dict(self.environment), "shell", "--no-imports", "-c", count)))

    def fill(self) -> None:
        """Create Acme with an admin, a connection and a project's secret."""
        migrate(self.environment)
        created = operate(self.environment, FILL, entered=PASSWORD)
        self.connections = {
            kind: (connection["base_url"].partition("?")[0], connection["bearer_token"])
            for kind, connection in created["connections"].items()
        }
        self.scim_base_url, self.scim_token = self.connections["okta"]
        self.project = created["project"]["project_id"], created["project"]["secret"]


@contextmanager
def site(folder: Path, *, has_ports: bool = False, is_pooled: bool = False) -> Iterator[Site]:
    """Serve a filled portal by two instances, without a proxy; end them afterwards."""
    port = free_port()
    certificate, _ = self_signed(folder)
    with database(folder) as url, pooled(folder, url, is_pooled=is_pooled) as changes:
        environment = environment_in(folder) | {
            "PUBLIC_URL": f"https://localhost:{port}",
            "METRICS_ALLOWED_FROM": "127.0.0.1",
            "ALLOW_HTTP": "false",
            "DATABASE_URL": url,
            "STATIC_ROOT": str(folder / "static"),
            "TRUSTED_PROXIES": "1",
        }
        ports = (free_port(), free_port()) if has_ports else (0, 0)
        instances = [Instance(str(n + 1), folder / "run", environment | changes, ports[n]) for n in range(2)]
        served = Site(port, free_port(), free_port(), certificate, folder, environment, instances)
        try:
            served.fill()
            with ThreadPoolExecutor() as pool:
                list(pool.map(Instance.start, instances))
            yield served
        finally:
            for session in served.sessions:
                session.close()
            for instance in instances:
                instance.kill()


@contextmanager
def program(command: list[str], port: int, output: IO[bytes] | None = None) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a proxy until it listens; end it afterwards."""
    process = subprocess.Popen(command, stdout=output)
    try:
        wait_for_port(port, process)
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)


def nginx_command(served: Site) -> list[str]:
    """Write docs/deploy/nginx.conf for a site, and return the command that runs it."""
    folder = served.folder
    example = filled_in(
        "nginx.conf",
        {
            "listen 80": f"listen 127.0.0.1:{served.plain_port}",
            "listen 443": f"listen 127.0.0.1:{served.port}",
            "    listen [::]:80 default_server;\n": "",
            "    listen [::]:443 ssl http2 default_server;\n": "",
            "    listen [::]:80;\n": "",
            "    listen [::]:443 ssl http2;\n": "",
            "127.0.0.1:9101": f"127.0.0.1:{served.metrics_port}",
            "127.0.0.1:9102": f"127.0.0.1:{free_port()}",
            "portal.example.com": "localhost",
            "/etc/ssl/gatehouse": str(folder),
            "/run/gatehouse": str(folder / "run"),
            "/var/log/nginx": str(folder),
        },
    )
    (folder / "gatehouse.conf").write_text(example)
    folders = "".join(f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi"))
    folders += "".join(f"{name}_temp_path {folder}/{name};" for name in ("uwsgi", "scgi"))
    # As root the workers would be another user, who may not enter the tests' folder.
    user = "user root;" if os.geteuid() == 0 else ""
    main = f"{user} daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{}} "
    (folder / "nginx.conf").write_text(f"{main} http {{ access_log off; {folders} include {folder}/gatehouse.conf; }}")
    return ["nginx", "-e", f"{folder}/nginx.log", "-c", f"{folder}/nginx.conf"]


@contextmanager
def nginx(served: Site) -> Iterator["subprocess.Popen[bytes]"]:
    """Run docs/deploy/nginx.conf in front of a site."""
    with program(nginx_command(served), served.port) as process:
        yield process


@contextmanager
def haproxy(served: Site) -> Iterator["subprocess.Popen[bytes]"]:
    """Run docs/deploy/haproxy.cfg in front of a site."""
    folder = served.folder
    (folder / "portal.pem").write_bytes(
        b"".join((folder / name).read_bytes() for name in ("fullchain.pem", "privkey.pem"))
    )
    example = filled_in(
        "haproxy.cfg",
        {
            "bind :80\n": f"bind 127.0.0.1:{served.plain_port}\n",
            "bind :443": f"bind 127.0.0.1:{served.port}",
            "portal.example.com": "localhost",
            "/etc/ssl/gatehouse": str(folder),
            "/run/haproxy": str(folder),
            "log /dev/log local0": "log stdout format raw local0",
            "10.0.0.11:8001": f"127.0.0.1:{served.instances[0].port}",
            "10.0.0.12:8001": f"127.0.0.1:{served.instances[1].port}",
        },
    )
    (folder / "haproxy.cfg").write_text(example)
    with (folder / "gatehouse.log").open("wb") as log:
        command = ["haproxy", "-db", "-f", f"{folder}/haproxy.cfg"]
        with program(command, served.port, log) as process:
            yield process
