"""Trusted auth tokens: JWTs of an issuer that the project's configuration trusts (Stytch: sessions.attest)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrustedToken:
    """What a verified token says. `organization` is an ID, a slug or an external ID, or empty."""

    email_address: str
    token_id: str
    organization: str
