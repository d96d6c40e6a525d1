"""What a row must be before it is stored, and what it means when the database rejects it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.db.models import Model

from portal.directory.errors import Conflict, Invalid


def check(row: Model) -> None:
    """Raise Invalid that names the first field that will not do."""
    for name, value in vars(row).items():
        if isinstance(value, str) and not is_text(value):
            raise Invalid("Null characters and halves of characters are not allowed.", field=name)
    try:
        row.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        name, messages = next(iter(error.message_dict.items()))
        raise Invalid(" ".join(messages), field=name) from None


def is_text(value: str) -> bool:
    """Say whether a database takes it: no NUL, no half of a surrogate pair."""
    try:
        return b"\0" not in value.encode()
    except UnicodeEncodeError:
        return False


@contextmanager
def unless_taken(conflict: Conflict) -> Iterator[None]:
    """Raise the conflict if the database rejects a row because an equal one exists."""
    try:
        yield
    except IntegrityError:
        raise conflict from None
