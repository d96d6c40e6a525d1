"""Field types of several models."""

import unicodedata
import uuid
from typing import Any, TypeVar

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.lookups import Exact

from portal.directory.email_addresses import fold_address
from portal.directory.ids import uuid7


def fold(text: str) -> str:
    """Fold as migrations before 0023 and 0025 do. Everything else uses fold_name or fold_address."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def fold_name(text: str) -> str:
    """Return the form in which two names that differ only by case or composition are equal (RFC 7643, 2.2).

    Letter by letter, and without Unicode's compatibility forms: "weiß" isn't "weiss", and "Team ①" isn't "Team 1".
    """
    if text.isascii():
        return text.lower()
    composed = unicodedata.normalize("NFC", text)
    folded = composed.casefold()
    if len(folded) != len(composed):
        folded = "".join(map(_fold_letter, composed))
    return unicodedata.normalize("NFC", folded)


def is_storable(text: str) -> bool:
    """Say whether both databases can store a text: one without NUL characters and unpaired surrogates."""
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def _fold_letter(letter: str) -> str:
    folded = letter.casefold()
    return folded if len(folded) == 1 else letter.lower()


class ComparedField(models.CharField):  # type: ignore[type-arg]  # -- not subscriptable at run time
    """Text in the form in which it is compared, ordered by code point on every database."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """Use the collation "C" on PostgreSQL, in any locale. Prefix ranges need it, and joins of two such columns."""
        parameters = super().db_parameters(connection)
        return {**parameters, "collation": "C" if connection.vendor == "postgresql" else None}


class FoldedField(ComparedField):
    """A folded copy of another column. Models use its subclasses; only early migrations use this one."""

    def __init__(self, *, of: str, **kwargs: Any) -> None:
        self.of = of
        super().__init__(**{"max_length": 512, "editable": False, **kwargs})

    def deconstruct(self) -> Any:
        """Keep `of` in the migrations."""
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> str:  # noqa: ARG002, FBT001 -- Django's signature
        """Fold the current value of the other column."""
        value = self.fold(getattr(model_instance, self.of))
        setattr(model_instance, self.attname, value)
        return value

    @staticmethod
    def fold(text: str) -> str:
        """Return the stored form."""
        return fold(text)


class FoldedNameField(FoldedField):
    """A case-folded copy of a name, of a user or a group."""

    @staticmethod
    def fold(text: str) -> str:
        """Return the stored form."""
        return fold_name(text)


class FoldedAddressField(FoldedField):
    """A copy of an email address in the form in which addresses are compared."""

    @staticmethod
    def fold(text: str) -> str:
        """Return the stored form."""
        return fold_address(text)


def id_field() -> "models.UUIDField[uuid.UUID, uuid.UUID]":
    """Return a primary key: a UUID of version 7."""
    return models.UUIDField(primary_key=True, default=uuid7, editable=False)


# What a field can be set to, and what it returns.
_Set = TypeVar("_Set")
_Get = TypeVar("_Get")


class TenantKey(models.ForeignKey[_Set, _Get]):
    """A foreign key to a row of the same organization. Both models have `organization`.

    Joins compare the organizations too, so that each reads one organization's rows. In the database it is a constraint of
    both columns on PostgreSQL, which the migrations create, and of one column on SQLite (docs/decisions/0026).
    """

    def __init__(self, to: Any, on_delete: Any, **kwargs: Any) -> None:
        super().__init__(to, on_delete, **{**kwargs, "db_constraint": False})

    def get_extra_restriction(self, alias: str | None, related_alias: str) -> Any:
        """Compare the organizations of a join: of this model's row in `related_alias`, and of the other one in `alias`."""
        if alias is None:
            return None  # A subquery without the other table.
        own: Any = self.model._meta.get_field("organization")
        other: Any = self.related_model._meta.get_field("organization")
        return Exact(other.get_col(alias), own.get_col(related_alias))

    def get_extra_descriptor_filter(self, instance: models.Model) -> dict[str, Any]:
        """Have `row.member` look for the member in the row's organization."""
        return {"organization_id": getattr(instance, "organization_id")}  # noqa: B009 -- of every model with such a key

    def get_forward_related_filter(self, obj: models.Model) -> dict[str, Any]:
        """Have `member.scim_user` look for the user in the member's organization."""
        return {**super().get_forward_related_filter(obj), **self.get_extra_descriptor_filter(obj)}


class TenantOneToOne(TenantKey[_Set, _Get], models.OneToOneField[_Set, _Get]):
    """A one-to-one relation to a row of the same organization."""
