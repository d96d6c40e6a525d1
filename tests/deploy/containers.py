"""A stand-in for a container engine: it reads the Containerfile and compose.yaml, and runs their commands.

There is no engine where the tests run. Bubblewrap gives each command what a container would have: a root filesystem that
can't be written, the user of the image, no capabilities, and the mounts that compose.yaml names.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.servers import ROOT

COMPOSE = ROOT / "compose.yaml"
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CONTAINERFILE = ROOT / "Containerfile"
SYSTEM = ("/etc/group", "/etc/ld.so.cache", "/etc/nginx", "/etc/passwd", "/etc/ssl/certs")


@dataclass
class Stage:
    """A stage of the Containerfile: its instructions in their order, as pairs of name and text."""

    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        """Return the text of each instruction of a name."""
        return [text for found, text in self.instructions if found == name]

    def one(self, name: str) -> str:
        """Return the text of the only instruction of a name."""
        (text,) = self.all(name)
        return text

    @property
    def environment(self) -> dict[str, str]:
        """The variables that ENV sets."""
        words = [word for text in self.all("ENV") for word in shlex.split(text)]
        return dict(word.split("=", 1) for word in words)


def stages() -> list[Stage]:
    """Return the stages of the Containerfile; the first has what is before any FROM."""
    text = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", CONTAINERFILE.read_text(), flags=re.MULTILINE))
    found = [Stage()]
    for line in filter(str.strip, text.splitlines()):
        name, _, rest = line.strip().partition(" ")
        if name == "FROM":
            found.append(Stage())
        found[-1].instructions.append((name, rest.strip()))
    return found


def compose(**variables: str) -> dict[str, Any]:
    """Return compose.yaml with variables filled in, as an engine reads it."""

    def value(found: re.Match[str]) -> str:
        name, default = found["name"], found["default"]
        return "$" if found[0] == "$$" else variables[name] if default is None else variables.get(name, default)

    text = re.sub(r"\$\$|\$\{(?P<name>\w+)(?:\?[^}]*|:\?[^}]*|:-(?P<default>[^}]*))?\}", value, COMPOSE.read_text())
    read: dict[str, Any] = yaml.safe_load(text)
    return read


def context(folder: Path) -> Path:
    """Copy what a build may see, by .containerignore, to a folder."""
    kept = [line[1:] for line in (ROOT / ".containerignore").read_text().splitlines() if line.startswith("!")]
    for name in kept:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy2(ROOT / name, folder / name)
    return folder


@dataclass
class Mount:
    """A file or folder of this machine that a container sees somewhere; without a source, a new tmpfs."""

    source: Path | None
    target: str
    is_writable: bool = False

    def options(self, targets: list[str]) -> list[str]:
        """Return bubblewrap's options for it. Folders above it can be entered, unless another mount has them."""
        parents = [str(parent) for parent in reversed(Path(self.target).parents)][1:]
        own = [name for name in parents if not any(Path(name).is_relative_to(target) for target in targets)]
        line = [word for name in own for word in ("--perms", "0755", "--dir", name)]
        if not self.source:
            return [*line, "--perms", "1777", "--tmpfs", self.target]
        return [*line, "--bind" if self.is_writable else "--ro-bind", str(self.source), self.target]


@dataclass
class Image:
    """What the Containerfile builds, with the tests' own packages in the place of those that pip would install."""

    tree: Path

    @property
    def _last(self) -> Stage:
        return stages()[-1]

    def build(self, seen: Path) -> None:
        """Run the steps of the first stage in a copy of what it may see."""
        self.tree.mkdir(parents=True)
        (self.tree / ".venv").symlink_to(sys.prefix)
        workdir = stages()[1].one("WORKDIR")
        for name, text in stages()[1].instructions:
            if name == "COPY":
                *sources, target = text.split()
                for source in sources:
                    if (seen / source).is_dir():
                        shutil.copytree(seen / source, self.tree / target)
                    else:
                        shutil.copy2(seen / source, self.tree / target)
            elif name == "RUN" and "pip install" not in text:
                mounts = [Mount(self.tree, workdir, is_writable=True)]
                steps = sandbox(["sh", "-euc", text], mounts, {"PATH": _path(workdir)}, workdir=workdir, user=0)
                subprocess.run(steps, check=True, capture_output=True)

    def command(self, words: list[str] | None, *, checks: bool = False) -> list[str]:
        """Return what a container runs: the entry point with the service's command or the image's own, or a check."""
        if checks:
            return list(words or [])
        return [*json.loads(self._last.one("ENTRYPOINT")), *(words or json.loads(self._last.one("CMD")))]

    def environment(self, own: dict[str, str]) -> dict[str, str]:
        """Return the variables of a container."""
        workdir = self._last.one("WORKDIR")
        return self._last.environment | {"PATH": _path(workdir)} | own

    def contained(self, command: list[str], own: dict[str, str], mounts: list[Mount], tmpfs: list[str]) -> list[str]:
        """Return the command line that runs a command in a container of this image."""
        workdir = self._last.one("WORKDIR")
        user = int(self._last.one("USER").partition(":")[0])
        everything = [Mount(self.tree, workdir), *mounts]
        return sandbox(command, everything, self.environment(own), workdir=workdir, user=user, tmpfs=tmpfs)


def sandbox(
    command: list[str],
    mounts: list[Mount],
    environment: dict[str, str],
    *,
    workdir: str,
    user: int,
    groups: str = "",
    tmpfs: list[str] | None = None,
) -> list[str]:
    """Return the command line that runs a command on a root filesystem that has nothing but the system and the mounts."""
    line = ["bwrap", "--die-with-parent", "--unshare-pid", "--unshare-ipc", "--proc", "/proc", "--dev", "/dev"]
    line += [word for name in ("bin", "lib", "lib64", "sbin") for word in ("--symlink", f"usr/{name}", f"/{name}")]
    # Where the interpreter and its packages are.
    prefixes = {str(Path(prefix).resolve()) for prefix in (sys.prefix, sys.base_prefix)}
    system = {name for name in {*SYSTEM, *prefixes, sys.prefix} if Path(name).exists()}
    everything = [Mount(Path(name).resolve(), name) for name in ("/usr", *system) if not name.startswith("/usr/")]
    everything += [Mount(None, name.partition(":")[0]) for name in tmpfs or []] + mounts
    # An outer mount first, as engines do.
    for mount in sorted(everything, key=lambda mount: mount.target.count("/")):
        line += mount.options([other.target for other in everything])
    line += ["--remount-ro", "/", "--chdir", workdir, "--clearenv"]
    for name, value in environment.items():
        line += ["--setenv", name, value]
    if os.geteuid():
        return [*line, "--unshare-user", "--uid", str(user), "--gid", str(user), *command]
    if not user:
        return [*line, *command]
    becomes = ["setpriv", f"--reuid={user}", f"--regid={user}", f"--groups={groups or user}"]
    return [*line, *becomes, "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", *command]


def _path(workdir: str) -> str:
    return f"{workdir}/.venv/bin:{SYSTEM_PATH}"
