"""The systemd units: systemd understands them, and the worker's schedule has what has to run from time to time."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from portal.embedded.management import commands
from portal.embedded.tasks.jobs import JOBS
from tests.deploy.serving import DEPLOY


@pytest.mark.systemd
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    shutil.copytree(DEPLOY / "systemd", tmp_path, dirs_exist_ok=True)
    # systemd looks whether programs are there: those of this machine take their place.
    programs = Path(sys.executable).parent
    for unit in (path for path in tmp_path.rglob("*") if path.is_file()):
        unit.write_text(unit.read_text().replace("/opt/gatehouse/current/.venv/bin", str(programs)))
    units = [tmp_path / name for name in ("gatehouse@1.service", "gatehouse-worker.service")]

    command = ["systemd-analyze", "verify", *map(str, units)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (answer.returncode, answer.stderr) == (0, "")


def test_each_command_for_housekeeping_is_in_the_schedule() -> None:
    names = {path.stem for path in Path(commands.__path__[0]).glob("*.py")}
    periodic = {
        name for name in names if name.startswith(("prune", "send", "createpartitions")) and name != "sendsigninlink"
    }
    scheduled = {job.name.replace("_", "") for job in JOBS}

    assert len(periodic) >= 4
    assert periodic <= scheduled
    assert "manage.py worker\n" in (DEPLOY / "systemd/gatehouse-worker.service").read_text()
