"""Parser for filters and PATCH paths (RFC 7644, 3.4.2.2 and 3.5.2). A filter becomes a tree, for Python or for SQL."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from portal.embedded.models.fields import is_storable
from portal.embedded.scim.filter.comparison import comparable, compare, operand
from portal.embedded.scim.protocol.errors import InvalidFilter, InvalidPath
from portal.embedded.scim.protocol.schemas import Attribute, ResourceSchema

_OPERATORS = frozenset({"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"})
_PATH = re.compile(r"^(?P<attribute>[^\[\]]+)(?:\[(?P<filter>.*)\](?:\.(?P<sub>[\w$-]+))?)?$", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<mark>[()\[\]])
      | (?P<text>"(?:[^"\\]|\\.)*")
      | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])
      | (?P<word>\.?[A-Za-z_$][\w$:.-]*)
    )""",
    re.VERBOSE,
)
# An operand up to a space or bracket, outside of texts, unless it already is JSON.
_BARE = re.compile(
    r"""(?P<text>"(?:[^"\\]|\\.)*")
      | (?P<before>\b(?:eq|ne|co|sw|ew|gt|ge|lt|le)\s+)(?!(?:true|false|null|-?\d+(?:\.\d+)?)(?=[\s()\[\]]|$))(?P<bare>[^\s()\[\]"]+)""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`path operator value`. The operator `pr` has no value."""

    path: str
    operator: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class And:
    """All parts match."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one part matches."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not match."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class ElementFilter:
    """A single element of a multi-valued attribute matches the whole filter: `emails[type eq "work"]`."""

    path: str
    filter: "Node"


@dataclass(frozen=True, slots=True)
class PathTarget:
    """The target of a path: its attributes, a filter on the elements of the last one, and a sub-attribute of these."""

    attributes: tuple[Attribute, ...]
    filter: "Node | None"
    sub_attribute: Attribute | None


Node = Comparison | And | Or | Not | ElementFilter


def parse_filter(text: str, *, takes_bare_texts: bool = False) -> Node:
    """Parse a filter, with texts that may lack quotes if `takes_bare_texts`.

    Raise InvalidFilter, with the place of the error, for a filter that is invalid or too long.
    """
    if len(text) > settings.SCIM_MAX_FILTER_LENGTH:
        raise InvalidFilter(f"The filter is longer than {settings.SCIM_MAX_FILTER_LENGTH} characters.")
    return _Parser(_BARE.sub(_quote, text) if takes_bare_texts else text).parse()


def parse_path(schema: ResourceSchema, path: str) -> PathTarget:
    """Parse the path of a PATCH operation. Raise InvalidPath for an unknown attribute, InvalidFilter for its filter."""
    match = _PATH.match(path)
    attributes = schema.resolve(match["attribute"]) if match else ()
    if not match or not attributes:
        raise InvalidPath(f'A {schema.name} has no attribute "{path[:200]}".')
    last = attributes[-1]
    if match["filter"] is None:
        return PathTarget(attributes, None, None)
    if not last.multi_valued:
        raise InvalidPath(f'"{last.name}" has a single value, so its path cannot have a filter in brackets.')
    sub = last.sub_attribute(match["sub"]) if match["sub"] else None
    if match["sub"] and sub is None:
        raise InvalidPath(f'"{last.name}" has no sub-attribute "{match["sub"]}".')
    return PathTarget(attributes, parse_filter(match["filter"]), sub)


def count_comparisons(node: Node) -> int:
    """Return the number of comparisons in a filter, including those in brackets."""
    match node:
        case And(parts) | Or(parts):
            return sum(map(count_comparisons, parts))
        case Not(inner) | ElementFilter(_, inner):
            return count_comparisons(inner)
        case Comparison():
            return 1


def attribute_paths(node: Node) -> Iterator[str]:
    """Yield the attribute paths in a filter, as they are written."""
    match node:
        case And(parts) | Or(parts):
            for part in parts:
                yield from attribute_paths(part)
        case Not(part):
            yield from attribute_paths(part)
        case ElementFilter(path) | Comparison(path):
            yield path


class _Parser:
    """A recursive-descent parser: grouping before `not`, before `and`, before `or`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._at = 0
        self._terms = 0

    def parse(self) -> Node:
        node = self._some(depth=0)
        if self._peek():
            raise self._unexpected()
        return node

    def _some(self, depth: int) -> Node:
        if depth > settings.SCIM_MAX_FILTER_DEPTH:
            raise InvalidFilter(f"The filter is nested more than {settings.SCIM_MAX_FILTER_DEPTH} levels deep.")
        return self._joined("or", Or, lambda: self._joined("and", And, lambda: self._term(depth)))

    def _joined(self, word: str, join: Callable[[tuple[Node, ...]], Node], part: Callable[[], Node]) -> Node:
        parts = [part()]
        while self._peek().lower() == word:
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def _term(self, depth: int) -> Node:
        if self._peek() == "(":
            return self._within("(", ")", depth)
        if self._peek().lower() == "not":
            self._take()
            return Not(self._within("(", ")", depth))
        self._terms += 1
        if self._terms > settings.SCIM_MAX_FILTER_TERMS:
            raise InvalidFilter(f"The filter has more than {settings.SCIM_MAX_FILTER_TERMS} terms.")
        path = self._path()
        if self._peek() != "[":
            return self._comparison(path)
        inner = self._within("[", "]", depth)
        if self._peek().startswith("."):
            # Microsoft's extension of the grammar: `emails[type eq "work"].value eq "x"`.
            inner = And((inner, self._comparison(self._take()[1:])))
        return ElementFilter(path, inner)

    def _within(self, opening: str, closing: str, depth: int) -> Node:
        self._expect(opening)
        node = self._some(depth + 1)
        self._expect(closing)
        return node

    def _path(self) -> str:
        token = self._peek()
        if not token or not (token[0].isalpha() or token[0] in "_$"):
            raise self._unexpected()
        return self._take()

    def _comparison(self, path: str) -> Comparison:
        operator = self._peek().lower()
        if operator == "pr":
            self._take()
            return Comparison(path, "pr")
        if operator not in _OPERATORS:
            raise self._unexpected("an operator such as eq")
        self._take()
        return Comparison(path, operator, self._value())

    def _value(self) -> Any:
        token = self._peek()
        try:
            value = json.loads(token.lower() if token.lower() in {"true", "false", "null"} else token)
        except ValueError:
            raise self._unexpected('a value such as "x", 1, true or null') from None
        if isinstance(value, str) and not is_storable(value):
            raise InvalidFilter("The filter has a null character or an unpaired surrogate in a text.")
        self._take()
        return value

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, token: str) -> None:
        if self._peek() != token:
            raise self._unexpected(f'"{token}"')
        self._take()

    def _unexpected(self, wanted: str = "a comparison") -> InvalidFilter:
        found = f'"{self._peek()}"' if self._peek() else "the end"
        return InvalidFilter(f"The filter has {found} instead of {wanted}.")


def _quote(found: re.Match[str]) -> str:
    return found["text"] or found["before"] + json.dumps(found["bare"])


def _tokens(text: str) -> Iterator[str]:
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            raise InvalidFilter(f"The filter has a syntax error at character {at + 1}.")
        yield match.group().strip()
        at = match.end()


def element_matcher(node: Node, attribute: Attribute) -> Callable[[Any], bool]:
    """Return a function that says whether an element of a list matches a filter. Raise InvalidFilter if it cannot be compared."""
    match node:
        case And(parts):
            every = [element_matcher(part, attribute) for part in parts]
            return lambda element: all(part(element) for part in every)
        case Or(parts):
            some = [element_matcher(part, attribute) for part in parts]
            return lambda element: any(part(element) for part in some)
        case Not(part):
            negated = element_matcher(part, attribute)
            return lambda element: not negated(element)
        case Comparison():
            return _comparison(node, attribute)
        case ElementFilter():
            raise InvalidFilter("A filter in brackets cannot contain another one.")


def _comparison(node: Comparison, attribute: Attribute) -> Callable[[Any], bool]:
    sub = element_attribute(attribute, node.path)
    compared = operand(sub, node.operator, node.value) if node.operator != "pr" else None

    def fits(element: Any) -> bool:
        stored = element.get(sub.name) if isinstance(element, Mapping) else element
        return compare(node.operator, comparable(sub, stored), compared)

    return fits


def element_attribute(attribute: Attribute, path: str) -> Attribute:
    """Return the attribute of a path inside brackets; an element without sub-attributes is its own `value`.

    Raise InvalidFilter for an unknown sub-attribute.
    """
    sub = attribute.sub_attribute(path)
    if sub is None and not attribute.sub_attributes and path.lower() == "value":
        return attribute
    if sub is None:
        raise InvalidFilter(f'"{attribute.name}" has no sub-attribute "{path[:200]}".')
    return sub
