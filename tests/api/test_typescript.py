"""Products in TypeScript: what the documentation shows compiles with the types of Stytch's SDKs."""

import shutil
import subprocess

import pytest

from tests.conftest import JAVASCRIPT


@pytest.mark.node
def test_a_product_in_typescript_compiles() -> None:
    compiled = subprocess.run(
        [shutil.which("node") or "", "node_modules/typescript/bin/tsc", "--project", "."],
        cwd=JAVASCRIPT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert (compiled.returncode, compiled.stdout) == (0, "")
