"""What text messages say: names that customers choose can't change it, and its length is what a network bills."""

import pytest

from portal.directory.locales import LOCALES
from portal.sms.content import code_text, segments


def test_a_message_is_one_part() -> None:
    text = code_text("012345", "Acme & Söhne", "acme", "en")

    assert text == "012345 is your code for Acme & Söhne. It works for 2 minutes. Never share it."
    assert segments(text) == 1


@pytest.mark.parametrize("locale", LOCALES)
def test_every_language_names_code_and_organization_and_has_two_parts_at_most(locale: str) -> None:
    text = code_text("012345", "Northwind Traders", "northwind", locale)

    assert "012345" in text
    assert "Northwind Traders" in text
    assert "2" in text.replace("012345", "")
    assert segments(text) <= 2


@pytest.mark.parametrize(
    "name",
    [
        "https://evil.example/",
        "evil.com",
        "Call www.evil",
        "ada@evil.example",
        "",
        "\n",
        # Other dots, and letters of full width: phones and browsers read them as the usual ones.
        "evil\u3002com",
        "evil\uff0ecom",
        "evil\uff61com",
        "\uff45vil\u2024\uff43om",
        "Pay 1.2.3.4",
        "Pay 1\u30022\u30023\u30024",
        "Fraud? Call +1 900 555 0199",
        "\u0663\u0663\u0663\u0663\u0663\u0663\u0663",
    ],
)
def test_a_name_that_could_be_a_link_is_replaced(name: str) -> None:
    assert code_text("012345", name, "acme", "en").startswith("012345 is your code for acme. It works")


def test_neither_name_nor_slug_can_be_a_number_to_call() -> None:
    text = code_text("012345", "Call 1-900-555-0199", "call-1-900-555-0199", "en")

    assert text.startswith("012345 is your code for Gatehouse. It works")


@pytest.mark.parametrize("name", ["3M 2026", "Studio 54", "4. 5. 6. Werk", "モーニング娘。"])
def test_other_names_stay(name: str) -> None:
    assert f"for {name}. It works" in code_text("012345", name, "acme", "en")


def test_a_long_name_is_cut_and_lines_are_joined() -> None:
    text = code_text("012345", "Acme\nYour account is locked, call +1 900 555 0199 now\u202e or else", "acme", "en")

    assert "\n" not in text
    assert "\u202e" not in text
    assert "900" not in text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("’" + "a" * 69, 1),
        ("’" + "a" * 70, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
    ],
)
def test_parts_are_counted_as_networks_do(text: str, number: int) -> None:
    assert segments(text) == number
