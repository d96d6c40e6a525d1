"""Measure signing in over HTTP against a floor that runs one query: a link, a code, an exchange of sessions, a password.

    SECRET_KEY=… ALLOW_HTTP=true DATABASE_URL=… EMAIL_URL=filemail:///tmp/mail EMAIL_FROM=portal@example.com python -m tests.benchmarks.sign_in

Then sign in by password with 10,000 emails in the queue, while a worker sends them and while it rests. The database must be
empty or from an earlier run. Times are medians of interleaved requests, in milliseconds; of the queue, 95th percentiles.
"""

import argparse
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import requests
from django.contrib.auth.hashers import check_password, make_password
from django.core.management import call_command
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.email_otps import CodeRequest
from portal.embedded import models
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.project_secrets import create_project_secret
from portal.embedded.scope import Scope
from portal.embedded.sign_in import email_tokens
from portal.embedded.sign_in.email_otps import EmbeddedEmailOtps
from portal.embedded.tokens import token_hash
from tests import factories
from tests.benchmarks.groups_page import medians, server

SLUG, OTHER, ADA = "benchmark-sign-in", "benchmark-other", "ada@acme.example"
PASSWORD = "linden island delta silver"
WARM_UP = 10  # rounds, as in medians()
START_UP = 5  # seconds that a worker takes to start
BLOCK, SETTLING = 5, 0.2  # requests in a row, and seconds before them


def member_of(slug: str) -> models.MemberRow:
    """Return the member of an organization who signs in. Create what is missing."""
    organization = models.OrganizationRow.objects.filter(slug=slug).first() or factories.organization(slug)
    found = organization.members.filter(email_address=ADA).first()
    member = found or factories.member(organization, ADA, roles=["stytch_admin"], password=PASSWORD)
    # Only a verified address proves anything in another organization.
    models.MemberRow.objects.filter(pk=member.pk).update(email_address_verified=True)
    return member


def tokens(member: models.MemberRow, number: int) -> tuple[list[str], list[tuple[str, str]]]:
    """Return tokens of links, and codes with their addresses: each is another member's, because a new one ends the one before."""
    rows = models.EmailTokenRow.objects.filter(organization_id=member.organization_id)
    rows.delete()
    links, codes = [], []
    for place in range(number):
        address = f"person{place}@acme.example"
        if not member.organization.members.filter(email_address=address).exists():
            factories.member(member.organization, address)
        of_organization = {"organization_id": member.organization_id, "login_minutes": 60, "signup_minutes": 60}
        link = models.EmailTokenRow(email_address=address, purpose=EmailPurpose.MAGIC_LINK, **of_organization)
        code = models.EmailTokenRow(email_address=address, purpose=EmailPurpose.CODE, **of_organization)
        for row in (link, code):
            row.expires_at = timezone.now()
            row.save(force_insert=True)
        links.append(email_tokens.issue_link(link, rows, minutes=60))
        codes.append((address, email_tokens.issue_code(code, rows, minutes=60)))
    return links, codes


def queue(member: models.MemberRow, number: int) -> None:
    """Have so many emails wait, each to another address."""
    project = Actor(ActorType.PROJECT, "benchmark")
    otps = EmbeddedEmailOtps(Scope(SLUG, Origin(), project=project))
    for place in range(number):
        otps.request(CodeRequest(email_address=f"queued{place}@{member.organization.slug}.example"))


@contextlib.contextmanager
def worker() -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker in a process of its own."""
    process = subprocess.Popen([sys.executable, "manage.py", "worker"], env=os.environ | {"LOG_LEVEL": "ERROR"})
    time.sleep(START_UP)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.terminate()
        process.wait()


def percentiles_95(request: Callable[[], requests.Response], rounds: int) -> tuple[float, float]:
    """Return the 95th percentiles of a request in milliseconds: while a worker rests, and while it works.

    The two take turns, so that both meet the same neighbors.
    """
    taken: dict[signal.Signals, list[float]] = {signal.SIGSTOP: [], signal.SIGCONT: []}
    with worker() as process:
        for _ in range(rounds // BLOCK):
            for order, times in taken.items():
                process.send_signal(order)
                time.sleep(SETTLING)
                for _ in range(BLOCK):
                    started = time.perf_counter()
                    request().raise_for_status()
                    times.append((time.perf_counter() - started) * 1000)
    resting, working = (statistics.quantiles(times, n=20)[-1] for times in taken.values())
    return resting, working


def hash_milliseconds(rounds: int) -> float:
    """Return how long one comparison with a hash of Argon2id takes, without anything else."""
    stored, taken = make_password(PASSWORD), []
    for _ in range(rounds):
        started = time.perf_counter()
        check_password(PASSWORD, stored)
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


class Backend:
    """A product's backend, and what its people sign in with."""

    def __init__(self, rounds: int) -> None:
        self.member, _ = member_of(SLUG), member_of(OTHER)
        links, codes = tokens(self.member, rounds + WARM_UP)
        self.links, self.codes = iter(links), iter(codes)
        self.session_token = factories.product_session_token(self.member)
        project = create_project_secret(origin=Origin())
        self.http = requests.Session()
        self.http.auth = (project.project_id, project.secret)
        self.portal = ""

    def post(self, path: str, **body: str) -> requests.Response:
        """Send a request to the API."""
        return self.http.post(f"{self.portal}/v1/b2b/{path}", json=body)

    def by_link(self) -> requests.Response:
        """Sign in with a link by email."""
        return self.post("magic_links/authenticate", magic_links_token=next(self.links))

    def by_code(self) -> requests.Response:
        """Sign in with a code by email."""
        address, code = next(self.codes)
        return self.post("otps/email/authenticate", organization_id=SLUG, email_address=address, code=code)

    def by_password(self) -> requests.Response:
        """Sign in with a password."""
        return self.post("passwords/authenticate", organization_id=SLUG, email_address=ADA, password=PASSWORD)

    def by_session(self) -> requests.Response:
        """Sign in to the other organization with a session of the first."""
        return self.post("sessions/exchange", session_token=self.session_token, organization_id=OTHER)

    def again(self) -> requests.Response:
        """Authenticate a session that exists."""
        return self.post("sessions/authenticate", session_token=self.session_token)


def print_ways(backend: Backend, floor: str, rounds: int) -> None:
    """Measure each way to sign in, and print a table."""
    bare, digest = requests.Session(), token_hash(backend.session_token).hex()
    ways = {
        "a link by email": backend.by_link,
        "a code by email": backend.by_code,
        "a session of another organization": backend.by_session,
        "a password": backend.by_password,
        "a session that exists": backend.again,
    }
    figures = medians(ways | {"floor": lambda: bare.get(f"{floor}/session", params={"hash": digest})}, rounds)
    print(f"\nsigning in by API, {connection.vendor}; the floor takes {figures['floor']:.2f} ms")
    print("| with | ms | per second | times the floor |")
    print("|---|---|---|---|")
    for name in ways:
        taken = figures[name]
        print(f"| {name} | {taken:.2f} | {1000 / taken:.0f} | {taken / figures['floor']:.2f} |")
    print(f"\nOf a password's {figures['a password']:.2f} ms, one hash takes {hash_milliseconds(rounds):.2f}.")


def print_queue(backend: Backend, rounds: int, queued: int) -> None:
    """Measure signing in by password with a full queue, while a worker rests and while it works, and print the ratio."""
    queue(backend.member, queued)
    resting, working = percentiles_95(backend.by_password, rounds)
    left = DBTaskResult.objects.filter(status="READY").count()
    print(
        f"\np95 with {queued:,} emails waiting, {left:,} at the end: {resting:.2f} ms, {working:.2f} while a worker sends"
    )
    print(f"ratio: {working / resting:.2f}")


def main() -> None:
    """Fill the database, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--queued", type=int, default=10_000)
    options = parser.parse_args()
    call_command("migrate", verbosity=0)
    backend = Backend(options.rounds)
    DBTaskResult.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with server("portal.wsgi:application") as backend.portal, server("tests.benchmarks.floor:application") as floor:
        print_ways(backend, floor, options.rounds)
        print_queue(backend, options.rounds, options.queued)


if __name__ == "__main__":
    main()
