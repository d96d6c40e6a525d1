"""What the request log keeps of a call: its whole structure, and of the values those that tell of no person.

A masked text keeps its length and shape: `ada@acme.com` becomes `xxx@xxxx.xxx`. What is secret keeps nothing.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from portal.embedded.scim.protocol.schemas import GROUP, USER, Attribute

MOST_CHARACTERS = 16_384  # of a body
_SECRET = "***"  # noqa: S105 -- what is shown instead
_SECRETS = frozenset({"password", "secret", "token", "access_token", "authorization", "bearer_token"})
# Attributes whose texts are words of the protocol.
_PROTOCOL = frozenset(
    "op method type resourcetype schemas bulkid sortorder created lastmodified failonerrors startindex count".split()
)
_PATHS = frozenset({"sortby", "attributes", "excludedattributes"})
_PARAMETERS = _PATHS | {"filter", "cursor", "startindex", "count", "sortorder"}
# With those that are wrong but often asked for.
_ENDPOINTS = frozenset(
    "users groups me bulk schemas resourcetypes serviceproviderconfig .search v1 v2 scim b2b user group schema"
    " resourcetype serviceproviderconfigs roles entitlements".split()
)
_OPERATORS = frozenset("eq ne co sw ew gt ge lt le pr and or not true false null".split())

_ENCODINGS = frozenset("gzip x-gzip deflate br zstd compress x-compress".split())
_WORDS = _OPERATORS | _PROTOCOL | _ENCODINGS | {"operations", "add", "remove", "replace"}

_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
# Our ids and those of others that are random: they tell nothing without the directory that they are from.
_ID = re.compile(
    rf"(?:scim-(?:user|group|connection)-(?:live|test)-)?{_UUID}|00[gu][0-9A-Za-z]{{17}}|bulkId:[\w.-]{{1,64}}",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w.:+-]{1,128}", re.ASCII)
_URN = re.compile(r"urn:[\w:.-]+", re.ASCII)
_NAME = re.compile(r"[A-Za-z$][\w$.:-]{0,199}", re.ASCII)
_BRACKETS = re.compile(r"\[.*\]", re.DOTALL)
_FILTER_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"?|[()\[\]\s,]+|[^\s()\[\],"]+', re.DOTALL)
# What an error quotes. Up to the last mark, as a value may have marks of its own, where it is said before what it is.
_QUOTED = re.compile(
    r"""(?P<before>(?:attribute|endpoint|the\ group|Group\ with\ the\ displayName)\ )"(?P<kept>.*)"
      | (?P<missing>There\ is\ no\ such\ [\w\ ]+:\ )(?P<ids>.*)(?=\.)
      | (?P<person>User\ with\ the\ \w+\ |The\ filter\ has\ |There\ is\ no\ (?:User\ |Group\ )?)"(?P<personal>.*)"
        (?=\ already|\ where|\.)
      | "(?P<other>[^"]*)"
      | (?P<address>[^\s",]+@[^\s",]+)""",
    re.VERBOSE | re.DOTALL,
)
_UNUSUAL = re.compile(r"[^\x20-\x7e]")
_SHAPE = str.maketrans("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", "x" * 26 + "X" * 26 + "0" * 10)


def mask(text: str) -> str:
    """Return a text of the same length and shape that says nothing."""
    shape = text.translate(_SHAPE)
    return shape if shape.isascii() and shape.isprintable() else _UNUSUAL.sub("x", shape)


def redacted_body(body: Mapping[str, Any], *, about_groups: bool) -> tuple[str, bool]:
    """Return the body as JSON, and whether it was cut; what is beyond the limit is not even looked at."""
    redactor = _Redactor()
    document = redactor.object("", body, about_groups=about_groups)
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text[:MOST_CHARACTERS], redactor.is_cut or len(text) > MOST_CHARACTERS


def redacted_query(query: str, *, about_groups: bool) -> str:
    """Return the parameters of an address in readable form."""
    pairs = parse_qsl(query[:MOST_CHARACTERS], keep_blank_values=True, errors="replace")
    return "&".join(f"{_name(name)}={_parameter(name, value, about_groups=about_groups)}" for name, value in pairs)


def redacted_path(path: str) -> str:
    """Return what an address names below the connection: endpoints and ids, and everything else masked."""
    endpoint = path.strip("/").partition("/")[0].lower()
    keeps_names = endpoint in {"schemas", "resourcetypes"}
    return "/".join(part if _is_open_segment(part, keeps_names=keeps_names) else mask(part) for part in path.split("/"))


def redacted_filter(text: str, *, about_groups: bool) -> str:
    """Return a filter, or the path of a PATCH operation, with attributes and operators, and values masked."""
    return "".join(_filter_tokens(text[:MOST_CHARACTERS], about_groups=about_groups))


def redacted_detail(detail: str) -> str:
    """Return the sentence of an error without the values that it quotes."""
    return _QUOTED.sub(_quoted, detail)


def masked_attributes(body: Mapping[str, Any], *, about_groups: bool) -> tuple[str, ...]:
    """Return the attributes of a redacted body whose values are masked, or may be, as far as one can see."""
    return tuple(sorted(set(_masked("", body, about_groups=about_groups))))


def _masked(attribute: str, value: Any, *, about_groups: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            meaning = _meaning(attribute, name, value)
            shown = name if meaning == name.lower() else meaning
            for found in _masked(meaning, one, about_groups=about_groups):
                yield shown if found == meaning else found
    elif isinstance(value, list):
        for one in value:
            yield from _masked(attribute, one, about_groups=about_groups)
    elif _looks_masked(attribute, value, about_groups=about_groups):
        yield attribute


def _looks_masked(attribute: str, value: Any, *, about_groups: bool) -> bool:
    if isinstance(value, str):
        texts = re.findall(r'"([^"]*)"', value) if attribute == "path" else [value]
        return any(one == _SECRET or _is_mask(attribute, one, about_groups=about_groups) for one in texts)
    return value == 0 and not isinstance(value, bool) and attribute not in _PROTOCOL


def _is_mask(attribute: str, text: str, *, about_groups: bool) -> bool:
    return mask(text) == text and bool(text) and not _is_open(attribute, text, about_groups=about_groups)


class _Redactor:
    """One body, up to the limit."""

    def __init__(self) -> None:
        self._left = MOST_CHARACTERS

    @property
    def is_cut(self) -> bool:
        """Say whether there was more than is looked at."""
        return self._left < 0

    def object(self, attribute: str, document: Mapping[str, Any], *, about_groups: bool) -> dict[str, Any]:
        """Return an object; `attribute` is what it is the value of."""
        kept: dict[str, Any] = {}
        if "method" in document:  # an operation of a bulk request, which has a kind of its own
            about_groups = str(document.get("path", "")).lower().startswith("/groups")
        for name, value in document.items():
            shown = _name(name)
            if self._is_spent(len(shown) + 4):
                break
            kept[shown] = self._value(_meaning(attribute, name, document), value, about_groups=about_groups)
        return kept

    def _value(self, attribute: str, value: Any, *, about_groups: bool) -> Any:
        if attribute in _SECRETS:
            value = _SECRET
        elif isinstance(value, str):
            value = _text(attribute, value[:MOST_CHARACTERS], about_groups=about_groups)
        elif isinstance(value, dict):
            return self.object(attribute, value, about_groups=about_groups)
        elif isinstance(value, list):
            return list(self._list(attribute, value, about_groups=about_groups))
        elif isinstance(value, int | float) and not isinstance(value, bool) and attribute not in _PROTOCOL:
            value = 0
        # Nearly as long as in the document: what is over the limit is cut there.
        self._is_spent(len(value) + 3 if isinstance(value, str) else 6)
        return value

    def _list(self, attribute: str, values: list[Any], *, about_groups: bool) -> Iterator[Any]:
        for value in values:
            if self._is_spent(2):
                return
            yield self._value(attribute, value, about_groups=about_groups)

    def _is_spent(self, characters: int) -> bool:
        self._left -= characters
        return self._left < 0


def _meaning(parent: str, name: str, document: Mapping[str, Any]) -> str:
    """Return which attribute a member of an object is about; `value` is about what has it, or what PATCH names."""
    lower = name.lower()
    if parent in _SECRETS:
        return parent
    if lower != "value":
        return _last(lower)
    for key, path in document.items():
        if key.lower() == "path" and isinstance(path, str):
            return _last(path.lower()) or parent
    return parent


@lru_cache
def _last(path: str) -> str:
    """Return the last attribute that a path names."""
    return _BRACKETS.sub("", path).rpartition(":")[2].rpartition(".")[2].strip()


def _text(attribute: str, text: str, *, about_groups: bool) -> str:
    if attribute == "path" and text.startswith("/"):
        return redacted_path(text)
    if attribute == "path":
        return _patch_path(text, about_groups=about_groups)
    if attribute == "filter" or attribute in _PATHS:
        return redacted_filter(text, about_groups=about_groups)
    return text if _is_open(attribute, text, about_groups=about_groups) else mask(text)


def _patch_path(text: str, *, about_groups: bool) -> str:
    """Return a path with any attribute that it names, also one that no schema has, and its choice masked."""
    name, bracket, choice = text.partition("[")
    if not _NAME.fullmatch(name):
        return redacted_filter(text, about_groups=about_groups)
    return name + bracket + redacted_filter(choice, about_groups=about_groups)


def _is_open(attribute: str, text: str, *, about_groups: bool) -> bool:
    """Say whether a text tells of no person."""
    if attribute in _PROTOCOL and _WORD.fullmatch(text):
        return True
    if about_groups and attribute == "displayname":
        return True
    return text.lower() in {"", "true", "false"} or _ID.fullmatch(text) is not None


def _parameter(name: str, value: str, *, about_groups: bool) -> str:
    lower = name.lower()
    if lower in _SECRETS or lower == "cursor":
        return _SECRET
    return _text(lower, value, about_groups=about_groups) if lower in _PARAMETERS else mask(value)


def _filter_tokens(text: str, *, about_groups: bool) -> Iterator[str]:
    attribute = ""
    for token in _FILTER_TOKEN.findall(text):
        if token.startswith('"'):
            value = token[1:-1] if token.endswith('"') and len(token) > 1 else token[1:]
            yield f'"{value if _is_open(attribute, value, about_groups=about_groups) else mask(value)}"'
        elif not token.strip("()[], \t\r\n") or token.lower() in _OPERATORS:
            yield token
        elif _is_attribute(token):
            attribute = _last(token.lower())
            yield token
        else:
            yield mask(token)


def _names(attributes: Mapping[str, Attribute]) -> Iterator[str]:
    for name, attribute in attributes.items():
        yield name.rpartition(":")[2]
        yield from _names(attribute.sub_attributes)


_ATTRIBUTES = frozenset(
    name for schema in (USER, GROUP) for inner in (schema.core, schema.extensions) for name in _names(inner)
) | {"password", "schemas", "resourcetype", "location", "version"}
_URNS = tuple(urn.lower() for schema in (USER, GROUP) for urn in (schema.urn, *schema.extensions))


def _is_attribute(path: str) -> bool:
    """Say whether a word is the path of an attribute, with or without its schema's URN."""
    lower = path.lower().lstrip(".")
    # Entra writes a dot after a URN as well.
    urn = next((urn for urn in _URNS if lower == urn or lower.startswith((f"{urn}:", f"{urn}."))), "")
    return all(part in _ATTRIBUTES for part in lower[len(urn) :].lstrip(":.").split(".") if part or not urn)


def _is_open_segment(part: str, *, keeps_names: bool) -> bool:
    is_name = keeps_names and _NAME.fullmatch(part) is not None
    return not part or is_name or part.lower() in _ENDPOINTS or _ID.fullmatch(part) is not None


@lru_cache
def _name(name: str) -> str:
    """Return the name of a member; one that is no name, such as a path with a choice in it, is masked as such."""
    return _patch_path(name, about_groups=False)


def _quoted(match: "re.Match[str]") -> str:
    if match["before"] is not None:
        is_open = "group" in match["before"].lower() or _NAME.fullmatch(match["kept"])
        return f'{match["before"]}"{match["kept"] if is_open else mask(match["kept"])}"'
    if match["missing"] is not None:
        return match["missing"] + ", ".join(_unless_id(one) for one in match["ids"].split(", "))
    if match["person"] is not None:
        return f'{match["person"]}"{_unless_id(match["personal"])}"'
    if match["address"] is not None:
        return mask(match["address"])
    return f'"{_unless_known(match["other"], leads=match.start() == 0)}"'


def _unless_id(text: str) -> str:
    return text if _ID.fullmatch(text) else mask(text)


def _unless_known(text: str, *, leads: bool) -> str:
    """Mask what is no word of the protocol; a sentence that begins with a name says something of an attribute."""
    is_word = text.lower() in _WORDS
    is_name = is_word or _is_attribute(text) or _URN.fullmatch(text) or (leads and _NAME.fullmatch(text))
    return text if is_name or _is_open("", text, about_groups=False) else mask(text)
