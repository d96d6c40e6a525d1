"""Print the figures by which the project's structure is judged, for this checkout or another one.

    python tests/benchmarks/measure.py [--root ../other-checkout]

Modules and functions are those of the product, without migrations. Suppressions are counted in all Python files.
"""

import argparse
import ast
import io
import json
import os
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

TRACE = Path(__file__).with_name("trace.py")
PRODUCT = ("portal/", "scim_admin/")
# Underscore names that Django and Python document.
DOCUMENTED = {"_meta", "_default_manager", "_base_manager", "_state", "_asdict", "_replace", "_fields"}
# Each topic with the names that it has or had in paths.
TOPICS = {
    "safeguard": r"safeguard|brake",
    "conflicts": r"conflict",
    "drift": r"drift",
    "token rotation": r"rotation|scim_token|scim/tokens|test_tokens",
    "group roles": r"group_role",
    "log": r"(?:^|[/_])(?:log|logs|request_log|scim_log|traffic)(?:[/_.]|$)",
    "pause": r"pause",
    "deletion": r"deletion|deleted",
    "members": r"members?(?:[/_.]|$)",
    "sessions": r"sessions?(?:[/_.]|$)",
}
SEARCHED = (*PRODUCT, "templates/", "tests/")

Trees = dict[str, tuple[str, ast.Module]]


def tracked(root: Path) -> list[str]:
    """Return the files of a checkout."""
    listed = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout
    return [path for path in listed.splitlines() if (root / path).is_file()]


def parsed(root: Path, paths: list[str]) -> Trees:
    """Return the source and syntax tree of each Python file, without migrations."""
    python = [path for path in paths if path.endswith(".py") and "/migrations/" not in path]
    sources = {path: (root / path).read_text("utf-8") for path in python}
    return {path: (source, ast.parse(source)) for path, source in sources.items()}


def function_lengths(trees: Trees) -> Iterator[tuple[int, str]]:
    """Yield the length of each function in lines, with its place."""
    for path, (_, tree) in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield (node.end_lineno or node.lineno) - node.lineno + 1, f"{path}:{node.name}"


def private_names(trees: Trees) -> list[str]:
    """Return where the product uses underscore names that are neither its own nor documented."""
    own = set()
    used = []
    for path, (_, tree) in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                own.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                own.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                own.add(node.attr)
            elif isinstance(node, ast.Attribute):
                used.append((node.attr, f"{path}:{node.lineno}"))
            elif isinstance(node, ast.ImportFrom):
                used += [(alias.name, f"{path}:{node.lineno}") for alias in node.names]
    private = [(name, place) for name, place in used if name.startswith("_") and not name.endswith("__")]
    return [f"{place} {name}" for name, place in private if name not in own | DOCUMENTED]


def comments(trees: Trees, pattern: str) -> int:
    """Return how many comments begin with a pattern."""
    found = 0
    for source, _ in trees.values():
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            found += token.type == tokenize.COMMENT and re.search(pattern, token.string) is not None
    return found


def distribution(values: list[tuple[int, str]]) -> str:
    """Return the 90th percentile and the maximum, with its place."""
    ordered = sorted(values)
    longest, place = ordered[-1]
    return f"p90 {ordered[int(len(ordered) * 0.9)][0]}, maximum {longest} ({place})"


def traced(root: Path) -> dict[str, dict[str, int]]:
    """Return the files and functions that two requests run through in a checkout."""
    environment = os.environ | {"PYTHONPATH": str(root)}
    command = [sys.executable, str(TRACE)]
    printed = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, text=True, env=environment, check=True).stdout
    counts: dict[str, dict[str, int]] = json.loads(printed.splitlines()[-1])
    return counts


def main() -> None:
    """Measure a checkout and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the checkout to measure")
    root = parser.parse_args().root.resolve()
    paths = tracked(root)
    everything = parsed(root, paths)
    product = {path: tree for path, tree in everything.items() if path.startswith(PRODUCT)}
    modules = [(source.count("\n"), path) for path, (source, _) in product.items()]
    print(f"modules: {sum(lines > 0 for lines, _ in modules)}, lines: {sum(lines for lines, _ in modules)}")
    print(f"module length: {distribution([one for one in modules if one[0]])}")
    print(f"modules above 250 lines: {sum(lines > 250 for lines, _ in modules)}")
    print(f"function length: {distribution(list(function_lengths(product)))}")
    print(f"noqa: {comments(everything, 'noqa:')}, type: ignore: {comments(everything, 'type: ignore')}")
    private = private_names(product)
    print(f"private names of libraries: {len(private)}", *private, sep="\n    ")
    for name, counts in traced(root).items():
        print(f"{name}: {counts['files']} files, {counts['functions']} functions")
    for topic, pattern in TOPICS.items():
        named = [path for path in paths if path.startswith(SEARCHED) and re.search(pattern, path)]
        print(f"files named after {topic}: {len(named)}")


if __name__ == "__main__":
    main()
