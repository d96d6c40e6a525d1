"""A cause of failed requests: how to recognize it, and its explanation."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from portal.directory.scim.connection import ScimIdentityProvider
from portal.directory.scim.log import ScimRejection, ScimRequest
from scim_admin.causes.hints import HINTS

# A step that begins with "Then" loses the word, because its number says it.
_NEXT_STEP = re.compile(r"(?<=[.”]) (?:Then (?=\w)|(?=Save, and |After you ))")

_WITHIN = re.compile(r"(?<!^)(?<![.] )Your identity provider")


@dataclass(frozen=True, slots=True)
class Sign:
    """Conditions on a logged request; empty ones match anything. Texts are regular expressions that match anywhere."""

    status: int = 0
    rejection: ScimRejection | None = None
    scim_type: str = ""
    detail: str = ""
    path: str = ""
    method: str = ""
    # Whether the URL has parameters.
    has_query: bool | None = None

    def matches(self, request: ScimRequest) -> bool:
        """Return whether a request meets all conditions."""
        return (
            self.status in {0, request.status}
            and self.rejection in {None, request.rejection}
            and self.scim_type in {"", request.scim_type}
            and self.method in {"", request.method}
            and self.has_query in {None, bool(request.query)}
            and _is_found(self.detail, request.detail)
            and _is_found(self.path, request.path)
        )


@dataclass(frozen=True, slots=True)
class Words:
    """The names on an identity provider's screens, for the placeholders of explanations."""

    name: str
    # The name within a sentence.
    in_text: str
    # Where the base URL and the token are entered, and the names of the two fields.
    settings: str
    base_url: str
    token: str
    # How the connection is tested.
    test: str
    # Where attributes are mapped.
    mapping: str
    # Where people and groups are assigned.
    assignments: str
    # How to send something again.
    resend: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The cause of a failed request, and how to fix it. `hint` is the fix in a few words."""

    code: str
    title: str
    cause: str
    fix: str
    hint: str = ""

    @property
    def steps(self) -> tuple[str, ...]:
        """The fix in steps: each sentence that begins with "Then", or "Save, and", is the next one."""
        return tuple(step[:1].upper() + step[1:] for step in _NEXT_STEP.split(self.fix))


@dataclass(frozen=True, slots=True)
class Cause:
    """A cause of failed requests.

    Texts have the fields of Words as placeholders. `fixes` replaces `fix` for single identity providers. A sentence of a fix that
    begins with "Then" is its next step.
    """

    code: str
    title: str
    sign: Sign
    cause: str
    fix: str
    fixes: Mapping[ScimIdentityProvider, str] = field(default_factory=dict)

    def explain(self, words: Words, identity_provider: ScimIdentityProvider) -> Explanation:
        """Return the explanation in an identity provider's terms."""
        names, fix = asdict(words), self.fixes.get(identity_provider, self.fix)
        cause, fix, hint = (_in_words(text, names) for text in (self.cause, fix, HINTS[self.code]))
        return Explanation(self.code, self.title, cause, fix, hint)


def _in_words(text: str, names: Mapping[str, str]) -> str:
    # The identity provider without a name of its own has a capital letter only at the beginning of a sentence.
    return _WITHIN.sub("your identity provider", text.format(**names))


def _is_found(pattern: str, text: str) -> bool:
    return not pattern or re.search(pattern, text) is not None
