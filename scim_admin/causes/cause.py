"""A cause: how an entry of the log shows it, and what it says to people."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from portal.directory.scim.connection import ScimIdentityProvider
from portal.directory.scim.log import ScimRefusal, ScimRequest


@dataclass(frozen=True, slots=True)
class Sign:
    """What an entry must show; what is not given may be anything. Texts are regular expressions, found anywhere."""

    status: int = 0
    refusal: ScimRefusal | None = None
    scim_type: str = ""
    detail: str = ""
    path: str = ""
    method: str = ""
    # Whether the address has parameters.
    has_query: bool | None = None

    def fits(self, call: ScimRequest) -> bool:
        """Say whether an entry shows it."""
        return (
            self.status in {0, call.status}
            and self.refusal in {None, call.refusal}
            and self.scim_type in {"", call.scim_type}
            and self.method in {"", call.method}
            and self.has_query in {None, bool(call.query)}
            and _is_found(self.detail, call.detail)
            and _is_found(self.path, call.path)
        )


@dataclass(frozen=True, slots=True)
class Words:
    """Where things are in an identity provider, by the names on its own screens."""

    name: str
    # Where the connection's address and token are entered, and what the two fields are called.
    settings: str
    base_url: str
    token: str
    # How the connection is tested.
    test: str
    # Where it says which attribute is sent from what.
    mapping: str
    # Where it says who is sent.
    assignments: str
    # What sends something once more.
    resend: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was the matter, and what to do."""

    code: str
    title: str
    cause: str
    cure: str


@dataclass(frozen=True, slots=True)
class Cause:
    """A reason to refuse a call.

    `cure` names an identity provider's fields in braces, as Words has them; `cures` is for those that need other words.
    """

    code: str
    title: str
    sign: Sign
    cause: str
    cure: str
    cures: Mapping[ScimIdentityProvider, str] = field(default_factory=dict)

    def explained(self, words: Words, identity_provider: ScimIdentityProvider) -> Explanation:
        """Return it in an identity provider's words."""
        names, cure = asdict(words), self.cures.get(identity_provider, self.cure)
        return Explanation(self.code, self.title, self.cause.format(**names), cure.format(**names))


def _is_found(pattern: str, text: str) -> bool:
    return not pattern or re.search(pattern, text) is not None
