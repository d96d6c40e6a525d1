"""What Users and Groups consist of: what is published is what is understood.

`schemas.json` beside this is what scim2-models publishes; the library itself would take longer to load than all else.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
# Accepted and dropped, and so not published: Okta sends one with every new person.
_NEVER_KEPT = frozenset({"password"})
# As RFC 7643, 8.7.1, describes them.
_DESCRIPTIONS = {"User": "User Account", "EnterpriseUser": "Enterprise User"}
# The name of a group's member is the member's own, and costs as much as the rest of the list: it comes when asked for.
_MEMBER_DISPLAY = {"mutability": "readOnly", "returned": "request"}


@dataclass(frozen=True, slots=True, eq=False)  # each is itself alone, and so can be a key
class Attribute:
    """An attribute with the characteristics that decide how it is read, compared and changed (RFC 7643, 2.2)."""

    name: str
    type: str
    multi_valued: bool
    required: bool
    case_exact: bool
    mutability: str
    sub_attributes: Mapping[str, "Attribute"]

    def sub_attribute(self, name: str) -> "Attribute | None":
        """Return the sub-attribute of this name in any case."""
        return self.sub_attributes.get(name.lower())


@dataclass(frozen=True, slots=True, eq=False)
class ResourceSchema:
    """A kind of resource: its core attributes, and its extensions as attributes named by their URN."""

    name: str
    urn: str
    endpoint: str
    core: Mapping[str, Attribute]
    extensions: Mapping[str, Attribute]
    published: tuple[dict[str, Any], ...]
    # In lower case.
    never_kept: frozenset[str] = frozenset()
    # Whether an extension's attribute is also known without its URN, or with a dot after it, as Entra writes both.
    has_short_names: bool = False

    def attribute(self, name: str) -> Attribute | None:
        """Return the core attribute or the extension of this name in any case."""
        return self.core.get(name.lower()) or self.extensions.get(name.lower())

    def resolve(self, path: str) -> tuple[Attribute, ...]:
        """Return the attributes along `[URN:]attribute[.subAttribute]` (RFC 7644, 3.10), or () for an unknown one."""
        extension, rest = self._split(path)
        if extension is not None and not rest:
            return (extension,)
        name, _, sub = rest.partition(".")
        attribute = extension.sub_attribute(name) if extension else self.core.get(name.lower())
        if attribute is None and extension is None and self.has_short_names:
            extension, attribute = self._by_short_name(name)
        if attribute is None:
            return ()
        found = (extension, attribute) if extension else (attribute,)
        if not sub:
            return found
        sub_attribute = attribute.sub_attribute(sub)
        return (*found, sub_attribute) if sub_attribute else ()

    def resolve_compared(self, path: str) -> tuple[Attribute, ...]:
        """Return the same as `resolve` for a filter: for Entra, an object such as `manager` is compared by its value."""
        found = self.resolve(path)
        value = found[-1].sub_attribute("value") if found and self.has_short_names else None
        return (*found, value) if value and not found[-1].multi_valued else found

    def _by_short_name(self, name: str) -> tuple[Attribute | None, Attribute | None]:
        """Return the one extension that has an attribute of this name, and the attribute."""
        found = [(one, sub) for one in self.extensions.values() if (sub := one.sub_attribute(name))]
        return found[0] if len(found) == 1 else (None, None)

    def _split(self, path: str) -> tuple[Attribute | None, str]:
        """Return the extension that a path begins with, and what follows; the core schema's own URN is left out."""
        lower = path.lower()
        for urn, extension in self.extensions.items():
            if lower == urn or lower.startswith(f"{urn}:") or (self.has_short_names and lower.startswith(f"{urn}.")):
                return extension, path[len(urn) + 1 :]
        prefix = f"{self.urn.lower()}:"
        return None, path[len(prefix) :] if lower.startswith(prefix) else path


def _read(document: Mapping[str, Any]) -> Attribute:
    """Return an attribute of a schema in JSON; what it leaves out has the default of RFC 7643, 2.2."""
    return Attribute(
        name=document["name"],
        type=document.get("type", "string"),
        multi_valued=document.get("multiValued", False),
        required=document.get("required", False),
        case_exact=document.get("caseExact", False),
        mutability=document.get("mutability", "readWrite"),
        sub_attributes=_by_name(map(_read, document.get("subAttributes", ()))),
    )


def _by_name(attributes: Iterator[Attribute]) -> dict[str, Attribute]:
    return {attribute.name.lower(): attribute for attribute in attributes}


def _common(name: str, kind: str, mutability: str, *sub_attributes: Attribute) -> Attribute:
    """Return one of the attributes that every resource has beside those of its schema (RFC 7643, 3.1)."""
    return Attribute(name, kind, False, False, True, mutability, _by_name(iter(sub_attributes)))  # noqa: FBT003 -- the fields' order


_COMMON = _by_name(
    iter(
        (
            _common("id", "string", "readOnly"),
            _common("externalId", "string", "readWrite"),
            Attribute("schemas", "reference", True, True, True, "readOnly", {}),  # noqa: FBT003 -- the fields' order
            _common(
                "meta",
                "complex",
                "readOnly",
                _common("created", "dateTime", "readOnly"),
                _common("lastModified", "dateTime", "readOnly"),
                _common("resourceType", "string", "readOnly"),
                _common("location", "reference", "readOnly"),
                _common("version", "string", "readOnly"),
            ),
        )
    )
)


def _resource(endpoint: str, schema: dict[str, Any], *extensions: dict[str, Any]) -> ResourceSchema:
    return ResourceSchema(
        name=schema["name"],
        urn=schema["id"],
        endpoint=endpoint,
        core=_COMMON | _by_name(_read(one) for one in schema["attributes"] if one["name"] not in _NEVER_KEPT),
        extensions=_by_urn(extensions),
        published=tuple(map(_publish, (schema, *extensions))),
        never_kept=_NEVER_KEPT & {one["name"] for one in schema["attributes"]},
    )


def _by_urn(extensions: Iterable[dict[str, Any]]) -> dict[str, Attribute]:
    return {one["id"].lower(): _extension(one) for one in extensions}


def _extension(schema: dict[str, Any]) -> Attribute:
    attributes = _by_name(map(_read, schema.get("attributes", ())))
    return Attribute(schema["id"], "complex", False, False, False, "readWrite", attributes)  # noqa: FBT003 -- as above


def _publish(schema: dict[str, Any]) -> dict[str, Any]:
    return schema | {
        "description": _DESCRIPTIONS.get(schema["name"], schema.get("description", schema["name"])),
        "attributes": [
            _with_member_display(one) if one["name"] == "members" else one
            for one in schema.get("attributes", ())
            if one["name"] not in _NEVER_KEPT
        ],
    }


def _with_member_display(members: dict[str, Any]) -> dict[str, Any]:
    return members | {
        "subAttributes": [
            one | (_MEMBER_DISPLAY if one["name"] == "display" else {}) for one in members.get("subAttributes", ())
        ]
    }


@lru_cache(maxsize=256)
def extended(base: ResourceSchema, text: str) -> ResourceSchema:
    """Return a kind of resource with extensions of its own, which are given as a list of schemas in JSON."""
    extensions = json.loads(text)
    return replace(
        base,
        extensions={**base.extensions, **_by_urn(extensions)},
        published=(*base.published, *map(_publish, extensions)),
    )


@lru_cache(maxsize=256)
def with_short_names(schema: ResourceSchema) -> ResourceSchema:
    """Return a kind of resource whose extensions' attributes are also known by their names alone."""
    return replace(schema, has_short_names=True)


_user, _enterprise_user, _group = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
USER = _resource("/Users", _user, _enterprise_user)
GROUP = _resource("/Groups", _group)
