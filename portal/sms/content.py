"""What text messages say, and how many parts a phone network bills for it."""

import re
import unicodedata
from datetime import timedelta

from portal.directory.sms_otps import CODE_MINUTES
from portal.mail.catalog import texts
from portal.mail.names import name_for_strangers
from portal.mail.rendering import portal_name

_NAME_LENGTH = 40
# Phones make links of more digits, to dial them, and of IP addresses.
_MAX_DIGITS = 6
_IP_ADDRESS = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d")
# Mail programs need it to make no link of a name; in a text message it would take twice the parts.
_JOINER = "\u200c"
# The alphabet of GSM 03.38: 160 letters fit into one message. With any other letter, 70 do.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€")  # these take two places
_ONE, _PART, _OTHER_ONE, _OTHER_PART = 160, 153, 70, 67


def code_text(code: str, organization_name: str, slug: str, locale: str) -> str:
    """Return the message with a code. A name that could be taken for a link or a phone number is replaced by the slug."""
    said, duration = texts(locale), timedelta(minutes=CODE_MINUTES)
    name = name_for_strangers(organization_name, slug).replace(_JOINER, "")
    # People who create an organization choose both, and the numbers that its messages go to.
    plain = next((one for one in (name, slug) if not _could_be_called(one)), portal_name())
    shown = plain[:_NAME_LENGTH].strip()
    return said("text-message.code", code=code, organization=shown, duration=said.duration(duration))


def _could_be_called(name: str) -> bool:
    """Say whether a phone could make a link of digits in a name."""
    read = unicodedata.normalize("NFKC", name).replace("\u3002", ".")
    return sum(letter.isdigit() for letter in read) > _MAX_DIGITS or bool(_IP_ADDRESS.search(read))


def segments(text: str) -> int:
    """Return how many messages a text is billed as."""
    if not all(letter in _GSM or letter in _GSM_TWICE for letter in text):
        length, one, part = len(text.encode("utf-16-be")) // 2, _OTHER_ONE, _OTHER_PART
    else:
        length, one, part = len(text) + sum(letter in _GSM_TWICE for letter in text), _ONE, _PART
    return 1 if length <= one else -(-length // part)
