"""Kill, fail over and restart a whole installation under load, and see whether anything acknowledged is lost.

    python -m tests.benchmarks.drill                           # 30 kills and two failovers; about five minutes
    python -m tests.benchmarks.drill --kills 60                # more kills
    python -m tests.benchmarks.drill --asynchronous            # what a failover loses without synchronous replication

It starts two nodes by the systemd unit, a worker, nginx by its example, Redis, and PostgreSQL with a streaming standby, all on
127.0.0.1 at free ports and in a temporary folder, and ends and deletes them afterwards. An identity provider's writers,
someone who reads the groups page, an admin who sends sign-in links and a product's backend use them all the time. Each acknowledged write is kept in a
file and compared with the database at the end.

It gives up after 20 minutes. Programs that end are started again after two seconds, as the units with Restart=always do. It ends with code 1 if an
acknowledged write is lost, something is half written, a response contradicts an earlier one, or a rolling restart fails
a request. It needs nginx, PostgreSQL and Redis.
"""

import argparse
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from types import FrameType

from tests.benchmarks.drill.clients import Admin, Backend, Client, IdentityProvider, Reader, Users
from tests.benchmarks.drill.comparison import Comparison, compare, sent_emails
from tests.benchmarks.drill.journal import Journal
from tests.benchmarks.drill.kills import in_turn, kill_one, victims, wait_for_write
from tests.benchmarks.drill.postgresql import Pair
from tests.benchmarks.drill.units import Unit
from tests.deploy.serving import Instance, Site, nginx_command, self_signed, unit_lines
from tests.servers import ROOT, environment_in, free_port

WRITERS = 3
TRIES = 5
GIVE_UP_SECONDS = 1200
EMAIL_SECONDS = 150
SETTINGS = {
    "ALLOW_HTTP": "false",
    "TRUSTED_PROXIES": "1",
    "LOG_LEVEL": "WARNING",
    # All clients have one address, and deactivate more than a company does.
    "SCIM_SAFEGUARD_SHARE": "0",
    "SCIM_RATE_PER_CONNECTION": "1000000 per minute",
    "API_RATE_PER_ORGANIZATION": "1000000 per minute",
}


@dataclass
class Installation:
    """Everything that runs, and what its clients saw."""

    site: Site
    pair: Pair
    units: dict[str, Unit]
    journal: Journal
    folder: Path
    recoveries: "defaultdict[str, list[float]]" = field(default_factory=lambda: defaultdict(list))

    def restart_one_after_the_other(self) -> None:
        """Restart both nodes and the worker as docs/operate.md says."""
        for instance in self.site.instances:
            unit = self.units[f"node {instance.name}"]
            unit.release()
            instance.stop()
            unit.start()
            wait_until_ready(instance)
        self.units["worker"].restart()

    def kill(self, number: int, seconds: float, chance: random.Random) -> None:
        """Kill that many processes, or as many as the time allows, each after writes are acknowledged again."""
        kinds, end = victims(self.units, self.pair), time.monotonic() + seconds
        for kind in in_turn(kinds, number, chance):
            if time.monotonic() > end:
                return
            kill_one(kinds[kind], chance)
            self.recoveries[kind].append(wait_for_write(self.journal))
            time.sleep(chance.uniform(0.2, 2.5))

    def fail_over(self, seconds: float) -> None:
        """Cut the standby off, lose the primary so many seconds later, and promote the standby. Make the other one its standby."""
        self.pair.cut_off()
        time.sleep(seconds)
        self.pair.fail_over()
        self.recoveries["failover"].append(wait_for_write(self.journal))
        self.pair.rejoin()


@contextmanager
def installation(folder: Path, options: argparse.Namespace) -> Iterator[Installation]:
    """Run everything, filled, without clients."""
    pair = Pair(folder / "postgresql", is_synchronous=not options.asynchronous)
    redis_port, port = free_port(), free_port()
    certificate, _ = self_signed(folder)
    environment = environment_in(folder) | {
        "PUBLIC_URL": f"https://localhost:{port}",
        "DATABASE_URL": pair.url,
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "STATIC_ROOT": str(folder / "static"),
        "EMAIL_URL": f"filemail://{folder}/emails",
        "EMAIL_FROM": "Gatehouse <portal@acme.example>",
        **SETTINGS,
    }
    with ExitStack() as stack:
        log = stack.enter_context((folder / "programs.log").open("ab"))
        instances = [Instance(str(n + 1), folder / "run", environment, log=log) for n in range(2)]
        site = Site(port, free_port(), free_port(), certificate, folder, environment, instances)
        redis = ["redis-server", "--port", str(redis_port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
        units = {f"node {instance.name}": Unit(instance.launch) for instance in instances}
        (worker,) = unit_lines("ExecStart", ["gatehouse-worker.service"], {"manage.py": str(ROOT / "manage.py")})
        units["worker"] = Unit.of(worker, log, environment)
        units |= {"redis": Unit.of(redis, log), "nginx": Unit.of(nginx_command(site), log)}
        stack.callback(pair.stop)
        pair.start()
        site.fill()
        for unit in units.values():
            stack.callback(unit.kill)
            unit.start()
        for instance in instances:
            wait_until_ready(instance)
        yield Installation(site, pair, units, Journal(folder / "journal.jsonl"), folder)


def wait_until_ready(instance: Instance) -> None:
    """Wait as the unit does, several times on a busy machine."""
    for _ in range(TRIES):
        with suppress(subprocess.CalledProcessError):
            return instance.wait_until_ready()
    raise AssertionError("A node isn't ready.")


@contextmanager
def clients(run: Installation) -> Iterator[None]:
    """Let the clients work, and end them."""
    stopping = threading.Event()
    shared = run.site, run.journal, stopping, Users()
    who: list[Client] = [IdentityProvider(f"IdP {n}", *shared) for n in range(WRITERS)]
    who += [Reader("browser", *shared), Admin("admin", *shared), Backend("backend", *shared)]
    run.journal.begin("nothing happens")
    for client in who:
        client.start()
    try:
        yield
    finally:
        stopping.set()
        for client in who:
            client.join(timeout=60)
        run.journal.close()


def drill(run: Installation, options: argparse.Namespace) -> Comparison:
    """Go through all phases, and compare."""
    chance = random.Random(options.seed)  # noqa: S311 -- the same kills again, not a secret
    with clients(run):
        time.sleep(5)
        run.journal.begin("rolling restart")
        run.restart_one_after_the_other()
        run.journal.begin(f"{options.kills} kills")
        run.kill(options.kills, options.minutes * 60, chance)
        for number in range(options.failovers):
            run.journal.begin(f"failover {number + 1}")
            run.fail_over(options.cut_off)
        run.journal.begin("nothing happens")
        time.sleep(3)
    emails = run.folder / "emails"
    wait_for_emails(run.journal, emails)
    return compare(run.journal, run.pair.primary, emails)


def wait_for_emails(journal: Journal, folder: Path) -> None:
    """Wait until each email that a worker owes was sent. After a minute another one runs what a killed one left."""
    owed = {entry["key"] for entry in journal.entries() if entry["endpoint"] == "Emails" and entry["is_acknowledged"]}
    end = time.monotonic() + EMAIL_SECONDS
    while owed - set(sent_emails(folder)) and time.monotonic() < end:
        time.sleep(1)


def report(run: Installation, found: Comparison) -> bool:
    """Print the tables, and return whether everything held."""
    print("\n| phase | seconds | requests | failed | writes acknowledged | longest time without one |")
    print("|---|---|---|---|---|---|")
    for phase in run.journal.phases:
        failed = ", ".join(f"{client} {what} {n}" for (client, what), n in sorted(phase.failed.items())) or "none"
        print(
            f"| {phase.name} | {phase.seconds:.0f} | {phase.requests:,} | {failed} | {phase.acknowledged:,} "
            f"| {phase.longest_gap:.1f} s |"
        )
    print("\n| killed | times | seconds until the next write, median and maximum |\n|---|---|---|")
    for kind, seconds in sorted(run.recoveries.items()):
        print(f"| {kind} | {len(seconds)} | {statistics.median(seconds):.1f}, {max(seconds):.1f} |")
    rolling = sum(phase.failed.total() for phase in run.journal.phases if phase.name.startswith("rolling"))
    faults = {
        "acknowledged writes lost": found.lost,
        "half written": found.half_written,
        "responses that contradict earlier ones": run.journal.wrong,
    }
    print(f"\n{found.acknowledged:,} acknowledged values compared.")
    for name, which in faults.items():
        print(f"{name}: {len(which)}", *which[:10], sep="\n    ")
    print(f"emails sent twice: {len(found.repeated)}", *found.repeated, sep="\n    ")
    print(f"requests that failed in rolling restarts: {rolling}")
    print(f"requests without an entry in the request log: {found.not_logged}")
    # A kill or a failover can only repeat the email that was being sent.
    is_repeated = len(found.repeated) > sum(len(seconds) for seconds in run.recoveries.values())
    return (
        not rolling
        and not is_repeated
        and not any(faults.values())
        and float("inf") not in chain(*run.recoveries.values())
    )


def parsed() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30, help="how many processes to kill (30)")
    parser.add_argument("--failovers", type=int, default=2, help="how often to lose the primary (2)")
    parser.add_argument(
        "--cut-off",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="how long before that the standby gets nothing (1)",
    )
    parser.add_argument("--asynchronous", action="store_true", help="don't wait for the standby when committing")
    parser.add_argument("--seed", type=int, default=1, help="another order of kills (1)")
    parser.add_argument("--minutes", type=float, default=4, help="how long the kills may take (4)")
    parser.add_argument("--keep", action="store_true", help="keep the folder with the journal and the logs")
    return parser.parse_args()


def give_up(number: int, _: FrameType | None) -> None:
    """End the drill, so that everything is ended and deleted."""
    raise SystemExit(f"Ended by {signal.Signals(number).name}.")


def main() -> None:
    """Run the drill, and print what it found."""
    options = parsed()
    for name in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(name, give_up)
    signal.alarm(GIVE_UP_SECONDS)
    folder = Path(tempfile.mkdtemp(prefix="drill-"))
    folder.chmod(0o711)  # PostgreSQL runs as another user
    try:
        with installation(folder, options) as run:
            held = report(run, drill(run, options))
    finally:
        if options.keep:
            print(f"Kept {folder}")
        else:
            shutil.rmtree(folder)
    sys.exit(0 if held else 1)


if __name__ == "__main__":
    main()
