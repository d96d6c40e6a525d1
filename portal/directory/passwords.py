"""Passwords as products use them: checked, brought along, judged and replaced (Stytch: passwords)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from portal.directory.members import Member
from portal.directory.sessions import Authentication, SessionTerms, SignedIn

HASH_TYPES = ("bcrypt", "md_5", "argon_2i", "argon_2id", "sha_1", "sha_512", "scrypt", "phpass", "pbkdf_2")


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A hash from elsewhere, under Stytch's names: `config` is what the type needs beside it (md_5_config and so on)."""

    hash_type: str
    hash: str = field(repr=False)
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Migrant:
    """Whose password is brought along; what is None stays as it is for who is a member already."""

    email_address: str
    name: str | None = None
    roles: Collection[str] | None = None
    external_id: str | None = None
    trusted_metadata: Mapping[str, Any] | None = None
    untrusted_metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PasswordStrength:
    """What a password is worth: `score` is zxcvbn's, 0 to 4; `valid_password` says whether it would be taken."""

    valid_password: bool
    score: int
    warning: str = ""
    suggestions: tuple[str, ...] = ()


class ProjectPasswordGateway(Protocol):
    """Passwords of one organization's members.

    What starts a session goes on with `current` where that is the same member's, and raises Invalid where it is another's.
    """

    def authenticate(
        self, *, email_address: str, password: str, terms: SessionTerms, current: SignedIn | None = None
    ) -> Authentication:
        """Start a session by password (Stytch: passwords.authenticate).

        Raises Unauthenticated, in the same time, whatever was wrong; Refused where the organization allows no passwords.
        """
        ...

    def migrate(self, migrant: Migrant, password: PasswordHash) -> tuple[Member, bool]:
        """Give a member the password of a hash, and say whether the member was made for it (Stytch: passwords.migrate).

        The e-mail address counts as verified from then on. Only the project may: raises Refused; Invalid, Conflict where the
        member has a password.
        """
        ...

    def reset_by_existing_password(
        self,
        *,
        email_address: str,
        existing_password: str,
        new_password: str,
        terms: SessionTerms,
        current: SignedIn | None = None,
    ) -> Authentication:
        """Replace a password by a new one, end all sessions but `current`, and start one or go on with that.

        (Stytch: passwords.existing_password.reset.) Raises as authenticate, and Invalid for a weak password.
        """
        ...

    def reset_by_session(self, *, password: str, terms: SessionTerms) -> Authentication:
        """Replace the acting member's password, end their other sessions, and go on (Stytch: passwords.session.reset).

        Raises Refused where the password was not entered within the last five minutes, Invalid for a weak one.
        """
        ...
