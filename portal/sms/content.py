"""What text messages say, and how many parts a phone network bills for it."""

from datetime import timedelta

from portal.directory.sms_otps import CODE_MINUTES
from portal.mail.catalog import texts
from portal.mail.names import name_for_strangers

_NAME_LENGTH = 40
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
    """Return the message with a code. A name that could be taken for a link is replaced by the slug."""
    said, name = texts(locale), name_for_strangers(organization_name, slug).replace(_JOINER, "")
    duration = said.duration(timedelta(minutes=CODE_MINUTES))
    return said("text-message.code", code=code, organization=name[:_NAME_LENGTH].strip(), duration=duration)


def segments(text: str) -> int:
    """Return how many messages a text is billed as."""
    if not all(letter in _GSM or letter in _GSM_TWICE for letter in text):
        length, one, part = len(text.encode("utf-16-be")) // 2, _OTHER_ONE, _OTHER_PART
    else:
        length, one, part = len(text) + sum(letter in _GSM_TWICE for letter in text), _ONE, _PART
    return 1 if length <= one else -(-length // part)
