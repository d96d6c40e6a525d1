"""The texts of emails in every language: complete, with the same placeholders, and short subjects."""

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from portal.directory.locales import LANGUAGE_NAMES, LOCALES
from portal.mail.catalog import FOLDER, PLACEHOLDER, texts
from portal.mail.languages import FORMS, locale_of, plural_form
from portal.mail.wrapping import COLUMNS, columns, wrapped

AT = datetime(2026, 12, 6, 8, 5, tzinfo=UTC)
# With a name of ordinary length.
MAX_SUBJECT = 62
LONG_NAME = "Northwind Traders"


def tables(locale: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads((FOLDER / f"{locale}.toml").read_text(encoding="utf-8"))


def flat(locale: str) -> dict[str, Any]:
    return {f"{table}.{key}": text for table, found in tables(locale).items() for key, text in found.items()}


ENGLISH = flat("en")
FORMATS = ("frame.date", "frame.time", "frame.device")
SENTENCES = [
    key for key, text in ENGLISH.items() if " " in PLACEHOLDER.sub("", text if isinstance(text, str) else "").strip()
]
others = pytest.mark.parametrize("locale", LOCALES[1:])
each = pytest.mark.parametrize("locale", LOCALES)


def test_there_is_a_file_for_each_language_and_none_else() -> None:
    assert {one.stem for one in FOLDER.glob("*.toml")} == set(LOCALES) == set(LANGUAGE_NAMES) == set(FORMS)


@others
def test_a_language_has_every_text_and_no_other(locale: str) -> None:
    assert list(flat(locale)) == list(ENGLISH)
    assert [key for key, text in flat(locale).items() if type(text) is not type(ENGLISH[key])] == []
    assert [key for key, text in flat(locale).items() if not text] == []


@others
def test_placeholders_and_bold_words_are_those_of_english(locale: str) -> None:
    translated = flat(locale)

    for key, text in ENGLISH.items():
        if isinstance(text, str):
            assert sorted(PLACEHOLDER.findall(translated[key])) == sorted(PLACEHOLDER.findall(text)), key
            assert translated[key].count("**") == text.count("**"), key
            assert len(re.findall(r"[{}]", translated[key])) == 2 * len(PLACEHOLDER.findall(text)), key


@each
def test_plurals_have_the_forms_of_the_language(locale: str) -> None:
    plurals = {key: text for key, text in flat(locale).items() if isinstance(text, dict)}

    assert plurals.keys() == {key for key, text in ENGLISH.items() if isinstance(text, dict)}
    for key, forms in plurals.items():
        assert tuple(forms) == FORMS[locale], key
        expected = set(PLACEHOLDER.findall(ENGLISH[key]["other"]))
        assert all(expected - {"number"} <= set(PLACEHOLDER.findall(one)) <= expected for one in forms.values()), key
        # The form of one may say it in a word, and so may a verb that agrees with a number.
        assert any("{number}" in one for one in forms.values()) == ("number" in expected), key


@pytest.mark.parametrize(
    ("locale", "forms"),
    [
        ("en", "other one other other other other other"),
        ("fr", "one one other other other other other"),
        ("ja", "other other other other other other other"),
        ("ru", "many one few many many one few"),
        ("pl", "many one few many many many few"),
        ("cs", "other one few other other other other"),
    ],
)
def test_the_plural_form_of_a_number(locale: str, forms: str) -> None:
    assert " ".join(plural_form(locale, number) for number in (0, 1, 2, 7, 12, 21, 22)) == forms
    assert plural_form("ru", 111) == "many"


@each
def test_subjects_are_short_and_hold_no_secret(locale: str) -> None:
    for key, text in flat(locale).items():
        for one in text.values() if isinstance(text, dict) else [text]:
            if re.search(r"\.(subject|preheader)", key):
                assert not {"link", "code", "token"} & set(PLACEHOLDER.findall(one)), key
            if ".subject" in key:
                shown = re.sub(r"\{(organization|connection)\}", LONG_NAME, one.replace("{number}", "14"))
                assert columns(shown.replace("{changes}", "")) <= MAX_SUBJECT, key


@others
def test_nothing_is_left_in_english(locale: str) -> None:
    translated = flat(locale)

    assert [key for key in SENTENCES if translated[key] == ENGLISH[key] and key not in FORMATS] == []


@each
def test_texts_are_tidy(locale: str) -> None:
    def words(value: object) -> Iterator[str]:
        match value:
            case str():
                yield value
            case dict():
                yield from value.values()
            case list():
                yield from value

    for key, value in flat(locale).items():
        for text in words(value):
            assert text == text.strip(), key
            assert "  " not in text, key
            assert not re.search(r"['\"!]|\.\.\.", text), key


@each
def test_dates_and_durations_are_written_in_the_language(locale: str) -> None:
    said = texts(locale)

    assert len({said.date(AT.replace(month=month)) for month in range(1, 13)}) == 12
    assert re.search(r"2026.*08:05 UTC|08:05 UTC.*2026", said.time(AT))
    assert {said.duration(timedelta(minutes=minutes)) for minutes in (0, 0.9)} == {said.duration(timedelta(minutes=1))}
    assert "10" in said.duration(timedelta(minutes=10))
    assert "7" in said.duration(timedelta(days=7))


def test_the_same_time_in_some_languages() -> None:
    assert texts("en").time(AT) == "6 Dec 2026, 08:05 UTC"
    assert texts("de-DE").time(AT) == "6. Dez. 2026, 08:05 UTC"
    assert texts("en").duration(timedelta(minutes=90)) == "90 minutes"
    assert texts("en").duration(timedelta(hours=24)) == "1 day"
    assert texts("de-DE").duration(timedelta(days=7)) == "7 Tage"


@pytest.mark.parametrize(
    ("tag", "locale"),
    [
        ("de", "de-DE"),
        ("de-AT", "de-DE"),
        ("pt-PT", "pt-br"),
        ("zh-CN", "zh-Hans"),
        ("zh_TW", ""),
        ("zh-Hant-HK", ""),
        ("EN-us", "en"),
        ("sv", ""),
        ("", ""),
        ("x' OR 1", ""),
    ],
)
def test_a_language_tag_means_a_language_of_ours_or_none(tag: str, locale: str) -> None:
    assert locale_of(tag) == locale


@pytest.mark.parametrize("name", ["{time}{link}", "**bold**", "{{x}}", "\\g<1>"])
def test_a_value_is_not_looked_at_for_placeholders(name: str) -> None:
    said = texts("en")

    assert said("invitation.title", organization=name) == f"Join {name}"
    bold = said.paragraph("invitation.said", organization=name)
    assert [one.text for one in bold.words if one.is_strong] == [name]


def test_chinese_and_japanese_are_broken_between_characters_but_not_before_a_full_stop() -> None:
    text = "このコードはサインインを開始したページで入力してください。" * 4
    lines = wrapped(text).splitlines()

    assert "".join(lines) == text
    assert all(columns(line) <= COLUMNS + 2 for line in lines)
    assert len(lines) == 4
    assert not [line for line in lines if line.startswith("。")]


def test_words_stay_whole_and_no_break_spaces_hold() -> None:
    assert wrapped("a\u00a0b c", "", "") == "a\u00a0b c"
    long = "x" * 100
    assert wrapped(f"a {long} b").splitlines() == ["a", long, "b"]
