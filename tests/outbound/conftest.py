"""Servers on loopback that say exactly what a test wants, and names that lead to them."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pytest_django import Settings

Answer = Callable[[socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def says(data: bytes) -> Answer:
    return lambda client: client.sendall(data)


def redirects_to(location: str, status: int = 302) -> Answer:
    return says(f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode())


@dataclass
class Server:
    """A server with one answer per connection, the last one for all that follow. `requests` are their heads."""

    host: str
    port: int
    requests: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}/"


@contextmanager
def serve(*answers: Answer, host: str = "127.0.0.1", port: int = 0, tls: SSLContext | None = None) -> Iterator[Server]:
    listener = socket.create_server((host, port))
    server = Server(host, listener.getsockname()[1])
    waiting = list(answers)

    def handle(client: socket.socket, answer: Answer) -> None:
        with suppress(OSError), client:
            wrapped = tls.wrap_socket(client, server_side=True) if tls else client
            with wrapped:
                head = b""
                while b"\r\n\r\n" not in head and (read := wrapped.recv(4096)):
                    head += read
                server.requests.append(head.partition(b"\r\n\r\n")[0].decode("latin-1"))
                answer(wrapped)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                Thread(target=handle, args=(client, answer), daemon=True).start()

    Thread(target=accept, daemon=True).start()
    with closing(listener):
        yield server


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    with ExitStack() as stack:
        yield lambda *answers, **more: stack.enter_context(serve(*answers, **more))


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """The addresses of names: one list for each lookup, the last one for all that follow. `asked` is kept as a name."""
    known: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def look_up(host: str, port: int, *arguments: Any, **more: Any) -> Any:
        if host not in known:
            return real(host, port, *arguments, **more)
        answers = known[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [one for address in found for one in real(address, port, *arguments, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return known


@pytest.fixture
def open_settings(settings: Settings) -> Settings:
    """Allow plain http and every port, but no private network."""
    settings.OUTBOUND_ALLOW_HTTP = True
    settings.OUTBOUND_PORTS = tuple(range(1, 65_536))
    return settings


@pytest.fixture
def loopback(open_settings: Settings) -> Settings:
    """Allow one address of this machine as well."""
    open_settings.OUTBOUND_ALLOWED_NETWORKS = (ip_network("127.0.0.1/32"),)
    return open_settings


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., SSLContext]:
    """Return a server's TLS for a name. `authority.file` would be the file that trusts it: `ca.pem` beside it."""
    folder: Path = tmp_path_factory.mktemp("authority")
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
    certificate = _certificate(issuer, issuer, key.public_key(), key, x509.BasicConstraints(ca=True, path_length=None))
    (folder / "ca.pem").write_bytes(certificate.public_bytes(Encoding.PEM))

    def context(name: str) -> SSLContext:
        own = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        alternative = x509.SubjectAlternativeName([x509.DNSName(name)])
        signed = _certificate(subject, issuer, own.public_key(), key, alternative)
        private = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{name}.pem").write_bytes(private + signed.public_bytes(Encoding.PEM))
        server_side = SSLContext(PROTOCOL_TLS_SERVER)
        server_side.load_cert_chain(folder / f"{name}.pem")
        return server_side

    context.file = str(folder / "ca.pem")  # type: ignore[attr-defined]  # -- one fixture for both
    return context


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
    return builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints)).sign(
        signer, SHA256()
    )
