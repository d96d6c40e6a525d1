"""How many rows can wait to be inserted, which is what a killed process loses."""

import threading
from collections.abc import Sequence

from pytest_django import Settings

from portal.embedded.database.insert_queue import MAX_WAITING, InsertQueue


def test_a_request_waits_while_a_thousand_entries_are_written_and_a_thousand_wait(settings: Settings) -> None:
    settings.SCIM_LOG_DELAY = 1
    writing, continues = threading.Event(), threading.Event()
    written: list[int] = []

    def write(rows: Sequence[int]) -> None:
        writing.set()
        continues.wait(10)
        written.extend(rows)

    queue = InsertQueue(write)
    queue.put(0)
    assert writing.wait(10)
    for number in range(1, MAX_WAITING + 1):
        queue.put(number)
    next_request = threading.Thread(target=queue.put, args=(MAX_WAITING + 1,))
    next_request.start()
    next_request.join(0.2)
    assert next_request.is_alive()

    continues.set()
    next_request.join(10)
    assert written == list(range(MAX_WAITING + 2))
