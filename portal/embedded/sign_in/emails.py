"""The emails with a magic link, a code or a password reset, each for a product or for the portal."""

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from portal.embedded import models
from portal.mail.content import Button, Code, Email, Facts, Paragraph, paragraph
from portal.mail.names import name_for_strangers, name_in_subject, shown_name
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


def email_update_link(row: models.EmailTokenRow, member: models.MemberRow, url: str) -> Email:
    """Return the email to a new address with a link that confirms it."""
    proof = Button("Confirm address", url, _validity(row))
    return _email_update(row, member, paragraph("Confirm that this is your address."), proof)


def email_update_code(row: models.EmailTokenRow, member: models.MemberRow, value: str) -> Email:
    """Return the email to a new address with a code that confirms it."""
    enter = paragraph(f"Enter this code on the page where you started. It works once, {_validity(row)}.")
    return _email_update(row, member, enter, Code(value))


def _email_update(
    row: models.EmailTokenRow, member: models.MemberRow, what_to_do: Paragraph, proof: Button | Code
) -> Email:
    # The address may be a stranger's: nothing says whose account it is.
    name = name_for_strangers(member.organization.name, member.organization.slug)
    return Email(
        subject=f"Confirm your new email address for {name_in_subject(name)}",
        preheader=f"It works once, {_validity(row)}. Nothing changes until you confirm.",
        organization_name=name,
        title="Confirm your new email address",
        blocks=(
            paragraph(f"A member of {name} wants to sign in with {row.email_address} from now on."),
            what_to_do,
            proof,
            paragraph(
                "If you didn’t ask for this, ignore this email. The address isn’t used unless you confirm it. Don’t forward "
                "this email.",
                is_last=True,
            ),
        ),
        reason=f"a member of {name} entered it as their new address",
    )


def email_update_notice(row: models.EmailTokenRow, member: models.MemberRow) -> Email:
    """Return the email that tells the current address that it is about to change."""
    name = shown_name(member.organization.name)
    url = settings.PUBLIC_URL + reverse("account:email", args=[member.organization.slug])
    return Email(
        subject=f"Change of your email address for {name_in_subject(member.organization.name)}",
        preheader="Your address changes once the new one is confirmed. You can cancel until then.",
        organization_name=name,
        title="Your email address is about to change",
        blocks=(
            paragraph(
                "Someone signed in to your account asked to change its email address. The change takes effect once the new "
                "address is confirmed."
            ),
            Facts((("Current address", member.email_address), ("New address", row.email_address), *_request(row))),
            paragraph(
                "If this was you, there’s nothing to do here. Use the code or link that we sent to the new address."
            ),
            paragraph("If it wasn’t, cancel the change and choose a new password."),
            Button("Cancel the change", url),
        ),
        reason=f"it’s your current address as a member of {name}. Emails about your account’s security can’t be turned off",
    )


def email_updated(member: models.MemberRow) -> Email:
    """Return the email that tells a former address that it was replaced. It doesn't name the new one."""
    name = shown_name(member.organization.name)
    return Email(
        subject=f"Your email address for {name_in_subject(member.organization.name)} was changed",
        preheader="You can no longer sign in with this address. If you changed it, there’s nothing to do.",
        organization_name=name,
        title="Your email address was changed",
        blocks=(
            paragraph(f"This address no longer signs you in to {name}. The new address was confirmed."),
            paragraph(
                f"If this was you, there’s nothing to do. If it wasn’t, tell an admin of {name} immediately.",
                is_last=True,
            ),
        ),
        reason=f"it was your address as a member of {name}. Emails about your account’s security can’t be turned off",
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
