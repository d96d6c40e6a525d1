"""RFC 7644's PATCH (3.5.2) on a copy of the stored document: all of the operations, or none."""

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from django.conf import settings

from portal.embedded.scim.filter.comparison import ComparisonBudget
from portal.embedded.scim.filter.parser import And, Comparison, Node, count_comparisons, element_matcher, parse_filter
from portal.embedded.scim.protocol.attribute_values import (
    Document,
    add_elements,
    check_element_count,
    element_key,
    get_field,
    keep_single_primary,
    merge_parts,
    read_element,
    read_parts,
    read_value,
    set_attribute,
    unwrap_single,
)
from portal.embedded.scim.protocol.errors import (
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    Mutability,
    NoTarget,
    TooLarge,
)
from portal.embedded.scim.protocol.schemas import Attribute, ResourceSchema

_PATH = re.compile(r"^(?P<attribute>[^\[\]]+)(?:\[(?P<filter>.*)\](?:\.(?P<sub>[\w$-]+))?)?$", re.DOTALL)
_OPERATIONS = frozenset({"add", "replace", "remove"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a PATCH, as it was sent; `path` is "" for none."""

    kind: str
    path: str
    value: Any
    # Whether `replace` also adds the element that its path describes, as Entra means it; RFC 7644 wants a refusal.
    makes_missing: bool = False


@dataclass(frozen=True, slots=True)
class PatchTarget:
    """What a path leads to: the attributes on the way, a choice among the elements, and what of them."""

    attributes: tuple[Attribute, ...]
    filter: Node | None
    sub_attribute: Attribute | None


def read_patch_operations(
    body: Mapping[str, Any], *, is_entra: bool = False, may_be_none: bool = True
) -> list[Operation]:
    """Return the operations of a PatchOp body, which asks for nothing where it has none. Raises InvalidSyntax, TooLarge."""
    operations = get_field(body, "operations")
    if not isinstance(operations, list) or not (operations or may_be_none):
        raise InvalidSyntax('"Operations" must be a list of at least one operation.')
    if len(operations) > settings.SCIM_MAX_OPERATIONS:
        raise TooLarge(
            f"The request has more than {settings.SCIM_MAX_OPERATIONS} operations. Split it into several requests."
        )
    return [_read_operation(operation, is_entra=is_entra) for operation in operations]


def _read_operation(document: Any, *, is_entra: bool) -> Operation:
    if not isinstance(document, Mapping):
        raise InvalidSyntax("Each operation must be an object.")
    fields = {str(name).lower(): value for name, value in document.items()}
    op, path = str(fields.get("op", "")), fields.get("path") or ""
    kind = op.lower()
    if kind not in _OPERATIONS:
        raise InvalidSyntax('"op" must be add, replace or remove.')
    if not isinstance(path, str):
        raise InvalidPath('"path" must be a string.')
    if kind != "remove" and "value" not in fields:
        raise InvalidValue(f'The operation "{kind}" needs a "value".')
    # Only Entra spells operations with a capital.
    return Operation(kind, path.strip(), fields.get("value"), makes_missing=is_entra or op != kind)


def parse_path(schema: ResourceSchema, path: str) -> PatchTarget:
    """Return what a path leads to. Raises InvalidPath, InvalidFilter."""
    match = _PATH.match(path)
    attributes = schema.resolve(match["attribute"]) if match else ()
    if not match or not attributes:
        raise InvalidPath(f'A {schema.name} has no attribute "{path[:200]}".')
    last = attributes[-1]
    if match["filter"] is None:
        return PatchTarget(attributes, None, None)
    if not last.multi_valued:
        raise InvalidPath(f'"{last.name}" has a single value, so its path cannot have a filter in brackets.')
    sub = last.sub_attribute(match["sub"]) if match["sub"] else None
    if match["sub"] and sub is None:
        raise InvalidPath(f'"{last.name}" has no sub-attribute "{match["sub"]}".')
    return PatchTarget(attributes, parse_filter(match["filter"]), sub)


def expand(schema: ResourceSchema, operation: Operation) -> Iterator[Operation]:
    """Yield an operation for each attribute where one without a path names several (RFC 7644, 3.5.2.1)."""
    if operation.path.lower() in schema.never_kept:
        return
    if operation.path and operation.path.lower() != schema.urn.lower():
        yield operation
        return
    if operation.kind == "remove":
        raise NoTarget('The operation "remove" needs a "path".')
    if not isinstance(operation.value, Mapping):
        raise InvalidValue('An operation without a "path" needs an object of attributes as its "value".')
    for name, value in operation.value.items():
        if name.lower() == schema.urn.lower():
            # As in a resource that is sent whole: some put the core attributes below their schema's URN.
            yield from expand(schema, replace(operation, path="", value=value))
            continue
        # Entra's names here are paths: `name.givenName`, `emails[type eq "work"].value`.
        attributes = schema.resolve(name.partition("[")[0])
        # What the schema does not know is not kept, and what is read-only comes back from those who echo a resource.
        if attributes and attributes[0].mutability != "readOnly":
            yield replace(operation, path=name, value=value)


def apply_patch(
    schema: ResourceSchema, document: Document, operations: Iterable[Operation], budget: ComparisonBudget
) -> Document:
    """Return the document after all operations.

    Raises InvalidPath, InvalidValue, InvalidFilter, NoTarget, Mutability, TooLarge.
    """
    copy: Document = msgspec.json.decode(msgspec.json.encode(document))  # a fifth of the time of deepcopy()
    for operation in operations:
        for single in expand(schema, operation):
            budget.spend_on_path(single.path)
            _apply(copy, parse_path(schema, single.path), single, budget)
    return copy


def _apply(document: Document, target: PatchTarget, operation: Operation, budget: ComparisonBudget) -> None:
    changed = (*target.attributes, target.sub_attribute) if target.sub_attribute else target.attributes
    _check_mutability(changed, operation)
    attributes, container, attribute = target.attributes, document, target.attributes[0]
    for inner in attributes[1:]:
        if attribute.multi_valued:
            # `emails.value` without a choice: every e-mail address.
            target = PatchTarget((attribute,), None, inner)
            break
        container, attribute = container.setdefault(attribute.name, {}), inner
    if attribute.multi_valued:
        terms = count_comparisons(target.filter) if target.filter else 1
        budget.spend(terms * len(container.get(attribute.name, ())))
    if target.filter is not None or target.sub_attribute:
        _change_elements(container, attribute, target, operation)
    elif operation.kind == "remove":
        _remove(container, attribute, operation.value)
    else:
        _set(container, attribute, operation)
    _drop_empty(document, attributes)


def _check_mutability(attributes: tuple[Attribute, ...], operation: Operation) -> None:
    for attribute in attributes:
        if attribute.mutability == "readOnly":
            raise Mutability(f'"{attribute.name}" is read-only.')
    if operation.kind == "remove" and len(attributes) == 1 and attributes[0].required:
        raise Mutability(f'"{attributes[0].name}" is required and cannot be removed.')


def _set(container: Document, attribute: Attribute, operation: Operation) -> None:
    if attribute.multi_valued and operation.kind == "add":
        add_elements(attribute, container.setdefault(attribute.name, []), operation.value)
    else:
        set_attribute(container, attribute, operation.value)


def _remove(container: Document, attribute: Attribute, value: Any) -> None:
    if not attribute.multi_valued or value in (None, ""):
        container.pop(attribute.name, None)
        return
    # Entra removes elements by sending them as the value. An empty list names none of them.
    unwanted = {element_key(attribute, element) for element in read_value(attribute, value) or ()}
    kept = [one for one in container.get(attribute.name, []) if unwanted.isdisjoint(_names_of(attribute, one))]
    container[attribute.name] = kept


def _names_of(attribute: Attribute, element: Any) -> Iterator[Hashable]:
    """Yield what an element is called by: its type and value, or its value alone."""
    yield element_key(attribute, element)
    if isinstance(element, dict) and "value" in element:
        yield element_key(attribute, {"value": element["value"]})


def _change_elements(container: Document, attribute: Attribute, target: PatchTarget, operation: Operation) -> None:
    elements: list[Any] = container.setdefault(attribute.name, [])
    is_chosen = [True] * len(elements)
    if target.filter is not None and elements:
        is_chosen = list(map(element_matcher(target.filter, attribute), elements))
    if operation.kind == "remove":
        elements[:] = _without(elements, is_chosen, target.sub_attribute)
        return
    chosen, others = _split(elements, is_chosen)
    if not chosen:
        if operation.kind == "replace" and not operation.makes_missing:
            raise NoTarget('No value matches the filter in "path".')
        # Entra sets `emails[type eq "work"].value` also where there is no such element yet.
        chosen = [_element_for(target)]
        check_element_count(attribute, len(elements) + 1)
        elements += chosen
    if target.sub_attribute is None and operation.value in (None, []):
        # Null takes a value away (RFC 7643, 2.5).
        elements[:] = others
    elif attribute.type != "complex":
        value = read_element(attribute, unwrap_single(attribute, operation.value))
        elements[:] = [value if chosen else one for one, chosen in zip(elements, is_chosen, strict=True)]
    else:
        _set_parts(chosen, attribute, target.sub_attribute, operation.value)
        keep_single_primary([*others, *chosen])
        elements[:] = [element for element in elements if element]


def _set_parts(chosen: list[Document], attribute: Attribute, sub_attribute: Attribute | None, value: Any) -> None:
    parts = {sub_attribute.name: read_value(sub_attribute, value)} if sub_attribute else read_parts(attribute, value)
    for element in chosen:
        merge_parts(element, parts)


def _split(elements: list[Any], is_chosen: list[bool]) -> tuple[list[Any], list[Any]]:
    """Return the elements that are chosen, and the others."""
    both = list(zip(elements, is_chosen, strict=True))
    return [one for one, chosen in both if chosen], [one for one, chosen in both if not chosen]


def _without(elements: list[Any], is_chosen: list[bool], sub_attribute: Attribute | None) -> Iterator[Any]:
    """Yield the elements after the chosen ones are taken out, or a part of each; without a part left it is out as well."""
    for element, chosen in zip(elements, is_chosen, strict=True):
        if chosen and sub_attribute:
            element.pop(sub_attribute.name, None)
        if not chosen or (sub_attribute and element):
            yield element


def _element_for(target: PatchTarget) -> Document:
    """Return a new element that fulfils the choice, where that is plain: `a eq "x"`, or several joined by `and`."""
    parts = target.filter.parts if isinstance(target.filter, And) else (target.filter,)
    element: Document = {}
    for part in parts:
        if part is None:
            continue
        sub = target.attributes[-1].sub_attribute(part.path) if isinstance(part, Comparison) else None
        if not isinstance(part, Comparison) or part.operator != "eq" or sub is None:
            raise NoTarget('No value matches the filter in "path".')
        set_attribute(element, sub, part.value)
    return element


def _drop_empty(document: Document, attributes: tuple[Attribute, ...]) -> None:
    """Take out what was emptied: an empty list or object is no value (RFC 7643, 2.5)."""
    containers = [document]
    for attribute in attributes[:-1]:
        inner = containers[-1].get(attribute.name)
        if isinstance(inner, dict):
            containers.append(inner)
    for container, attribute in reversed(list(zip(containers, attributes, strict=False))):
        if container.get(attribute.name) in ([], {}):
            del container[attribute.name]
