"""Words and constructions that this project doesn't use, in prose and in names.

    python tests/meta/test_words.py [path ...]    list them with their lines, in all files by default

Prose is docstrings, comments, messages, test names, templates and documentation. Code spans, block quotes and the
identifiers of Stytch and SCIM are exempt. What people read on pages and in emails also keeps to the terms of the screens:
texts and attributes of templates, labels, help texts and errors of forms, guides, causes, sentences of the activity log.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
# This list itself, history, and files of others.
_EXCLUDED = (
    "tests/meta/test_words.py",
    "portal/embedded/migrations/",
    "static/vendor/",
    "LICENSE",
    "requirements",
    "tests/api/javascript/package",
)
_PRODUCT = ("portal/", "scim_admin/", "manage.py")


class Finding(NamedTuple):
    """A banned word, and where it is used."""

    path: str
    line: int
    text: str
    instead: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text!r}: write {self.instead}"


# Pattern → what to write. A word in front of "not:" must not be part of the match.
_PROSE = {
    r"whom|whoever|whomever": "who; people who; a noun",
    r"whatever": "anything that; any",
    r"somebody|everybody|anybody": "someone, everyone, anyone",
    r"shall": "should, or the plain present",
    r"anew": "again",
    r"meanwhile": "in the meantime; until then",
    r"any more": "no longer",
    r"(?:stands?|stood|standing) (?:in|behind|beside|between|below|for|above|there)": "is in; follows; is next to; means",
    r"(?<!there )(?<!where )(?:is|are) no (?!longer)\w+": "isn't a, aren't",
    r"by hand": "manually",
    r"too many(?=[.,;:)]|$)": "an extra; name it",
    r"the (?:former|latter)": "its name",
    r"of the meantime|of (?:its|their) being \w+": "another sentence",
    r"(?:is|are|was|were|be|been|gets?) told": "is notified; we email",
    r"good (?:until|for)": "valid until, valid for",
    r"makes? of|becomes? of|became of": "turns into; happens to",
    r"puts? (?:\w+ )?right": "fix",
    r"lets? (?:\w+ )?go on|go(?:es)? on": "continue; resume; approve",
    r"cures?|cured": "how to fix it",
    r"brak(?:e|es|ed|ing)": "deactivation safeguard; hold",
    r"exchang(?:e|es|ed|ing) (?:of )?(?:the |a |its )?(?:scim )?tokens?|token exchanges?": "rotate",
    r"(?:an?|the|each|every|one|this|per|these|its|last|first|which|scim|idp's|provider's) calls?(?! to\b)": "request",
    r"(?:calls|calls? of) (?:an?|the) (?:identity provider|idp)": "request",
    r"(?:idp|identity provider|okta|entra|machine|browser|backend|client|product|sdk)s? calls?": "sends a request",
    r"call log": "log",
    r"refus(?:e|es|ed|al|als|ing)": "failed; rejected",
    r"made": "created; built; changed",
    r"e-mails?|e-mailed": "email",
    r"(?<!the )(?<!request )log(?:s|ged|ging)?[ -]in(?! the)": "sign in",
    r"logs? out|logged out": "sign out",
    r"please|simply|easily|oops": "nothing",
    r"just(?! now)": "nothing",
    r"\w+!(?=\s|$)": "a period",
    r"(?<=: )also": "a sentence of its own; including",
    r"senseless": "invalid",
    r"take-?overs?|taken over|takes? over|adopt(?:s|ed|ion)?": "link; manage",
    r"break[- ]glass": "emergency admin",
    r"impersonat\w+": "support session",
    r"twins?": "browser route",
    r"circles?": "cycle; deadlock",
    r"ways? to the database": "round trip",
    r"half-?way": "leave it out; partly",
    r"(?:is|are|was|were) not right": "isn't valid; is incorrect",
    r"tak(?:e|es|en|ing) (?:\w+ )?away": "remove; delete; lose",
}
# What people read on pages and in emails. The paths of guides in other products are between asterisks.
_SCREENS = {
    r"tenants?|compan(?:y|ies)|(?<!Google )Workspaces?": "organization",
    r"idps?": "identity provider",
    r"dismiss(?:ed|es)?|drift|conflicts?": "keep separate; difference; existing member",
    r"audit logs?": "activity",
    r"(?-i:Search on)": "Load more",
    r"(?:is|are|was|were|do|does|did|has|have|had|could|would|should|will|must) not|cannot": "the contraction",
    r"[A-Z][A-Z0-9]+(?:_[A-Z0-9]+)+": "no names of settings",
    r"stytch_\w+|stytch\.[\w.-]+:[\w.-]+|manage\.py": "no names of the machinery",
    r"(?:the|a|no) rights?(?: to)?": "permission",
    r"nobody": "no one",
    r"may do": "permissions; can do",
    r"(?:the|an|each|every|this|its|whose|same) answers?(?! to\b)": "response; status",
}
_SHOWN = (
    "templates/",
    "scim_admin/",
    "portal/pages/",
    "portal/web/",
    "portal/mail/content.py",
    "portal/mail/rendering.py",
    "portal/embedded/members/sign_in_emails.py",
    "portal/embedded/scim/reminder_emails.py",
)
# Pages for developers, and metrics.
_NOT_SHOWN = ("templates/api/", "templates/styleguide/", "portal/pages/operations/", "portal/pages/styleguide/")
_CASED = {r"[Rr]equest ids?": "request ID", r"idps": "IdPs"}
_FINE = re.compile(
    r"connection refused|refused connection|(?:function|method|system|library|remote) calls?|made[- ]up"
    r"|(?:changes?|decisions?|requests?|attempts?|calls?|progress) (?:that )?(?:is|are|was|were|has been|have been )?\s?made"
    r"|made (?:by|with|through) requests?",
    re.IGNORECASE,
)
_IDENTIFIER = {
    "brake": "safeguard",
    "braking": "on_hold",
    "person": "user",
    "people": "users",
    "walk": "index_paging",
    "walks": "index_paging",
    "calls": "requests",
    "life": "lifecycle",
    "twin": "browser_route",
    "twins": "browser_routes",
    "made": "created",
    "there": "exists",
    "told": "notified",
    "circle": "cycle",
    "circles": "cycles",
    "moment": "timestamp",
    "administration": "operator",
    "least": "minimum",
    "most": "maximum",
    "lane": "endpoints",
    "refused": "rejected, failed",
    "gone": "deactivated, deleted",
    "adopt": "link",
    "adopted": "linked",
    "whom": "a noun",
    "whoever": "a noun",
    "cure": "fix",
}
# Columns that keep their names, because renaming one needs a migration.
_STORED = {"is_adopted"}
# Screens speak of people.
_PEOPLE_ON_SCREEN = ("scim_admin/", "portal/pages/", "portal/web/")
_AT_MOST = re.compile(r"at_(?:most|least)")

_WORDS = [
    (re.compile(rf"(?<![\w/.`-])(?:{pattern})(?![\w`]|-\w)", re.IGNORECASE), use) for pattern, use in _PROSE.items()
]
_WORDS += [(re.compile(rf"(?<![\w/.`-])(?:{pattern})(?![\w`]|-\w)"), use) for pattern, use in _CASED.items()]
_SCREEN_WORDS = [
    (re.compile(rf"(?<![\w/.:`*-])(?:{pattern})(?![\w`]|-\w)", re.IGNORECASE if pattern[0] != "[" else 0), use)
    for pattern, use in _SCREENS.items()
]
_LABEL = re.compile(r"[A-Z][a-z]+$")
# Arguments of template tags that are shown.
_SHOWN_ARGUMENT = re.compile(r'\b(?:title|text|label|caption|subtitle|help_text|about|suffix|back_label)="([^"]*)"')
_SENTENCE = re.compile(r"[A-Za-z'’]{2,}[ ,;:]+[A-Za-z'’]+")
_SPAN = re.compile(r"``.+?``|`[^`\n]+`|https?://\S+")
_SCREEN_NAME = re.compile(r"\*[^*]+\*|“[^”]*”")


def files(paths: list[str]) -> Iterator[str]:
    """Yield the tracked and new files below these paths that are looked through."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *paths]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for path in sorted(set(listed.splitlines())):
        if not path.startswith(_EXCLUDED) and (ROOT / path).is_file():
            yield path


def findings(path: str) -> list[Finding]:
    """Return the banned words of a file, in the order of its lines."""
    source = (ROOT / path).read_text(encoding="utf-8", errors="ignore")
    found = [
        Finding(path, line, word, instead) for line, text in _prose(path, source) for word, instead in _banned(text)
    ]
    found += [
        Finding(path, line, word, instead)
        for line, text in _shown(path, source)
        for word, instead in _banned(_SCREEN_NAME.sub(" … ", text), _SCREEN_WORDS)
    ]
    if path.endswith(".py"):
        found += [Finding(path, *one) for one in _identifiers(path, source)]
    return sorted(found, key=lambda one: one.line)


def _banned(text: str, words: list[tuple[re.Pattern[str], str]] = _WORDS) -> Iterator[tuple[str, str]]:
    plain = _FINE.sub(" … ", _SPAN.sub(" … ", " ".join(text.split())))
    for pattern, instead in words:
        for match in pattern.finditer(plain):
            yield match[0], instead


def _prose(path: str, source: str) -> Iterator[tuple[int, str]]:
    if path.endswith(".py"):
        yield from _comments(source)
        yield from _strings(path, source)
    elif path.endswith(".html"):
        yield from _template(source)
    elif path.endswith(".md"):
        yield from _markdown(path, source)
    elif path.endswith((".js", ".mjs", ".css")):
        for found in re.finditer(r"/\*.*?\*/|(?:^|\s)//[^\n]*", source, re.DOTALL):
            yield source.count("\n", 0, found.start()) + 1, found[0]
    elif path.endswith((".toml", ".cfg", ".conf", ".service", ".timer", ".in", ".ci/run")):
        yield from enumerate((re.sub(r"^.*?(?:^|\s)#|^[^#]*$", "", line) for line in source.splitlines()), 1)


def _shown(path: str, source: str) -> Iterator[tuple[int, str]]:
    """Yield what people read on pages and in emails."""
    if not path.startswith(_SHOWN) or path.startswith(_NOT_SHOWN):
        return
    if path.endswith(".html"):
        yield from _template(re.sub(_TEMPLATE_COMMENT, _without_text, source, flags=re.DOTALL))
    elif path.endswith(".py"):
        yield from _messages(path, ast.parse(source))


def _comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield each comment, several lines of one as one text."""
    lines: list[str] = []
    first = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT:
            continue
        line, text = token.start[0], token.string.lstrip("#")
        if "noqa" in text or "type: ignore" in text:
            text = text.partition("--")[2]
        if lines and line == last + 1:
            lines.append(text)
        else:
            yield first, " ".join(lines)
            lines, first = [text], line
        last = line
    yield first, " ".join(lines)


def _strings(path: str, source: str) -> Iterator[tuple[int, str]]:
    """Yield docstrings, sentences of the product in strings, and the names of tests as sentences."""
    tree = ast.parse(source)
    docstrings = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                docstrings.add(first.value)
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield node.lineno, node.name.replace("_", " ").replace(" id", " ID")
    yield from ((node.lineno, str(node.value)) for node in docstrings)
    if path.startswith(_PRODUCT):
        yield from _messages(path, tree)


def _messages(path: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the sentences and labels in strings, apart from docstrings and from names on the screens of other products."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    docstrings |= {id(node) for call in ast.walk(tree) if isinstance(call, ast.Call) for node in _not_said(call)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in docstrings:
            continue
        is_label = path.startswith(_SHOWN) and _LABEL.match(node.value)
        if is_label or (_SENTENCE.search(node.value) and not _is_sql(node.value)):
            yield node.lineno, node.value


def _not_said(call: ast.Call) -> Iterator[ast.AST]:
    """Yield the arguments that aren't our sentences: patterns of a cause, and names of fields in guides."""
    match call.func:
        case ast.Name(id="Sign"):
            yield from ast.walk(call)
        case ast.Name(id="Field"):
            yield from call.args[:1]


def _is_sql(text: str) -> bool:
    return bool(re.search(r"\b(?:SELECT|INSERT|UPDATE|DELETE|CREATE|WHERE|FROM|JOIN|BEGIN|RAISE)\b", text))


_TEMPLATE_COMMENT = r"\{%\s*comment.*?%\}(.*?)\{%\s*endcomment\s*%\}|\{#(.*?)#\}"


def _without_text(comment: re.Match[str]) -> str:
    return "\n" * comment[0].count("\n")


def _template(source: str) -> Iterator[tuple[int, str]]:
    """Yield the comments, the texts and the quoted words of tags."""
    text = re.sub(_TEMPLATE_COMMENT, lambda comment: (comment[1] or "") + (comment[2] or ""), source, flags=re.DOTALL)
    text = re.sub(r"\{[%{].*?[%}]\}", _quoted, text, flags=re.DOTALL)
    text = re.sub(r"<[^>]*>", _attributes, text)
    yield from enumerate(text.splitlines(), 1)


def _quoted(tag: re.Match[str]) -> str:
    shown = _SHOWN_ARGUMENT.findall(tag[0])
    words = " … ".join([*(one for one in re.findall(r'"([^"]*)"', tag[0]) if " " in one), *shown])
    return f" … {words} … " + "\n" * tag[0].count("\n")


def _attributes(tag: re.Match[str]) -> str:
    shown = re.findall(r'(?:title|aria-label|placeholder|alt|content|data-[\w-]+)="([^"]*)"', tag[0])
    return " … ".join(["", *shown, ""]) + "\n" * tag[0].count("\n")


def _markdown(path: str, source: str) -> Iterator[tuple[int, str]]:
    if path == "CHANGELOG.md":  # what is released stays as it was written
        source = "".join(re.split(r"(?m)^(?=## )", source)[:2])
    is_code = False
    for line, text in enumerate(source.splitlines(), 1):
        if text.lstrip().startswith("```"):
            is_code = not is_code
        elif not is_code and not text.startswith(">"):
            yield line, re.sub(r"\]\([^)]*\)", "]", text)


def _identifiers(path: str, source: str) -> Iterator[tuple[int, str, str]]:
    """Yield the names defined in a module that contain a word of `_IDENTIFIER`."""
    exempt = {"person", "people"} if path.startswith(_PEOPLE_ON_SCREEN) else set()
    for node in ast.walk(ast.parse(source)):
        name = _defined_name(node)
        if name in _STORED:
            continue
        for word in _identifier_words(name) & _IDENTIFIER.keys() - exempt:
            yield node.lineno, name, _IDENTIFIER[word]  # type: ignore[attr-defined]  # -- every node with a name has a line


def _defined_name(node: ast.AST) -> str:
    match node:
        case ast.FunctionDef() if node.name.startswith("test_"):
            return ""
        case ast.FunctionDef() | ast.ClassDef():
            return node.name
        case ast.arg():
            return node.arg
        case ast.Name(ctx=ast.Store()):
            return node.id
        case _:
            return ""


def _identifier_words(name: str) -> set[str]:
    return set(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", _AT_MOST.sub("", name)).lower().split("_"))


def test_no_file_has_a_banned_word() -> None:
    assert [str(one) for path in files([]) for one in findings(path)] == []


@pytest.mark.parametrize(
    "text",
    [
        "Return whom the link invites.",
        "It stands in the log.",
        "That is no address.",
        "Each call of the identity provider is kept.",
        "Nothing is made by hand any more.",
        "Two hosts too many.",
        "Exchange the token.",
    ],
)
def test_a_banned_word_is_found(text: str) -> None:
    assert list(_banned(text))


@pytest.mark.parametrize(
    "text",
    [
        "There is no group, and it is no longer needed.",
        "Call `somebody()`, see https://example.com/whom/.",
        "It logs in the background; the request log in the database.",
        "Connection refused.",
        "Exchange the session for one of another organization.",
        "It was just now.",
        "Too many requests.",
    ],
)
def test_plain_english_is_not(text: str) -> None:
    assert list(_banned(text)) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("templates/a.html", "<p>The IdP sent it.</p>"),
        ("templates/a.html", '<button aria-label="Dismiss">x</button>'),
        ("templates/a.html", '{% notice title="Drift" %}It was found.{% endnotice %}'),
        ("templates/a.html", "<p>It is not here.</p>"),
        ("templates/a.html", "<p>Set EMAIL_URL first.</p>"),
        ("scim_admin/a.py", 'label = "Drift"'),
        ("scim_admin/a.py", 'Field("Token", TOKEN, "The tenant has one.")'),
        ("portal/web/a.py", 'reason = f"Your roles do not allow {what}."'),
    ],
)
def test_a_word_that_pages_do_not_use_is_found(path: str, source: str) -> None:
    assert [word for _, text in _shown(path, source) for word in _banned(text, _SCREEN_WORDS)]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("templates/a.html", "{# The IdP sent it. #}<p>Okta sent it.</p>"),
        ("templates/api/a.html", "<p>Set EMAIL_URL first.</p>"),
        ("scim_admin/a.py", '"""The IdP sent it."""'),
        ("scim_admin/a.py", 'Field("Tenant URL", URL, "Enter all of it.")'),
        ("scim_admin/a.py", 'Sign(detail="is not valid JSON")'),
        ("portal/embedded/a.py", 'detail = "The IdP cannot do it."'),
    ],
)
def test_what_is_not_on_a_page_is_not_looked_through(path: str, source: str) -> None:
    assert [word for _, text in _shown(path, source) for word in _banned(text, _SCREEN_WORDS)] == []


def main(arguments: list[str]) -> int:
    """List the banned words of these files, or of all."""
    found = [one for path in files(arguments) for one in findings(path)]
    sys.stdout.writelines(f"{one}\n" for one in found)
    sys.stdout.write(f"{len(found)} found\n")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
