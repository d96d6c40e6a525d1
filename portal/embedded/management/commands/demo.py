"""`manage.py demo`: set up everything to try the portal on this machine."""

import os
import signal
import socket
import subprocess
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from portal.directory.actor import Origin
from portal.directory.ids import public_id
from portal.directory.scim.connection import NewScimConnection, ScimConnectionStatus, ScimIdentityProvider
from portal.embedded import models, operator
from portal.embedded.counts import count_organization
from portal.embedded.management.demo_history import add_example_history
from portal.embedded.management.demo_product import THEME, Product, served
from portal.embedded.management.demo_provisioning import Provisioning, provision
from portal.embedded.project_secrets import create_project_secret, project_secrets, revoke_project_secret
from portal.embedded.scope import rows_of
from portal.folders import HOME
from portal.outbound.client import request_own_server
from portal.outbound.errors import OutboundError
from portal.serving import server as web_server

_HOST = "127.0.0.1"
_START_SECONDS = 30
_STOP_SECONDS = 30
_MAX_SIZE = 100_000
_ORIGIN = Origin(user_agent="manage.py demo")


class Command(BaseCommand):
    """Set up an example organization, provision it through its own SCIM endpoint, and serve the portal."""

    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--port", type=int, default=8000, help="the port to serve on (default: 8000)")
        parser.add_argument(
            "--people",
            dest="users",
            type=int,
            default=1000,
            help="number of people in the example company (default: 1000)",
        )
        parser.add_argument(
            "--groups", type=int, default=240, help="number of groups in the example company (default: 240)"
        )
        parser.add_argument("--no-serve", action="store_true", help="set up, then stop")
        parser.add_argument(
            "--embed-example",
            action="store_true",
            help="serve an example product that embeds the portal, on the port after --port",
        )

    def handle(
        self, *_: Any, port: int, users: int, groups: int, no_serve: bool, embed_example: bool, **__: Any
    ) -> None:
        """Run the demo."""
        for name, value, maximum in (
            ("--port", port, 65_534 if embed_example else 65_535),
            ("--people", users, _MAX_SIZE),
            ("--groups", groups, _MAX_SIZE),
        ):
            if not 1 <= value <= maximum:
                raise CommandError(f"{name} must be from 1 to {maximum:,}.")
        if settings.DIRECTORY != "embedded" or settings.IS_HTTPS:
            raise CommandError(
                "The demo needs the embedded directory and plain HTTP. See DIRECTORY and PUBLIC_URL in .env."
            )
        for used in (port, port + 1) if embed_example else (port,):
            _check_port(used)
        self.stderr.write("Using plain HTTP without secure cookies. Don't serve this to other machines.")
        call_command("migrate", verbosity=0)
        _create_members(_password())
        server = _start_server(port)
        try:
            self._provision(port, users, groups)
            for slug in ("acme", "globex"):
                count_organization(_organization_key(slug))
            add_example_history(_organization_key("acme"))
            self._say_where(port)
            with self._example_product(port) if embed_example else nullcontext():
                if not no_serve:
                    _wait(server)
        finally:
            _stop(server)

    def _provision(self, port: int, users: int, groups: int) -> None:
        if rows_of(_organization_key("acme"), models.ScimGroupRow).count() >= groups:
            return
        connection = _connection()
        base_url = f"http://{_HOST}:{port}/v1/b2b/scim/{connection.connection.connection_id}"
        provision(Provisioning(base_url, connection.bearer_token, users, groups), self._progress)

    @contextmanager
    def _example_product(self, port: int) -> Iterator[None]:
        """Serve a product that embeds the portal in its own colors. Its backend has a secret of the project for as long."""
        operator.set_theme(organization_slug="acme", theme=THEME, origin=_ORIGIN)
        created = create_project_secret(origin=_ORIGIN)
        secret_id = project_secrets()[-1].secret_id
        try:
            acme = _organization_key("acme")
            product = Product(
                port=port + 1,
                api_url=f"http://{_HOST}:{port}",
                embed_url=settings.EMBED_URL,
                organization_id=public_id("organization", acme),
                members={name: _member_id(acme, f"{name}@acme.example") for name in ("ada", "max")},
                project_id=created.project_id,
                secret=created.secret,
            )
            product.register_origin()
            with served(product):
                self.stdout.write(f"\nThe portal in a frame of an example product: {product.origin}\n")
                self.stdout.flush()
                yield
        finally:
            revoke_project_secret(secret_id, origin=_ORIGIN)

    def _progress(self, done: int, total: int) -> None:
        """Draw a progress bar on a terminal. Elsewhere print a line for each tenth."""
        width = 40
        if self.stderr.isatty():
            bar = "█" * (done * width // total)
            self.stderr.write(f"\rProvisioning Acme over SCIM  {bar:░<{width}} {done:,} of {total:,}", ending="")
            if done == total:
                self.stderr.write("")
        elif done * 10 // total > (done - 1) * 10 // total:
            self.stderr.write(f"Provisioning Acme over SCIM: {done:,} of {total:,}")

    def _say_where(self, port: int) -> None:
        url, password = f"http://{_HOST}:{port}", _password()
        self.stdout.write(
            f"\nGatehouse is ready at {url}\n\n"
            f"  ada@acme.example     admin of Acme, and a member of Globex\n"
            f"  max@acme.example     member of Acme, without SCIM permissions\n"
            f"  gil@globex.example   admin of Globex\n\n"
            f"  password of all three: {password}\n\n"
            f"The SCIM page: {url}/o/acme/scim/\n"
            f"{_inbox(url)}"
            f"Its data and settings are in {HOME}\n"
        )
        self.stdout.flush()  # a file or pipe would get it only when the demo ends


def _inbox(url: str) -> str:
    """Return where emails arrive. An older .env has no inbox."""
    return f"Its messages:  {url}/demo/inbox/\n" if settings.DEMO_INBOX else ""


def _password() -> str:
    password = os.environ.get("DEMO_PASSWORD", "")
    if not password:
        raise CommandError(
            "DEMO_PASSWORD isn't set in .env. Add it with at least 12 characters, or delete .env to generate one."
        )
    return password


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise CommandError(f"Another program uses port {port}. Choose another one with --port.") from error


def _create_members(password: str) -> None:
    for slug, name in (("acme", "Acme"), ("globex", "Globex")):
        if not models.OrganizationRow.objects.filter(slug=slug).exists():
            operator.create_organization(name=name, slug=slug, origin=_ORIGIN)
    for slug, email_address, name, roles in (
        ("acme", "ada@acme.example", "Ada Admin", ["stytch_admin"]),
        ("acme", "max@acme.example", "Max Member", []),
        ("globex", "ada@acme.example", "Ada Admin", []),
        ("globex", "gil@globex.example", "Gil Globex", ["stytch_admin"]),
    ):
        if not rows_of(_organization_key(slug), models.MemberRow).filter(email_address=email_address).exists():
            operator.create_member(
                organization_slug=slug,
                email_address=email_address,
                name=name,
                roles=roles,
                password=password,
                origin=_ORIGIN,
            )


def _connection() -> NewScimConnection:
    """Return Acme's connection with a token. After an interrupted run, it gets a new token."""
    tokens = rows_of(_organization_key("acme"), models.ScimTokenRow)
    live = tokens.filter(connection__status=ScimConnectionStatus.ACTIVE, revoked_at=None)
    if live.filter(is_next=True).exists():
        operator.rotate_cancel(organization_slug="acme", origin=_ORIGIN)
    if live.exists():
        rotated = operator.rotate_start(organization_slug="acme", origin=_ORIGIN)
        operator.rotate_complete(organization_slug="acme", origin=_ORIGIN)
        return rotated
    return operator.create_scim_connection(
        organization_slug="acme",
        display_name="Okta (example)",
        identity_provider=ScimIdentityProvider.OKTA,
        origin=_ORIGIN,
    )


def _organization_key(slug: str) -> UUID:
    return models.OrganizationRow.objects.values_list("pk", flat=True).get(slug=slug)


def _member_id(organization: UUID, email_address: str) -> str:
    members = rows_of(organization, models.MemberRow)
    return public_id("member", members.values_list("pk", flat=True).get(email_address=email_address))


def _start_server(port: int) -> "subprocess.Popen[bytes]":
    # A server that ends must end the demo, so it isn't started again.
    options = {"GRANIAN_RESPAWN_FAILED_WORKERS": "false", "GRANIAN_LOG_LEVEL": "error", "SERVE_WORKER": "true"}
    server = subprocess.Popen(  # noqa: S603 -- our own interpreter and arguments
        web_server.command(), env=web_server.environment(GRANIAN_HOST=_HOST, GRANIAN_PORT=str(port), **options)
    )
    try:
        _wait_until_ready(server, port)
    except BaseException:
        _stop(server)
        raise
    return server


def _wait_until_ready(server: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if server.poll() is not None:
            raise CommandError("The web server didn't start. Its error message is above.")
        try:
            request_own_server("GET", f"http://{_HOST}:{port}/healthz")
        except OutboundError:
            time.sleep(0.1)
        else:
            return
    raise CommandError(f"The web server didn't respond within {_START_SECONDS} seconds.")


def _wait(server: "subprocess.Popen[bytes]") -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        server.wait()
    except KeyboardInterrupt:
        return


def _stop(server: "subprocess.Popen[bytes]") -> None:
    server.terminate()
    try:
        server.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
