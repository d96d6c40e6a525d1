"""A product whose pages embed the portal: its TLS server, with one site for each host name, and its backend."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import requests

Answer = tuple[int, str, dict[str, str]]


@dataclass
class Product:
    """Pages by host name and path. `origin()` gives the origin of a host; each host is a site of its own."""

    port: int
    pages: dict[str, Callable[[dict[str, str]], Answer]] = field(default_factory=dict)

    def origin(self, host: str) -> str:
        """Return the origin of a host."""
        return f"https://{host}:{self.port}"

    def page(self, host: str, path: str, html: str, headers: dict[str, str] | None = None) -> str:
        """Serve a page, and return its URL."""
        self.pages[f"{host}{path}"] = lambda _: (
            200,
            html,
            {"Content-Type": "text/html; charset=utf-8", **(headers or {})},
        )
        return self.origin(host) + path

    def backend(self, host: str, path: str, answer: Callable[[dict[str, str]], Answer]) -> None:
        """Let a function answer the requests of a page to its own backend."""
        self.pages[f"{host}{path}"] = answer


@contextmanager
def product_server(certificate: tuple[Path, Path]) -> Iterator[Product]:
    """Serve a product's pages with TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path, _, query = self.path.partition("?")
            page = product.pages.get(f"{self.headers['Host'].partition(':')[0]}{path}")
            fields = {name: values[0] for name, values in parse_qs(query).items()}
            status, text, headers = page(fields) if page else (404, "", {})
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    product = Product(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield product
    server.shutdown()


@dataclass
class Backend:
    """The backend of a product, which creates tickets with the project's secret."""

    url: str
    credentials: tuple[str, str]
    certificate: Path

    def request(self, method: str, path: str, /, **fields: Any) -> dict[str, Any]:
        """Send a request to the JSON API, and return the response."""
        port = self.url.rpartition(":")[2]
        # The host name exists in the browser only.
        answer = requests.request(
            method,
            f"https://localhost:{port}/v1/b2b/{path}",
            json=fields,
            auth=self.credentials,
            headers={"Host": self.url.partition("//")[2]},
            verify=str(self.certificate),
            timeout=10,
        )
        answered: dict[str, Any] = answer.json()
        return answered

    def ticket(self, **fields: Any) -> dict[str, Any]:
        """Create a ticket; `organization` names its organization."""
        organization = fields.pop("organization", "acme")
        return self.request("POST", f"organizations/{organization}/embed/tickets", **fields)

    def provision(self, connection_id: str, bearer_token: str, group: str) -> None:
        """Push a group as an identity provider does."""
        requests.post(
            f"https://localhost:{self.url.rpartition(':')[2]}/v1/b2b/scim/{connection_id}/Groups",
            json={"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": group},
            headers={"Host": self.url.partition("//")[2], "Authorization": f"Bearer {bearer_token}"},
            verify=str(self.certificate),
            timeout=10,
        ).raise_for_status()
