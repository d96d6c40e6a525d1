"""Phone numbers: valid ones, of the countries that text messages may go to (ITU-T E.164)."""

from collections.abc import Collection
from dataclasses import dataclass

from portal.directory.errors import Forbidden, Invalid

_MAX_LENGTH = 40  # as typed
_BLOCK = 4  # digits: numbers are given to phone companies in blocks of ten thousand
_FIELD = "mfa_phone_number"


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A valid number in E.164 format, and its country (ISO 3166-1)."""

    number: str
    country: str

    @property
    def prefix(self) -> str:
        """What it has in common with its neighbors. Fraud uses many numbers of one block."""
        return self.number[:-_BLOCK]


def checked_number(text: str, countries: Collection[str]) -> PhoneNumber:
    """Return a number that text messages may be sent to. Spaces, hyphens and parentheses don't matter.

    Raise Invalid unless it's one that can receive them, Forbidden if it is of another country than these.
    """
    # Loaded at the first use: most processes never need it.
    import phonenumbers  # noqa: PLC0415 -- as above
    from phonenumbers import PhoneNumberType  # noqa: PLC0415 -- as above

    try:
        parsed = phonenumbers.parse(text, None) if len(text) <= _MAX_LENGTH else None
    except phonenumbers.NumberParseException:
        parsed = None
    if parsed is None or parsed.extension or not phonenumbers.is_valid_number(parsed):
        raise Invalid(
            "Enter a mobile phone number with its country code, such as +1 202 555 0123.",
            field=_FIELD,
            error_type="invalid_phone_number",
        )
    country = phonenumbers.region_code_for_number(parsed) or ""
    if country not in countries:
        raise Forbidden(
            "Text messages aren't sent to the country of this number.",
            field=_FIELD,
            error_type="phone_number_country_not_allowed",
        )
    if phonenumbers.number_type(parsed) not in {PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE}:
        # Also numbers that cost more than others, such as personal ones (+44 70), whose holder earns by each message.
        raise Invalid("This isn't the number of a mobile phone.", field=_FIELD, error_type="invalid_phone_number")
    return PhoneNumber(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), country)


def shown_ending(number: str) -> str:
    """Return the last two digits, by which a person knows their number, "" for none. No more of it is shown."""
    return number[-2:]
