"""Cursors of lists: bound to one list, signed, and valid for a limited time."""

from datetime import timedelta
from itertools import product

import pytest
import time_machine
from django.utils import timezone

from portal.directory.errors import ExpiredCursor, InvalidCursor
from portal.embedded.database.keyset import Keyset

UNRESERVED = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def test_a_list_is_read_page_by_page() -> None:
    keyset, found, cursor = Keyset("numbers"), [], ""
    while True:
        after = keyset.key(cursor)
        rows = [number for number in range(10) if not after or number > int(after)][:4]
        page = keyset.page(rows, limit=3, key=lambda number: number)
        found.append(page.items)
        if page.next_cursor is None:
            break
        cursor = page.next_cursor

    assert found == [(0, 1, 2), (3, 4, 5), (6, 7, 8), (9,)]


def test_a_stopped_search_continues_after_its_last_row() -> None:
    keyset = Keyset("numbers")

    page = keyset.page([1], limit=3, key=lambda number: number, searched_to=7)
    assert (page.items, keyset.key(page.next_cursor or "")) == ((1,), "7")
    full = keyset.page([1, 2, 3, 4], limit=3, key=lambda number: number, searched_to=7)
    assert keyset.key(full.next_cursor or "") == "3"


def test_a_cursor_needs_no_url_encoding() -> None:
    cursor = Keyset("people", "ünïcode").cursor(["Ada Lövelace", None])

    assert set(cursor) <= UNRESERVED
    assert Keyset("people", "ünïcode").key(cursor) == ["Ada Lövelace", None]


def test_a_cursor_is_valid_for_its_own_list_only() -> None:
    lists = (("a", "b"), ("a b",), ("a", "b", ""), ("b", "a"), ("a', 'b",), ("a\ud800",))

    for one, other in product(lists, lists):
        cursor = Keyset(*one).cursor("key")
        if one == other:
            assert Keyset(*other).key(cursor) == "key"
        else:
            with pytest.raises(InvalidCursor):
                Keyset(*other).key(cursor)


@pytest.mark.parametrize("cursor", ["x", "a~b~c", "~~", "a:b:c", "\ud800~b~c", "é~é~é", "x" * 10_000])
def test_a_forged_cursor_is_rejected(cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        Keyset("people").key(cursor)


def test_a_cursor_expires() -> None:
    for_an_hour, for_a_day = Keyset("people", max_age=3600), Keyset("people")
    cursor = for_an_hour.cursor("key")

    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        with pytest.raises(ExpiredCursor):
            for_an_hour.key(cursor)
        assert for_a_day.key(cursor) == "key"
    with time_machine.travel(timezone.now() + timedelta(hours=25)), pytest.raises(ExpiredCursor):
        for_a_day.key(cursor)
