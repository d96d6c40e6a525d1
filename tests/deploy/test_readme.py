"""The README's "Run it for real", as it is written, on a fresh clone."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from tests.deploy.serving import database
from tests.servers import ROOT, free_port


def run_it_for_real() -> list[str]:
    """Return the commands of the README's section."""
    section = (ROOT / "README.md").read_text().partition("## Run it for real")[2]
    return [line for line in section.partition("```sh")[2].partition("```")[0].splitlines() if line.strip()]


@pytest.mark.postgresql
def test_the_readmes_commands_start_a_working_portal(tmp_path: Path) -> None:
    install, *commands, serve = run_it_for_real()
    assert "--require-hashes -r requirements.txt" in install
    clone, port = tmp_path / "gatehouse", free_port()
    subprocess.run(["git", "clone", "-q", "--no-local", ROOT, clone], check=True)
    (clone / ".venv").symlink_to(Path(sys.executable).parents[1])
    with database(tmp_path) as url:
        own = {"postgres://gatehouse:password@127.0.0.1:5432/gatehouse": url, "--port 8000": f"--port {port}"}
        script = "\n".join([*commands, f"exec {serve}"])
        for marked, value in own.items():
            assert marked in script
            script = script.replace(marked, value)
        with (tmp_path / "output").open("wb") as output:
            server = subprocess.Popen(
                ["/bin/bash", "-euc", script],
                cwd=clone,
                env={"PATH": os.environ["PATH"]},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            wait_until_ready(server, port, tmp_path / "output")
            page = requests.get(
                f"http://127.0.0.1:{port}/o/acme/sign-in/",
                headers={"Host": "portal.example.com", "X-Forwarded-Proto": "https"},
                timeout=10,
            )
        finally:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait()

    assert page.status_code == 200
    assert re.search(r"/static/css/gatehouse\.[0-9a-f]{12}\.css", page.text)


def wait_until_ready(server: "subprocess.Popen[bytes]", port: int, output: Path) -> None:
    for _ in range(1800):
        assert server.poll() is None, output.read_text()
        try:
            if requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5, headers={"Host": "portal.example.com"}).ok:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise AssertionError(output.read_text())
