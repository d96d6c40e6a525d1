"""PATCH operations (RFC 7644, 3.5.2), applied to a copy of the stored document: all of them or none."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from django.conf import settings

from portal.embedded.scim.filter.comparison import ComparisonBudget
from portal.embedded.scim.filter.parser import (
    And,
    Comparison,
    PathTarget,
    count_comparisons,
    element_matcher,
    parse_path,
)
from portal.embedded.scim.protocol.client import ScimClient
from portal.embedded.scim.protocol.errors import (
    InvalidPath,
    InvalidSyntax,
    InvalidValue,
    Mutability,
    NoTarget,
    TooLarge,
)
from portal.embedded.scim.protocol.payload import (
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
    require_schema,
    set_attribute,
    unwrap_single,
)
from portal.embedded.scim.protocol.schemas import Attribute, ResourceSchema
from portal.embedded.scim.protocol.strict import check_operation

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_OPERATIONS = frozenset({"add", "replace", "remove"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a PATCH, as it was sent. `path` is "" if there is none."""

    kind: str
    path: str
    value: Any
    # Whether `replace` also creates the element that its path describes, as Entra expects. RFC 7644 demands an error.
    creates_missing: bool = False


def read_patch(client: ScimClient, schema: ResourceSchema, body: Mapping[str, Any]) -> list[Operation]:
    """Return the operations of a PatchOp body. On a strict connection, check them first.

    Raise InvalidSyntax for a body of another form, TooLarge for too many operations.
    """
    if not client.connection.is_strict:
        return read_patch_operations(body, is_entra=client.reads_as_entra)
    require_schema(body, PATCH_OP)
    operations = read_patch_operations(body, may_be_empty=False)
    for sent in get_field(body, "operations"):
        check_operation(schema, {name.lower(): value for name, value in sent.items()}, client.budget)
    return operations


def read_patch_operations(
    body: Mapping[str, Any], *, is_entra: bool = False, may_be_empty: bool = True
) -> list[Operation]:
    """Return the operations of a PatchOp body. Raise InvalidSyntax for another form, TooLarge for too many operations."""
    operations = get_field(body, "operations")
    if not isinstance(operations, list) or not (operations or may_be_empty):
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
    # Only Entra writes operations with a capital letter.
    return Operation(kind, path.strip(), fields.get("value"), creates_missing=is_entra or op != kind)


def expand(schema: ResourceSchema, operation: Operation) -> Iterator[Operation]:
    """Yield one operation per attribute for an operation without a path (RFC 7644, 3.5.2.1), or the operation itself.

    Raise NoTarget or InvalidValue for an operation without a path that is invalid.
    """
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
            # As in a whole resource: some clients put the core attributes below the URN of their schema.
            yield from expand(schema, replace(operation, path="", value=value))
            continue
        # Entra sends paths as names: `name.givenName`, `emails[type eq "work"].value`.
        attributes = schema.resolve(name.partition("[")[0])
        # Unknown attributes are not stored, and clients that return a whole resource include read-only ones.
        if attributes and attributes[0].mutability != "readOnly":
            yield replace(operation, path=name, value=value)


def apply_patch(
    schema: ResourceSchema, document: Document, operations: Iterable[Operation], budget: ComparisonBudget
) -> Document:
    """Return a copy of the document with all operations applied.

    Raise InvalidPath or InvalidFilter for an invalid path, InvalidValue for an invalid value, NoTarget if a path matches
    nothing, Mutability for an attribute that cannot be changed, and TooLarge for an operation that costs too much.
    """
    copy: Document = msgspec.json.decode(msgspec.json.encode(document))  # a fifth of the time of deepcopy()
    for operation in operations:
        for single in expand(schema, operation):
            budget.spend_on_path(single.path)
            _apply(copy, parse_path(schema, single.path), single, budget)
    return copy


def _apply(document: Document, target: PathTarget, operation: Operation, budget: ComparisonBudget) -> None:
    changed = (*target.attributes, target.sub_attribute) if target.sub_attribute else target.attributes
    _check_mutability(changed, operation)
    attributes, container, attribute = target.attributes, document, target.attributes[0]
    for inner in attributes[1:]:
        if attribute.multi_valued:
            # `emails.value` without a filter means every element.
            target = PathTarget((attribute,), None, inner)
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
    # Entra removes elements by sending them as the value. An empty list removes none.
    unwanted = {element_key(attribute, element) for element in read_value(attribute, value) or ()}
    kept = [one for one in container.get(attribute.name, []) if unwanted.isdisjoint(_names_of(attribute, one))]
    container[attribute.name] = kept


def _names_of(attribute: Attribute, element: Any) -> Iterator[Hashable]:
    """Yield the keys by which an element can be removed: type and value, or the value alone."""
    yield element_key(attribute, element)
    if isinstance(element, dict) and "value" in element:
        yield element_key(attribute, {"value": element["value"]})


def _change_elements(container: Document, attribute: Attribute, target: PathTarget, operation: Operation) -> None:
    elements: list[Any] = container.setdefault(attribute.name, [])
    is_selected = [True] * len(elements)
    if target.filter is not None and elements:
        is_selected = list(map(element_matcher(target.filter, attribute), elements))
    if operation.kind == "remove":
        elements[:] = _without(elements, is_selected, target.sub_attribute)
        return
    selected, others = _split(elements, is_selected)
    if not selected:
        if operation.kind == "replace" and not operation.creates_missing:
            raise NoTarget('No value matches the filter in "path".')
        # Entra sets `emails[type eq "work"].value` even if there is no such element yet.
        selected = [_element_for(target)]
        check_element_count(attribute, len(elements) + 1)
        elements += selected
    if target.sub_attribute is None and operation.value in (None, []):
        # Null removes a value (RFC 7643, 2.5).
        elements[:] = others
    elif attribute.type != "complex":
        value = read_element(attribute, unwrap_single(attribute, operation.value))
        elements[:] = [value if selected else one for one, selected in zip(elements, is_selected, strict=True)]
    else:
        _set_parts(selected, attribute, target.sub_attribute, operation.value)
        keep_single_primary([*others, *selected])
        elements[:] = [element for element in elements if element]


def _set_parts(selected: list[Document], attribute: Attribute, sub_attribute: Attribute | None, value: Any) -> None:
    parts = {sub_attribute.name: read_value(sub_attribute, value)} if sub_attribute else read_parts(attribute, value)
    for element in selected:
        merge_parts(element, parts)


def _split(elements: list[Any], is_selected: list[bool]) -> tuple[list[Any], list[Any]]:
    """Return the selected elements, and the others."""
    both = list(zip(elements, is_selected, strict=True))
    return [one for one, selected in both if selected], [one for one, selected in both if not selected]


def _without(elements: list[Any], is_selected: list[bool], sub_attribute: Attribute | None) -> Iterator[Any]:
    """Yield the elements without the selected ones, or without a sub-attribute of them; empty elements are dropped."""
    for element, selected in zip(elements, is_selected, strict=True):
        if selected and sub_attribute:
            element.pop(sub_attribute.name, None)
        if not selected or (sub_attribute and element):
            yield element


def _element_for(target: PathTarget) -> Document:
    """Return a new element that matches the filter. Raise NoTarget unless that is `a eq "x"`, or several joined by `and`."""
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
    """Remove emptied lists and objects, which mean no value (RFC 7643, 2.5)."""
    containers = [document]
    for attribute in attributes[:-1]:
        inner = containers[-1].get(attribute.name)
        if isinstance(inner, dict):
            containers.append(inner)
    for container, attribute in reversed(list(zip(containers, attributes, strict=False))):
        if container.get(attribute.name) in ([], {}):
            del container[attribute.name]
