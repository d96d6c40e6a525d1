"""What the files of an operator's whole template may have: placeholders where their values are harmless, and nothing that loads or runs.

The HTML has a fixed list of elements and attributes. Each fault is a line and a reason.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

from portal.mail.catalog import PLACEHOLDER

LINK, CODE, FACTS = "link", "code", "facts"
# The colors, which styles may have too.
COLORS = frozenset({"brand", "brand_link", "brand_link_dark"})
_MAX_HTML, _MAX_TEXT, _MAX_SUBJECT = 60_000, 20_000, 100

_ELEMENTS = frozenset(
    "html head title meta style body div span p a img table thead tbody tfoot tr td th caption colgroup col h1 h2 h3 h4 "
    "ul ol li br hr strong b em i u s small sub sup center blockquote pre code font".split()
)
# What says how Outlook shows images, in a conditional comment.
_FOR_OUTLOOK = frozenset({"noscript", "xml", "o:officedocumentsettings", "o:allowpng", "o:pixelsperinch"})
_EMPTY = frozenset({"meta", "img", "br", "hr", "col"})
_ATTRIBUTES = frozenset(
    "class id style lang dir role aria-hidden aria-label width height align valign bgcolor border cellpadding cellspacing "
    "colspan rowspan scope href src alt title name content charset color face size target rel type http-equiv xmlns xmlns:v xmlns:o".split()
)
_WITH_TEXT, _WITH_COLOR = (
    frozenset({"alt", "title", "lang", "dir", "aria-label"}),
    frozenset({"style", "bgcolor", "color"}),
)
# The elements that may have an address.
_ADDRESSES = {"href": "a", "src": "img"}
# In quotes, or so short that a value can't end an attribute and begin another.
_TAG = re.compile(r"<[a-z][a-z0-9:]*(\s+[a-z][a-z:-]*(\s*=\s*(\"[^\"]*\"|'[^']*'|[\w%#.-]+))?)*\s*/?>", re.IGNORECASE)
_CSS = re.compile(
    r"url\s*\(|@import|@font-face|expression\s*\(|behavior\s*:|binding\s*:|javascript:|\\|<", re.IGNORECASE
)
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_URL = re.compile(r"https?://[^\s<>\"')]+", re.IGNORECASE)
_CONDITIONAL = re.compile(r"\[if [^\]<>]*\]>(.*)<!\[endif\]", re.DOTALL)
# Around what Outlook leaves out, "<!--[if !mso]><!-->" and "<!--<![endif]-->".
_REVEALED = re.compile(r"\[if [^\]<>]*\]><!|<!\[endif\]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Rules:
    """What a template may use: its placeholders, the one that it must have, whether it may have {facts}, and hosts of links."""

    placeholders: Collection[str]
    required: str
    has_facts: bool
    hosts: Collection[str]

    @property
    def known(self) -> frozenset[str]:
        """Every placeholder."""
        return frozenset(self.placeholders) | {self.required} | ({FACTS} if self.has_facts else set())


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong with a line."""

    line: int
    reason: str


@dataclass(slots=True)
class _Found:
    """What a document has had so far."""

    faults: list[Fault] = field(default_factory=list)
    elements: set[str] = field(default_factory=set)
    subject: str = ""
    links: int = 0
    shown: int = 0
    images: int = 0


def check_html(html: str, rules: Rules) -> tuple[str, list[Fault]]:
    """Return the subject of an HTML part, which is its title, and its faults by line."""
    found = _Found()
    if len(html.encode()) > _MAX_HTML:
        return "", [Fault(1, f"more than {_MAX_HTML:,} bytes: some mail programs cut off longer emails")]
    _feed(_Reader(rules, found), html)
    end = html.count("\n") + 1
    for element in ("html", "title", "body"):
        if element not in found.elements:
            found.faults.append(Fault(1, f"needs <{element}>"))
    if not html.rstrip().lower().endswith("</html>"):
        found.faults.append(Fault(end, "must end with </html>"))
    subject = " ".join(found.subject.split())
    if not 1 <= len(subject) <= _MAX_SUBJECT:
        found.faults.append(Fault(1, f"<title> is the subject, and must have 1 to {_MAX_SUBJECT} characters"))
    if not found.shown:
        found.faults.append(Fault(1, f"needs {{{rules.required}}} as visible text"))
    if rules.required == LINK and not found.links:
        found.faults.append(Fault(1, 'needs a link <a href="{link}">'))
    return subject, sorted({*found.faults, *_of_lines(html)})


def check_text(text: str, rules: Rules) -> list[Fault]:
    """Return the faults of a text part by line."""
    if len(text.encode()) > _MAX_TEXT:
        return [Fault(1, f"more than {_MAX_TEXT:,} bytes")]
    faults = list(_of_lines(text))
    found = set()
    for number, line in enumerate(text.splitlines(), start=1):
        names = PLACEHOLDER.findall(line)
        found |= set(names)
        faults += [Fault(number, reason) for reason in _unknown(names, rules)]
        if len(re.findall("[{}]", line)) != 2 * len(names):
            faults.append(Fault(number, "a brace that belongs to no placeholder"))
        faults += [
            Fault(number, f"{{{name}}} must be alone on its line")
            for name in (LINK, FACTS)
            if name in names and line.strip() != f"{{{name}}}"
        ]
        faults += [Fault(number, reason) for url in _URL.findall(line) if (reason := _wrong_host(url, rules))]
    if rules.required not in found:
        faults.append(Fault(1, f"needs {{{rules.required}}}"))
    return sorted(set(faults))


class _Reader(HTMLParser):
    """Reads HTML and notes what is wrong with it. A reader of a conditional comment begins at a line of its own."""

    def __init__(self, rules: Rules, found: _Found, *, first_line: int = 1, is_comment: bool = False) -> None:
        super().__init__(convert_charrefs=False)
        self._rules, self._found, self._before, self._is_comment = rules, found, first_line - 1, is_comment
        self._inside = ""
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check an element with its attributes."""
        raw = self.get_starttag_text() or ""
        self._found.elements.add(tag)
        if tag not in (_ELEMENTS | _FOR_OUTLOOK if self._is_comment else _ELEMENTS):
            self.fault(f"<{tag}> isn't allowed")
        elif not _TAG.fullmatch(raw):
            self.fault(f'<{tag}>: write attributes as name="value"')
        for reason in self._of_attributes(tag, attrs, raw):
            self.fault(f"<{tag}>: {reason}")
        self._found.links += tag == "a" and ("href", "{link}") in attrs and not self._is_comment
        if tag in {"title", "style"}:
            self._inside = tag
        if tag not in _EMPTY and (self._hidden or _HIDDEN.search(dict(attrs).get("style") or "")):
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note where a title, a style sheet or hidden text ends."""
        if tag == self._inside:
            self._inside = ""
        if self._hidden and self._hidden[-1] == tag:
            self._hidden.pop()

    def handle_data(self, data: str) -> None:
        """Check text."""
        if self._inside == "style":
            if _CSS.search(data):
                self.fault("<style>: nothing may be loaded or run, and there may be no backslash")
            self.check(set(PLACEHOLDER.findall(data)) - COLORS, "isn't allowed in styles")
            return
        if self._inside == "title":
            self._found.subject += data
        for offset, line in enumerate(data.split("\n")):
            for reason in self._of_text(PLACEHOLDER.findall(line), line):
                self.fault(reason, offset)

    def handle_entityref(self, name: str) -> None:
        """Keep an entity of the subject."""
        self._entity(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Keep a character reference of the subject."""
        self._entity(f"&#{name};")

    def handle_comment(self, data: str) -> None:
        """Check what Outlook shows of a conditional comment. Other comments have no placeholders and no elements."""
        conditional = _CONDITIONAL.fullmatch(data)
        if conditional:
            begins = self.line + data[: conditional.start(1)].count("\n")
            _feed(_Reader(self._rules, self._found, first_line=begins, is_comment=True), conditional[1])
        elif not _REVEALED.fullmatch(data) and re.search("[<>]", data):
            self.fault("a comment with < or >")
        elif PLACEHOLDER.search(data):
            self.fault("a placeholder in a comment")

    def handle_decl(self, decl: str) -> None:
        """Allow the document type."""
        if not decl.lower().startswith("doctype html"):
            self.fault("only <!doctype html> is allowed")

    def handle_pi(self, data: str) -> None:
        """Report a processing instruction."""
        self.fault(f"<?{data[:10]} isn't allowed")

    def unknown_decl(self, data: str) -> None:
        """Report any other declaration."""
        self.fault(f"<![{data[:10]} isn't allowed")

    @property
    def line(self) -> int:
        """The line in the file."""
        return self._before + self.getpos()[0]

    def fault(self, reason: str, offset: int = 0) -> None:
        """Note a fault of this line, or of one below it."""
        self._found.faults.append(Fault(self.line + offset, reason))

    def check(self, names: Collection[str], reason: str) -> None:
        """Note a fault for each name."""
        for name in sorted(names):
            self.fault(f"{{{name}}} {reason}")

    def _entity(self, raw: str) -> None:
        if self._inside == "title":
            self._found.subject += raw

    def _of_text(self, names: list[str], line: str) -> Iterator[str]:
        is_header = self._inside == "title" or bool(self._hidden)
        yield from _unknown(names, self._rules)
        if len(re.findall("[{}]", line)) != 2 * len(names):
            yield "a brace that belongs to no placeholder"
        # Servers log subjects, and phones show subjects and hidden text on the lock screen.
        for name in sorted({LINK, CODE, FACTS} & set(names)) if is_header else ():
            yield f"{{{name}}} isn't allowed in the title or in hidden text"
        if not is_header and not self._is_comment:
            self._found.shown += names.count(self._rules.required)

    def _of_attributes(self, tag: str, attrs: list[tuple[str, str | None]], raw: str) -> Iterator[str]:
        names = [name for name, _ in attrs]
        if len(set(names)) < len(names):
            yield "an attribute twice"
        for name, value in attrs:
            yield from self._of_attribute(tag, name, value or "", raw)
        self._found.images += tag == "img"
        if tag == "img" and self._found.images > 1:
            yield "one image is allowed"

    def _of_attribute(self, tag: str, name: str, value: str, raw: str) -> Iterator[str]:
        names = PLACEHOLDER.findall(value)
        if name not in _ATTRIBUTES or (name in _ADDRESSES and _ADDRESSES[name] != tag):
            yield f"{name} isn't allowed"
        elif name in _ADDRESSES:
            yield from self._of_url(tag, value)
        else:
            yield from self._of_value(name, value, names)
        if len(re.findall("[{}]", value)) != 2 * len(names):
            yield f"{name}: a brace that belongs to no placeholder"
        if names and not all(f"{{{one}}}" in raw for one in names):
            yield f"{name}: write placeholders as they are, not as character references"

    def _of_value(self, name: str, value: str, names: list[str]) -> Iterator[str]:
        allowed: Collection[str] = ()
        if name in _WITH_TEXT:
            allowed = self._rules.known - {LINK, CODE, FACTS}
        elif name in _WITH_COLOR:
            allowed = COLORS
        yield from (f"{{{one}}} isn't allowed in {name}" for one in names if one not in allowed)
        if name == "http-equiv" and value.lower() not in {"content-type", "x-ua-compatible"}:
            yield f"http-equiv can't be “{value[:40]}”"
        if name == "style" and _CSS.search(value):
            yield "style may load or run nothing, and have no backslash"

    def _of_url(self, tag: str, url: str) -> Iterator[str]:
        if (tag, url, self._rules.required) == ("a", "{link}", LINK):
            return
        if PLACEHOLDER.search(url):
            yield "the only placeholder of an address is {link}, alone in the href of a link"
        elif not url.lower().startswith(("https://", "mailto:")):
            yield f"“{url[:40]}” must begin with https:// or mailto:"
        elif url.lower().startswith("https://") and (reason := _wrong_host(url, self._rules)):
            yield reason


def _feed(reader: _Reader, html: str) -> None:
    try:
        reader.feed(html)
        reader.close()
    except (AssertionError, ValueError):
        # What the parser raises for declarations that aren't HTML.
        reader.fault("can't be read as HTML")


def _of_lines(text: str) -> Iterator[Fault]:
    for number, line in enumerate(text.split("\n"), start=1):
        if _CONTROL.search(line.removesuffix("\r")):
            yield Fault(number, "a control or bidirectional character")


def _unknown(names: Collection[str], rules: Rules) -> Iterator[str]:
    for name in names:
        if name not in rules.known:
            yield f"{{{name}}} is unknown. Known are {', '.join(sorted(rules.known))}"


def _wrong_host(url: str, rules: Rules) -> str:
    """Return why a link may not be in an email, "" if it may."""
    try:
        host = urlsplit(url).netloc.lower()
    except ValueError:
        host = ""
    return "" if host in rules.hosts else f"a link to “{host[:60]}”, which isn't in mail.link_hosts"
