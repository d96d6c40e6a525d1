"""A portal and a product over TLS, on sites of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import PASSWORD
from tests.deploy.serving import database, self_signed
from tests.embed.product import Backend, Product, product_server
from tests.servers import environment_in, free_port, migrate, operate, serve

PORTAL_HOST, EMBED_HOST, APP_HOST = "portal.gatehouse.example", "embed.gatehouse.example", "app.product.example"
FILL = """
answer("collectstatic", "--noinput")
members = {}
for slug, name, email in (("acme", "Acme", "ada@acme.example"), ("globex", "Globex", "gil@globex.example")):
    answer("createorganization", "--name", name, "--slug", slug)
    member = ("--organization", slug, "--email", email, "--name", name + " admin", "--role", "stytch_admin")
    answer("createmember", *member, "--password-stdin")
print(json.dumps(json.loads(answer("createproject", "--json"))))
"""


# Third-party cookies are blocked, and every host name of the tests is this machine.
CHROMIUM = ["--test-third-party-cookie-phaseout", "--host-resolver-rules=MAP *.example 127.0.0.1", "--no-sandbox"]


@dataclass
class Site:
    """A portal over TLS with the organizations Acme and Globex, and a product whose pages embed it."""

    portal: str
    embed: str
    product: Product
    backend: Backend

    @property
    def app(self) -> str:
        """The origin of the product, which both organizations have registered."""
        return self.product.origin(APP_HOST)

    def member(self, email: str = "ada@acme.example", organization: str = "acme") -> str:
        """Return the ID of a member."""
        found = self.backend.request(
            "POST",
            "organizations/members/search",
            organization_ids=[organization],
            query={"operator": "AND", "operands": [{"filter_name": "member_emails", "filter_value": [email]}]},
        )
        member_id: str = found["members"][0]["member_id"]
        return member_id

    def ticket(self, **fields: Any) -> dict[str, Any]:
        """Create a ticket for Acme's admin in a page of the product."""
        organization = fields.get("organization", "acme")
        email = {"acme": "ada@acme.example", "globex": "gil@globex.example"}[organization]
        member = {} if "session_token" in fields else {"member_id": self.member(email, organization)}
        return self.backend.ticket(**{**member, "areas": ["scim"], "parent_origin": self.app, **fields})


@contextmanager
def serve_site(folder: Path) -> Iterator[Site]:
    """Serve both, with a new database in a folder."""
    certificate = self_signed(folder)
    port = free_port()
    with database(folder) as url, product_server(certificate) as product:
        environment = {
            **environment_in(folder),
            "ALLOW_HTTP": "false",
            "DATABASE_URL": url,
            "PUBLIC_URL": f"https://{PORTAL_HOST}:{port}",
            "EMBED_URL": f"https://{EMBED_HOST}:{port}",
            "STATIC_ROOT": str(folder / "static"),
        }
        migrate(environment)
        project = operate(environment, FILL, entered=f"{PASSWORD}\n" * 2)
        # The server reads these itself.
        environment |= {"GRANIAN_SSL_CERTIFICATE": str(certificate[0]), "GRANIAN_SSL_KEYFILE": str(certificate[1])}
        environment["REQUESTS_CA_BUNDLE"] = str(certificate[0])
        server = serve(environment, address=f"https://localhost:{port}")
        try:
            backend = Backend(environment["PUBLIC_URL"], (project["project_id"], project["secret"]), certificate[0])
            served = Site(environment["PUBLIC_URL"], environment["EMBED_URL"], product, backend)
            for slug in ("acme", "globex"):
                served.backend.request("POST", f"organizations/{slug}/embed/origins", origin=served.app)
            yield served
        finally:
            server.terminate()
            server.wait()
