"""Programs as systemd runs them with `Restart=always` and `KillMode=mixed`."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

_RESTART_SECONDS, _STOP_SECONDS = 2.0, 60.0


class Unit:
    """A program that is started again two seconds after it ended, without what it left running."""

    def __init__(self, start: Callable[[], "subprocess.Popen[bytes]"]) -> None:
        self._start = start
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None
        self.process: subprocess.Popen[bytes] | None = None

    @classmethod
    def of(cls, command: list[str], log: IO[bytes], environment: Mapping[str, str] | None = None) -> "Unit":
        """Return the unit of a command."""
        return cls(lambda: subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True))

    def start(self) -> None:
        """Start the program, and watch over it."""
        self._stopping.clear()
        self.process = self._start()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def restart(self) -> None:
        """Stop the program with SIGTERM, if it runs, and start it again."""
        self.release()
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=_STOP_SECONDS)
        self.start()

    def release(self) -> None:
        """Watch over the program no longer: it may end."""
        self._stopping.set()

    def kill(self) -> None:
        """End the program and what it started, for good."""
        self.release()
        if self.process:
            # PostgreSQL's processes aren't in its group.
            children = self.children()
            _kill_group(self.process)
            for pid in children:
                kill(pid)
            self.process.wait()
        if self._watcher:
            self._watcher.join()

    @property
    def pid(self) -> int:
        """The id of the program's process."""
        assert self.process
        return self.process.pid

    def children(self) -> list[int]:
        """Return the processes that the program has started itself."""
        with suppress(FileNotFoundError):
            return [int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        return []

    def _watch(self) -> None:
        while self.process and not self._stopping.is_set():
            self.process.wait()
            if self._stopping.is_set():
                return
            _kill_group(self.process)
            if self._stopping.wait(_RESTART_SECONDS):
                return
            self.process = self._start()


def kill(pid: int) -> bool:
    """Send a process SIGKILL, and say whether it still existed."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
