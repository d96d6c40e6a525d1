"""Look up TXT records. The answer is another server's: it may be late, large or garbage, or refer to itself.

Only the operator's resolvers are asked, and none of the addresses in an answer is. What an organization decides is the name
in the question.
"""

from collections.abc import Sequence
from typing import cast

import dns.exception
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.resolver
from django.conf import settings

# For all attempts together, and for one resolver to answer.
_SECONDS, _SECONDS_EACH = 5.0, 1.5
_MAX_RECORDS, _MAX_BYTES = 50, 512


class NoAnswer(Exception):
    """No resolver could say whether there is a record. It says nothing about the name."""


def txt_records(name: str) -> Sequence[str]:
    """Return the TXT records of a name in its ASCII form, none if it has none or doesn't exist.

    At most 50, each cut at 512 bytes, in five seconds at most. Other bytes than printable ASCII are replaced. Raise NoAnswer.
    """
    try:
        resolver = dns.resolver.Resolver(configure=not settings.DNS_RESOLVERS)
        if settings.DNS_RESOLVERS:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(*one) for one in settings.DNS_RESOLVERS]
        resolver.lifetime, resolver.timeout, resolver.cache = _SECONDS, _SECONDS_EACH, None
        answer = resolver.resolve(dns.name.from_text(name), dns.rdatatype.TXT, search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except (dns.exception.DNSException, OSError, ValueError) as error:
        raise NoAnswer(type(error).__name__) from error
    records = cast("list[dns.rdtypes.ANY.TXT.TXT]", list(answer))
    return tuple(_text(b"".join(record.strings)[:_MAX_BYTES]) for record in records[:_MAX_RECORDS])


def _text(content: bytes) -> str:
    return "".join(chr(one) if 0x20 <= one < 0x7F else "\N{REPLACEMENT CHARACTER}" for one in content)  # noqa: PLR2004 -- printable ASCII
