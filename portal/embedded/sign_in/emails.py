"""The emails with a magic link, a code or a password reset, each for a product or for the portal."""

from django.utils import timezone

from portal.embedded import models
from portal.mail.content import Button, Code, Email, Facts, paragraph
from portal.mail.names import name_in_subject, shown_name
from portal.mail.times import duration, timestamp
from portal.web.user_agents import known_browser

Token = models.EmailTokenRow | models.DiscoveryTokenRow


def magic_link(row: Token, url: str, name: str) -> Email:
    """Return the email with a link that signs a person in. `name` is as in `code`."""
    return Email(
        subject=f"Sign in to {name_in_subject(name)}",
        preheader=f"The link works once, {_validity(row)}.",
        organization_name=shown_name(name),
        title=f"Sign in to {shown_name(name)}",
        blocks=(
            paragraph(f"Use this link to sign in as {row.email_address}."),
            Button("Sign in", url, _validity(row)),
            Facts(_request(row)),
            paragraph(
                "If you didn’t ask for this link, ignore this email. The link expires without signing anyone in. Don’t "
                "forward this email.",
                is_last=True,
            ),
        ),
        reason=f"someone entered this address to sign in to {shown_name(name)}",
    )


def code(row: Token, value: str, name: str) -> Email:
    """Return the email with a code. `name` is the organization's, or the project's before one is chosen."""
    validity = _validity(row)
    return Email(
        subject=f"{value} is your code for {name_in_subject(name)}",
        preheader=f"The code works once, {validity}.",
        organization_name=shown_name(name),
        title="Your sign-in code",
        blocks=(
            paragraph(f"Enter this code on the page where you started to sign in. It works once, {validity}."),
            Code(value),
            Facts(_request(row)),
            paragraph(
                "Don’t share this code. We never ask for it by phone, chat or email. If you didn’t start to sign in, "
                "ignore this email.",
                is_last=True,
            ),
        ),
        reason=f"someone entered this address to sign in to {shown_name(name)}",
    )


def password_reset(row: Token, url: str, name: str, *, has_password: bool) -> Email:
    """Return the email with a link to choose a password."""
    what = "a new password" if has_password else "a password"
    choose = f"Choose {what}"
    keeps = " Your current password works until you do." if has_password else ""
    return Email(
        subject=f"{'Reset your password for' if has_password else 'Choose a password for'} {name_in_subject(name)}",
        preheader=f"The link works once, {_validity(row)}.",
        organization_name=shown_name(name),
        title=choose,
        blocks=(
            paragraph(f"Use this link to choose {what} for {row.email_address}.{keeps}"),
            Button(choose, url, _validity(row)),
            Facts(_request(row)),
            paragraph(
                "If you didn’t ask for this, ignore this email. Nothing changes until someone uses the link. Don’t forward "
                "this email.",
                is_last=True,
            ),
        ),
        reason=f"someone entered this address to reset a password for {shown_name(name)}",
    )


def _request(row: Token) -> tuple[tuple[str, str], ...]:
    """Return when and where an email was requested, as far as it is known."""
    facts = [
        ("Requested", timestamp(row.created_at)),
        ("Device", known_browser(row.user_agent)),
        ("IP address", row.ip_address),
    ]
    return tuple((label, value) for label, value in facts if value)


def _validity(row: Token) -> str:
    return f"for {duration(row.expires_at - timezone.now())}, until {timestamp(row.expires_at)}"
