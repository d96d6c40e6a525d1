"""A product's page and a frame of the portal without a portal: two small servers for the tests of the two scripts."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

from tests.servers import ROOT

_SCRIPTS = {
    "/gatehouse.js": "embed/gatehouse.js",
    "/gatehouse.mjs": "embed/gatehouse.mjs",
    "/embedded.js": "js/embedded.js",
}


@dataclass(frozen=True)
class Entry:
    """A form with a ticket, as a portal gets it."""

    path: str
    query: str
    ticket: str
    origin: str
    destination: str


@dataclass
class Pages:
    """The product's page and the pages of the frame; a test changes what they send."""

    host: str = ""
    portal: str = ""
    entries: list[Entry] = field(default_factory=list)
    checks: int = 0
    # Of the product's page.
    referrer_policy: str = "strict-origin-when-cross-origin"
    policy: str = ""
    # Of the frame.
    attributes: str = 'data-ends-in="3600" data-idle-seconds="900"'
    content: str = "<p>Groups</p>"
    status: int = 200
    frame_ancestors: str = ""
    session: dict[str, float] | None = field(default_factory=lambda: {"ends_in": 3600.0, "idle_ends_in": 900.0})
    renewal_status: int = 204

    def frame(self, path: str) -> str:
        """Return a page as the portal sends it to a frame."""
        organization = path.split("/")[2]
        place = path.partition(f"/o/{organization}/")[2]
        return (
            f"<!doctype html><html lang=en><title>{place}</title><script src=/embedded.js defer></script>"
            f'<body style="margin:0;min-height:100vh" data-embed data-parent-origin="{self.host}" data-area="scim" data-path="{place}" '
            f'data-areas="scim" data-portal="https://portal.example" '
            f'data-root="/o/{organization}/" data-session-url="/o/{organization}/embed/session/" {self.attributes}>'
            f'<div class="toasts" id="toasts"></div><main id="main">{self.content}</main>'
        )

    def product(self) -> str:
        """Return the product's page."""
        return (
            "<!doctype html><html lang=en><title>Product</title><script src=/gatehouse.js></script>"
            "<h1>Product</h1><div id=first></div><div id=second></div>"
        )


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, pages: Pages, *arguments: object) -> None:
        self._pages = pages
        super().__init__(*arguments)  # type: ignore[arg-type]  # -- what socketserver hands over

    def log_message(self, *_: object) -> None:
        """Stay quiet."""

    def send(self, body: str, kind: str = "text/html", status: int = 200, **headers: str) -> None:
        content = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        for name, value in headers.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        pages, path = self._pages, urlsplit(self.path).path
        if name := _SCRIPTS.get(path):
            self.send((ROOT / "static" / name).read_text(), "text/javascript", Access_Control_Allow_Origin="*")
        elif path.endswith("/embed/session/"):
            pages.checks += 1
            self.send(json.dumps(pages.session), "application/json", 200 if pages.session else 401)
        elif path.startswith("/o/"):
            policy = f"frame-ancestors {pages.frame_ancestors}" if pages.frame_ancestors else ""
            self.send(pages.frame(self.path), status=pages.status, Content_Security_Policy=policy)
        elif path == "/":
            self.send(pages.product(), Content_Security_Policy=pages.policy, Referrer_Policy=pages.referrer_policy)
        elif path == "/favicon.ico":
            self.send("", "image/svg+xml")
        else:
            self.send("", status=404)

    def do_POST(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if parts.path == "/portal-ticket":
            # The product's backend.
            self.send(json.dumps({"ticket": "t", "url": f"{self._pages.portal}/o/acme/embed/"}), "application/json")
            return
        form = parse_qs(body)
        origin, destination = self.headers.get("Origin", ""), self.headers.get("Sec-Fetch-Dest", "")
        self._pages.entries.append(Entry(parts.path, parts.query, form["ticket"][0], origin, destination))
        if parts.path.endswith("renew/"):
            self.send("" if self._pages.renewal_status == 204 else "No", status=self._pages.renewal_status)
        else:
            organization = parts.path.split("/")[2]
            self.send("", status=303, Location=f"/o/{organization}/scim/groups/?q=x")


@contextmanager
def served(pages: Pages) -> Iterator[Pages]:
    """Serve the product at 127.0.0.1 and the frame at localhost: two sites, which browsers keep apart."""
    with ExitStack() as stack:
        for attribute, name in (("host", "127.0.0.1"), ("portal", "localhost")):
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, pages)))
            stack.callback(server.shutdown)
            Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
            setattr(pages, attribute, f"http://{name}:{server.server_address[1]}")
        yield pages
