"""Products in TypeScript: what the documentation shows compiles with the types of Stytch's SDKs."""

import shutil
import subprocess

import pytest

from tests.conftest import JAVASCRIPT
from tests.servers import ROOT


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


def test_the_component_in_the_docs_is_the_one_that_compiles() -> None:
    shown = (ROOT / "docs/embed.md").read_text().partition("```tsx\n")[2].partition("```")[0]
    compiled = (JAVASCRIPT / "embed-react.tsx").read_text().partition("\n\n")[2]

    assert shown.replace("./gatehouse.mjs", "../../../static/embed/gatehouse.mjs") == compiled
