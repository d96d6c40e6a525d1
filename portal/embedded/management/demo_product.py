"""The demo's example product: a page that embeds the portal, and a backend that creates tickets through the API."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from threading import Thread
from typing import Any

import msgspec
from django.core.management.base import CommandError

from portal.directory.frames import EmbedArea
from portal.directory.themes import Theme
from portal.outbound.client import request_own_server
from portal.outbound.errors import OutboundError

_FOLDER = Path(__file__).parent / "example_product"
_FILES = {"/product.css": "text/css", "/product.js": "text/javascript"}
_MAX_BODY = 4096
# What Fieldnote looks like (product.css).
THEME = Theme(color="#0f6b47", radius="large")


@dataclass(frozen=True, slots=True)
class Product:
    """Where the example product is, and what its backend knows about the portal."""

    port: int
    api_url: str
    embed_url: str
    organization_id: str
    # Public IDs of the members, by the names in the page.
    members: dict[str, str]
    project_id: str
    secret: str = field(repr=False)

    @property
    def origin(self) -> str:
        """Return the origin of the product's pages."""
        return f"http://127.0.0.1:{self.port}"

    def register_origin(self) -> None:
        """Register the product's origin for the organization. Raise CommandError if that fails."""
        status, response = self.request("origins", {"origin": self.origin})
        if status not in {HTTPStatus.OK, HTTPStatus.CONFLICT}:
            raise CommandError(f"The example's origin can't be registered: {response.get('error_message')}")

    def request(self, noun: str, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Send a request to the portal's API, and return the status and the body. Raise OutboundError."""
        credentials = b64encode(f"{self.project_id}:{self.secret}".encode()).decode()
        response = request_own_server(
            "POST",
            f"{self.api_url}/v1/b2b/organizations/{self.organization_id}/embed/{noun}",
            headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/json"},
            body=msgspec.json.encode(document),
        )
        return response.status, msgspec.json.decode(response.body, type=dict[str, Any])


class TicketRequest(msgspec.Struct):
    """What the product's page asks its backend for: gatehouse.js names the first fields, the page adds the last."""

    area: EmbedArea
    theme: str
    member: str
    path: str = ""
    read_only: bool = False


@contextmanager
def served(product: Product) -> Iterator[None]:
    """Serve the example product on its port of this machine until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", product.port), partial(_Handler, product)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, product: Product, *arguments: Any) -> None:
        self._product = product
        super().__init__(*arguments)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 -- its name in the library
        """Log nothing."""

    def do_GET(self) -> None:
        """Send the page or one of its files."""
        path = self.path.partition("?")[0]
        if path == "/":
            page = Template((_FOLDER / "index.html").read_text(encoding="utf-8"))
            self._send(page.substitute(EMBED_URL=self._product.embed_url).encode(), "text/html")
        elif kind := _FILES.get(path):
            self._send((_FOLDER / path[1:]).read_bytes(), kind)
        else:
            self._send(b"Not found", "text/plain", HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """Create a ticket for the product's own page."""
        # A real product signs its people in. Here anyone who opens the page is Ada or Max, but no other page may ask.
        if self.path != "/portal-ticket" or self.headers.get("Origin") != self._product.origin:
            self._answer({"error": "Only the example's own page can ask for tickets."}, HTTPStatus.FORBIDDEN)
            return
        try:
            asked = msgspec.json.decode(self._body(), type=TicketRequest)
            status, response = self._product.request("tickets", self._ticket(asked))
        except (ValueError, KeyError):  # msgspec's errors are ValueErrors
            self._answer({"error": "The request isn't valid."}, HTTPStatus.BAD_REQUEST)
        except OutboundError as error:
            self._answer({"error": str(error)}, HTTPStatus.BAD_GATEWAY)
        else:
            if status == HTTPStatus.OK:
                self._answer({"ticket": response["ticket"], "url": response["url"]}, HTTPStatus.OK)
            else:
                self._answer({"error": response.get("error_message", "")}, HTTPStatus.BAD_GATEWAY)

    def _body(self) -> bytes:
        """Return the body; a larger one is cut, and isn't valid then."""
        return self.rfile.read(min(max(int(self.headers.get("Content-Length", "")), 0), _MAX_BODY))

    def _ticket(self, asked: TicketRequest) -> dict[str, Any]:
        return {
            "areas": [asked.area],
            "parent_origin": self._product.origin,
            "member_id": self._product.members[asked.member],
            "read_only": asked.read_only,
            "theme": asked.theme,
            # From another area, or made up: the first page of the area.
            "path": asked.path if asked.path.startswith(f"{asked.area}/") else "",
        }

    def _answer(self, document: dict[str, Any], status: HTTPStatus) -> None:
        self._send(msgspec.json.encode(document), "application/json", status)

    def _send(self, content: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        embed_url = self._product.embed_url
        policy = (
            f"default-src 'none'; script-src 'self' {embed_url}; style-src 'self'; img-src data:; connect-src 'self'; "
            f"frame-src {embed_url}; form-action {embed_url}; base-uri 'none'; frame-ancestors 'none'"
        )
        self.send_response(status)
        for name, value in (
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(content))),
            ("Content-Security-Policy", policy),
            ("Referrer-Policy", "same-origin"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
