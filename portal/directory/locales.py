"""The languages of emails, with Stytch's names (Stytch: locale)."""

from typing import Literal, get_args

Locale = Literal[
    "en",
    "es",
    "pt-br",
    "fr",
    "it",
    "de-DE",
    "zh-Hans",
    "ca-ES",
    "ja",
    "ru",
    "nl",
    "pl",
    "tr",
    "fa",
    "vi",
    "cs",
]
LOCALES: tuple[Locale, ...] = get_args(Locale)

# Each in its own language, for a list to choose from.
LANGUAGE_NAMES: dict[Locale, str] = {
    "ca-ES": "Català",
    "cs": "Čeština",
    "de-DE": "Deutsch",
    "en": "English",
    "es": "Español",
    "fr": "Français",
    "it": "Italiano",
    "nl": "Nederlands",
    "pl": "Polski",
    "pt-br": "Português (Brasil)",
    "tr": "Türkçe",
    "vi": "Tiếng Việt",
    "ru": "Русский",
    "fa": "فارسی",
    "zh-Hans": "简体中文",
    "ja": "日本語",
}


def known_locale(name: str) -> Locale | Literal[""]:
    """Return a locale by its name, "" if there isn't one."""
    return next((one for one in LOCALES if one == name), "")
