"""What the docs tell people to type exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
DEPLOYMENTS = [ROOT / "Containerfile", ROOT / "compose.yaml"]
UNITS = sorted((ROOT / "docs/deploy/systemd").rglob("*.*"))


def typed(program: str) -> list[tuple[str, str]]:
    """Return each place where a program is to be run: the file's name, and what follows the program."""
    texts = {path: path.read_text().replace("\\\n", " ") for path in [*PAGES, *UNITS] if path.is_file()}
    return [(path.name, found) for path, text in texts.items() for found in re.findall(rf"{program} ([^\n`|#]+)", text)]


@pytest.mark.parametrize(("page", "words"), typed(r"manage\.py"))
def test_each_command_has_its_options(page: str, words: str) -> None:
    name = words.split(maxsplit=1)[0].strip(".,:;'\"")
    commands = get_commands()
    assert name in commands, f"{page} names manage.py {name}"

    app = commands[name]
    command = load_command_class(app, name) if isinstance(app, str) else app
    known = command.create_parser("manage.py", name).format_help()
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", words.partition("&&")[0].partition(";")[0]))
    assert [option for option in sorted(options) if option not in known] == []


def test_granian_reads_the_variables_that_the_server_sets() -> None:
    command = [sys.executable, "-m", "granian", "--help"]
    known = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    files = [*PAGES, *UNITS, *DEPLOYMENTS, ROOT / "portal/serving/server.py"]
    names = {name for path in files if path.is_file() for name in re.findall(r"GRANIAN_[A-Z_]+", path.read_text())}
    assert len(names) >= 10
    # The help wraps long lines.
    assert [name for name in sorted(names) if name not in re.sub(r"\s+", "", known)] == []


def anchors(page: Path) -> set[str]:
    """Return what headings of a page are linked by, as GitHub makes it of them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", [*PAGES, *DECISIONS], ids=lambda page: page.name)
def test_each_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if link.startswith(("http", "/")):
            continue
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def test_decisions_are_numbered_without_gaps_and_all_are_listed() -> None:
    numbered = [page for page in DECISIONS if page.name != "README.md"]
    listed = re.findall(r"\[(\d{4})\]\((\S+)\) (.+)", (ROOT / "docs/decisions/README.md").read_text())

    assert [page.name[:4] for page in numbered] == [f"{number:04}" for number in range(1, len(numbered) + 1)]
    assert listed == [
        (page.name[:4], page.name, page.read_text().partition("\n")[0].removeprefix(f"# {page.name[:4]} "))
        for page in numbered
    ]


def drawn_folders() -> set[str]:
    """Return the folders of the tree in CONTRIBUTING.md, by their paths."""
    block = (ROOT / "CONTRIBUTING.md").read_text().split("```\n")[2]
    found: list[str] = []
    parents: list[str] = []
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        parents[depth:] = [line.split()[0].rstrip("/")]
        found.append("/".join(parents))
    assert len(found) == len(set(found))
    return set(found)


def test_the_tree_in_the_docs_equals_the_folders() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "portal", "scim_admin", "templates", "tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    folders = {str(parent) for path in listed for parent in Path(path).parents} - {"."}

    assert drawn_folders() == folders
