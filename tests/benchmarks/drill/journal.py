"""What clients saw: every acknowledged write on disk, and how each request ended, phase by phase."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Phase:
    """The requests of a part of the drill."""

    name: str
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0
    # How often each client saw each outcome: a status, or the name of an error of the connection.
    outcomes: "Counter[tuple[str, str]]" = field(default_factory=Counter)
    acknowledged: int = 0
    # The longest time without an acknowledged write.
    longest_gap: float = 0

    @property
    def requests(self) -> int:
        """The number of requests."""
        return self.outcomes.total()

    @property
    def failed(self) -> "Counter[tuple[str, str]]":
        """The outcomes that a person or an identity provider notices."""
        return Counter({key: count for key, count in self.outcomes.items() if not key[1].startswith(("2", "3"))})


class Journal:
    """Written by all clients at once."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._path = path
        self._file = path.open("w", encoding="utf-8")
        self._last_write = time.monotonic()
        self.phases: list[Phase] = []
        self.wrong: list[str] = []

    def begin(self, name: str) -> Phase:
        """Count from now on for another phase."""
        with self._lock:
            self._end_phase()
            self._last_write = time.monotonic()
            self.phases.append(Phase(name))
            return self.phases[-1]

    def close(self) -> None:
        """End the last phase."""
        with self._lock:
            self._end_phase()
            self._file.close()

    def count(self, client: str, outcome: str) -> None:
        """Count a request."""
        with self._lock:
            self.phases[-1].outcomes[client, outcome] += 1

    def write(self, entry: dict[str, Any]) -> None:
        """Keep a line: a write that is about to be sent, or one that was acknowledged."""
        with self._lock:
            if self._file.closed:
                return
            self._file.write(json.dumps(entry) + "\n")
            self._file.flush()
            if entry["is_acknowledged"]:
                phase, now = self.phases[-1], time.monotonic()
                phase.acknowledged += 1
                phase.longest_gap = max(phase.longest_gap, now - self._last_write)
                self._last_write = now

    def report_wrong(self, what: str) -> None:
        """Keep a response that contradicts what was acknowledged before."""
        with self._lock:
            self.wrong.append(f"{self.phases[-1].name}: {what}")

    @property
    def acknowledged(self) -> int:
        """The number of writes that were acknowledged so far."""
        return sum(phase.acknowledged for phase in self.phases)

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield the lines."""
        for line in self._path.read_text("utf-8").splitlines():
            yield json.loads(line)

    def _end_phase(self) -> None:
        if self.phases:
            phase, now = self.phases[-1], time.monotonic()
            phase.seconds = now - phase.started
            phase.longest_gap = max(phase.longest_gap, now - self._last_write)
