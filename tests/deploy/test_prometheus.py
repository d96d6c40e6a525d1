"""The alert rules in docs/deploy/prometheus, checked and run by promtool."""

import subprocess

import pytest

from tests.servers import ROOT

FOLDER = ROOT / "docs/deploy/prometheus"


@pytest.mark.promtool
@pytest.mark.parametrize("command", ["check rules gatehouse.rules.yml", "test rules gatehouse.rules.test.yml"])
def test_rules_are_valid_and_alert_when_they_should(command: str) -> None:
    done = subprocess.run(["promtool", *command.split()], cwd=FOLDER, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
