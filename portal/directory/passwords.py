"""Passwords as products use them: check, migrate, score and replace them (Stytch: passwords)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from portal.directory.members import Member
from portal.directory.sessions import NOTHING_BEFORE, Authentication, Continuation, SessionTerms

HASH_TYPES = ("bcrypt", "md_5", "argon_2i", "argon_2id", "sha_1", "sha_512", "scrypt", "phpass", "pbkdf_2")


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A hash from another system, in Stytch's terms. `config` holds the parameters of its type, such as md_5_config."""

    hash_type: str
    hash: str = field(repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class MigratedMember:
    """The member of a migrated password. None changes nothing for an existing member."""

    email_address: str
    name: str | None = None
    roles: Collection[str] | None = None
    external_id: str | None = None
    trusted_metadata: Mapping[str, Any] | None = None
    untrusted_metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class LudsFeedback:
    """What a password has and lacks when characters and their kinds are counted (Stytch: luds_feedback)."""

    has_lower_case: bool
    has_upper_case: bool
    has_digit: bool
    has_symbol: bool
    missing_complexity: int
    missing_characters: int


@dataclass(frozen=True, slots=True)
class PasswordStrength:
    """How strong a password is. `valid_password` says whether it would be accepted.

    `score` is zxcvbn's, 0 to 4, and 0 where `luds` judges instead. A password that is weak anyway is never looked up in the
    list of leaked ones, so `breached_password` is false for it.
    """

    valid_password: bool
    score: int
    warning: str = ""
    suggestions: tuple[str, ...] = ()
    luds: LudsFeedback | None = None
    breached_password: bool = False


class ProjectPasswordGateway(Protocol):
    """Passwords of one organization's members.

    The methods that start a session continue one `before` instead, and raise Invalid if it is another member's.
    """

    def authenticate(
        self, *, email_address: str, password: str, terms: SessionTerms, before: Continuation = NOTHING_BEFORE
    ) -> Authentication:
        """Start a session by password (Stytch: passwords.authenticate).

        Raise Unauthenticated, taking the same time for every cause, and Forbidden if the organization doesn't allow
        passwords.
        """
        ...

    def migrate(self, migrated: MigratedMember, password: PasswordHash) -> tuple[Member, bool]:
        """Give a member the password of a hash, and say whether the member was created (Stytch: passwords.migrate).

        Marks the email address as verified. Raise Forbidden on behalf of a member, Conflict if the member has a password,
        Invalid if the hash can't be checked.
        """
        ...

    def reset_by_existing_password(
        self,
        *,
        email_address: str,
        existing_password: str,
        new_password: str,
        terms: SessionTerms,
        before: Continuation = NOTHING_BEFORE,
    ) -> Authentication:
        """Replace a password, revoke all sessions except one `before`, and continue it or start one.

        (Stytch: passwords.existing_password.reset.) Raise what `authenticate` raises, and Invalid for a weak password.
        """
        ...

    def reset_by_session(self, *, password: str, terms: SessionTerms) -> Authentication:
        """Replace the acting member's password and revoke their other sessions (Stytch: passwords.session.reset).

        Raise Forbidden unless the password was entered within the last five minutes, Invalid for a weak password,
        Unauthenticated if the session has ended.
        """
        ...
