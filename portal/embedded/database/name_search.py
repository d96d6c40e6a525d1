"""Search for any part of a name or an address: trigram indexes on PostgreSQL, and what else bounds a search.

`migrate` creates the indexes if the extension pg_trgm exists or can be created. Without it, on SQLite, and for words that are in
many names, a page of a search reads MAX_SEARCHED rows at most (`keyset.search_bound`).
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import QuerySet

from portal.embedded.database.keyset import search_words
from portal.embedded.database.postgresql.online import build_index
from portal.embedded.models.fields import fold_name

# Rows with a more frequent word aren't looked up: a page of them is found soon by reading the list in its order.
MAX_CANDIDATES = 1000
# A trigram has three letters: shorter words are in no index.
MIN_LETTERS = 3
# Table and columns.
_INDEXES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "scim_group_name_parts": ("directory_scimgroup", ("display_name_folded",)),
    "scim_user_name_parts": ("directory_scimuser", ("user_name_folded", "display_name_folded")),
    "directory_member_address_parts": ("directory_member", ("email_address_folded",)),
    "directory_member_name_parts": ("directory_member", ("name",)),
}
_OPERATOR_CLASS = """
    SELECT format('%I.gin_trgm_ops', nspname) FROM pg_opclass JOIN pg_namespace ON pg_namespace.oid = opcnamespace
    WHERE opcname = 'gin_trgm_ops'
"""
# A letter outside ASCII is a letter of a trigram only if the locale of the database knows it. That of "C" doesn't.
_STATE = """
    SELECT (SELECT count(*) FROM pg_index
            WHERE indexrelid IN (SELECT to_regclass(name) FROM unnest(%s::text[]) name) AND indisvalid),
        (SELECT datctype NOT IN ('C', 'POSIX') FROM pg_database WHERE datname = current_database())
"""
_ASCII_WORD, _ANY_WORD = re.compile(r"[0-9A-Za-z]{3}"), re.compile(r"[^\W_]{3}")
_CHECK_AGAIN = 60.0

NOT_CREATED = (
    "The extension pg_trgm isn't installed, and this role can't create it. Search by a part of a name works, and reads up to "
    "100,000 names per page. For an index, run CREATE EXTENSION pg_trgm in this database as a superuser, then migrate again."
)


@dataclass(frozen=True, slots=True)
class NameSearch:
    """A search: its words, folded as names are, or the beginning that a name must have if all words are short."""

    words: tuple[str, ...]
    beginning: str

    @property
    def texts(self) -> tuple[str, ...]:
        """What is searched for."""
        return self.words or ((self.beginning,) if self.beginning else ())

    @property
    def comparison(self) -> str:
        """The lookup that compares a column with each of the texts."""
        return "contains" if self.words else "startswith"

    @property
    def indexed_word(self) -> str:
        """The longest word that trigram indexes find, "" if there is none."""
        return max(filter(_in_index(), self.words), key=len, default="")


def name_search(text: str) -> NameSearch:
    """Return the search for a text: names with each of its words, at most MAX_WORDS.

    If no word has three letters, names that begin with the text.
    """
    words = search_words(text)
    if any(len(fold_name(word)) >= MIN_LETTERS for word in words):
        return NameSearch(words, "")
    return NameSearch((), " ".join(words))


def candidates(keys: "QuerySet[Any, Any]", *, times: int = 1) -> "list[Any] | None":
    """Return the keys that a query of an index finds, in no order, or None if there are more than `times` MAX_CANDIDATES."""
    maximum = MAX_CANDIDATES * times
    found = list(keys[: maximum + 1])
    return found if len(found) <= maximum else None


def create_indexes(using: str, report: Callable[[str], object]) -> None:
    """Create the extension and the indexes, as far as they are missing and possible. `report` gets what wasn't possible."""
    if connections[using].vendor != "postgresql" or connections[using].in_atomic_block:
        return
    operator_class = _operator_class(connections[using]) or _create_extension(connections[using])
    if not operator_class:
        report(NOT_CREATED)
        return
    for name, (table, columns) in _INDEXES.items():
        # An upgrade may stop at a migration before the one that adds a column.
        if _has_columns(connections[using], table, columns):
            parts = ", ".join(f"{column} {operator_class}" for column in columns)
            build_index(connections[using], name, f"{table} USING gin ({parts})")


def lacks_indexes() -> bool:
    """Say whether this is PostgreSQL without the indexes."""
    return connection.vendor == "postgresql" and _state()[0] < len(_INDEXES)


def _has_columns(database: BaseDatabaseWrapper, table: str, columns: tuple[str, ...]) -> bool:
    with database.cursor() as cursor:
        present = {column.name for column in database.introspection.get_table_description(cursor, table)}
    return present.issuperset(columns)


def _create_extension(database: BaseDatabaseWrapper) -> str:
    """Return the operator class of the extension, "" if it can't be created."""
    try:
        with transaction.atomic(database.alias), database.cursor() as cursor:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError:
        return ""
    return _operator_class(database)


def _operator_class(database: BaseDatabaseWrapper) -> str:
    with database.cursor() as cursor:
        cursor.execute(_OPERATOR_CLASS)
        found = cursor.fetchone()
    return str(found[0]) if found else ""


def _state() -> tuple[int, bool]:
    """Return how many of the indexes are valid, and whether the locale knows letters outside ASCII."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE, [list(_INDEXES)])
        valid, knows_letters = cursor.fetchone()
    return valid, knows_letters


class _Known:
    """What this process knows of the database: a search shouldn't ask each time."""

    pattern: re.Pattern[str] | None = None
    until = 0.0


def _in_index() -> Callable[[str], bool]:
    """Return whether the indexes find a word: one with three letters or digits in a row."""
    if connection.vendor != "postgresql":
        return lambda _: False
    if time.monotonic() >= _Known.until:
        valid, knows_letters = _state()
        _Known.pattern = (_ANY_WORD if knows_letters else _ASCII_WORD) if valid == len(_INDEXES) else None
        _Known.until = time.monotonic() + _CHECK_AGAIN
    pattern = _Known.pattern
    return lambda word: pattern is not None and pattern.search(word) is not None
