"""The project uses nothing of a library that the library doesn't promise to keep.

Ruff's SLF001 finds private attributes of objects in our own code; this test finds what it can't.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = {"portal", "scim_admin", "tests"}
FILES = sorted(
    path for folder in (*OURS, "docs") for path in (ROOT / folder).rglob("*.py") if "node_modules" not in path.parts
)
# Without an underscore, but not documented.
UNDOCUMENTED = {"multiprocessing.util", "django.db.models.query.get_related_populators"}
# With an underscore, but documented.
DOCUMENTED = {"os._exit"}


def is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.endswith("__") for part in name.split("."))


def imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield what is imported from elsewhere by its whole name, and the name that it has in the module."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                found = [(one.name, one.asname or one.name) for one in names]
            case ast.ImportFrom(module=str(module), names=names, level=0):
                found = [(f"{module}.{one.name}", one.asname or one.name) for one in names]
            case _:
                continue
        yield from ((whole, name) for whole, name in found if whole.partition(".")[0] not in OURS)


def private_names(source: str) -> list[str]:
    """Return the private names of libraries that a module imports, or reaches through what it imports."""
    tree = ast.parse(source)
    known = {name: whole for whole, name in imported(tree)}
    reached = [
        f"{known[node.value.id]}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known
    ]
    names = {*known.values(), *reached} - DOCUMENTED
    return sorted(
        name
        for name in names
        if is_private(name) or name in UNDOCUMENTED or f"{name.rpartition('.')[0]}" in UNDOCUMENTED
    )


@pytest.mark.no_database
def test_no_private_name_of_a_library_is_used() -> None:
    found = {str(path.relative_to(ROOT)): private_names(path.read_text()) for path in FILES}

    assert len(found) > 500
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.no_database
def test_no_line_is_exempt_from_the_rule_on_private_attributes() -> None:
    exempt = [path for path in FILES if "noqa: SLF001" in path.read_text() and path != Path(__file__)]

    assert exempt == []


@pytest.mark.no_database
@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from psycopg._preparing import PrepareManager", ["psycopg._preparing.PrepareManager"]),
        ("from psycopg import _pipeline", ["psycopg._pipeline"]),
        ("import psycopg._queries as queries", ["psycopg._queries"]),
        ("from multiprocessing.util import Finalize", ["multiprocessing.util.Finalize"]),
        ("import lucide\nlucide._load_icon('x')", ["lucide._load_icon"]),
        ("from portal.embedded.database import _x\nimport os\nos._exit(9)", []),
        ("from __future__ import annotations\nimport psycopg\npsycopg.connect", []),
    ],
)
def test_the_rule_finds_private_names(source: str, found: list[str]) -> None:
    assert private_names(source) == found
