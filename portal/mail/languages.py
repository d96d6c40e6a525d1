"""The languages of emails, with Stytch's names, and which one a preference means."""

from portal.directory.locales import LOCALES

ENGLISH = "en"
RIGHT_TO_LEFT = frozenset({"fa"})
# Languages that put no space between sentences.
UNSPACED = frozenset({"ja", "zh-Hans"})
# Between the thousands of a number. A no-break space where there is none.
_THOUSANDS = {"en": ",", "ja": ",", "zh-Hans": ",", "fa": ",", **dict.fromkeys(("fr", "ru", "pl", "cs"), "\u00a0")}
_BY_LANGUAGE = {name.split("-")[0]: name for name in LOCALES}
_FEW = range(2, 5)

# The plural forms of each language (CLDR).
FORMS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(LOCALES, ("one", "other")),
    **dict.fromkeys(("zh-Hans", "ja", "vi"), ("other",)),
    **dict.fromkeys(("ru", "pl"), ("one", "few", "many")),
    "cs": ("one", "few", "other"),
}


def locale_of(preference: str) -> str:
    """Return the locale of a language tag such as "de-AT" (RFC 5646), "" if emails aren't written in that language."""
    parts = preference.replace("_", "-").casefold().split("-")
    if parts[0] == "zh" and {"hant", "tw", "hk", "mo"} & set(parts):
        return ""
    return _BY_LANGUAGE.get(parts[0], "")


def grouped(locale: str, number: int) -> str:
    """Return a whole number with its thousands apart, such as "1,871"."""
    return f"{number:,}".replace(",", _THOUSANDS.get(locale, "."))


def plural_form(locale: str, number: int) -> str:
    """Return the form that a language uses with a whole number (CLDR's rules for integers)."""
    is_teen = number % 100 in range(11, 15)
    match locale:
        case "zh-Hans" | "ja" | "vi":
            return "other"
        case "fr" | "pt-br" | "fa":
            return "one" if number in {0, 1} else "other"
        case "ru":
            return "many" if is_teen else _slavic(number % 10, is_one=number % 10 == 1)
        case "pl":
            return _slavic(0 if is_teen else number % 10, is_one=number == 1)
        case "cs":
            return "one" if number == 1 else "few" if number in _FEW else "other"
        case _:
            return "one" if number == 1 else "other"


def _slavic(last_digit: int, *, is_one: bool) -> str:
    return "one" if is_one else "few" if last_digit in _FEW else "many"
