"""A probe looks at what can hang, and makes no one wait for it."""

import threading
import time
from collections.abc import Iterator

import pytest

from portal.serving import probe
from portal.serving.probe import Probe


class Hanging:
    """Something that hangs until it's let go."""

    def __init__(self) -> None:
        self.looks = 0
        self.goes_on = threading.Event()
        self.ended = threading.Event()

    def look(self) -> str:
        self.looks += 1
        self.goes_on.wait()
        return "fine"


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    monkeypatch.setattr(probe, "PATIENCE", 0.05)
    hangs = Hanging()
    yield hangs
    hangs.goes_on.set()


def test_all_who_ask_wait_for_one_look_and_get_its_result_once_it_is_there(hanging: Hanging) -> None:
    looking = Probe("test", hanging.look, late="late", end=hanging.ended.set)

    assert [looking.result() for _ in range(3)] == ["late"] * 3
    assert hanging.looks == 1
    hanging.goes_on.set()
    assert looking.wait(looking.ask(), time.monotonic() + 60) == "fine"

    looking.stop()
    assert hanging.ended.is_set()


def test_a_result_is_used_again_while_it_is_fresh(hanging: Hanging) -> None:
    hanging.goes_on.set()
    for seconds, looks in ((60, 1), (-1, 3)):
        hanging.looks = 0
        looking = Probe("test", hanging.look, late="late", fresh_seconds=seconds)
        assert {looking.wait(looking.ask(), time.monotonic() + 60) for _ in range(3)} == {"fine"}
        looking.stop()
        assert hanging.looks == looks


def test_the_last_result_can_be_kept_for_as_long_as_looking_hangs(hanging: Hanging) -> None:
    looking = Probe("test", hanging.look, late="late", fresh_seconds=-1, keeps=True)

    assert looking.result() == "late"
    hanging.goes_on.set()
    assert looking.wait(looking.ask(), time.monotonic() + 60) == "fine"
    hanging.goes_on.clear()
    assert looking.result() == "fine"


def test_a_look_that_fails_counts_as_late() -> None:
    def fail() -> str:
        raise ZeroDivisionError

    looking = Probe("test", fail, late="late")
    assert looking.wait(looking.ask(), time.monotonic() + 60) == "late"
    looking.stop()
