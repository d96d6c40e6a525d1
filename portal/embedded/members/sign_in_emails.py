"""The emails with a sign-in link: an invitation, or a link to choose a password."""

from datetime import datetime

from portal.directory.actor import Origin
from portal.directory.members import MemberStatus
from portal.directory.policy import role_name
from portal.embedded import models
from portal.mail.content import Button, Email, Facts, Paragraph, paragraph, strong
from portal.mail.names import name_for_strangers, name_in_subject, shown_name
from portal.mail.times import duration, timestamp
from portal.web.user_agents import known_browser


def sign_in_email(
    link: models.SignInLinkRow, url: str, *, sender: models.MemberRow | None, requested_from: Origin | None
) -> Email:
    """Return the email with a link. `sender` is the member who sent it, if one did.

    With `requested_from`, someone entered the address on the sign-in page. Otherwise an operator sent it, or the sender.
    """
    if link.member.status != MemberStatus.ACTIVE and requested_from is None:
        return invitation(
            link.member, url, sender=sender, expires_at=link.expires_at, to_do="choose a password and sign in"
        )
    return _password_link(link, url, sender, requested_from)


def invitation(
    member: models.MemberRow, url: str, *, sender: models.MemberRow | None, expires_at: datetime, to_do: str
) -> Email:
    """Return the email that invites a member, in the name of another member if one did.

    `to_do` is what they do after accepting, such as "sign in".
    """
    organization = member.organization
    name = name_for_strangers(organization.name, organization.slug)
    roles = [shown_name(role_name(role)) for role in member.direct_roles]
    rows = [("Organization", name)]
    said = paragraph(f"Accept the invitation to {to_do} to ", strong(name), ".")
    invited = f"You’re invited to join {name}."
    if sender:
        inviter = name_for_strangers(sender.name, sender.email_address)
        rows.append(("Invited by", _with_address(inviter, sender)))
        said = paragraph(strong(inviter), f" invited you to join {name}. Accept the invitation to {to_do}.")
        invited = f"{inviter} invited you" + (f" as {roles[0]}." if len(roles) == 1 else ".")
    if roles:
        rows.append(("Role" if len(roles) == 1 else "Roles", ", ".join(roles)))
    return Email(
        subject=f"You’re invited to join {name_in_subject(name)}",
        preheader=f"{invited} The link works once, until {expires_at:%-d %b %Y}.",
        organization_name=name,
        title=f"Join {name}",
        blocks=(
            said,
            Facts(tuple(rows)),
            Button("Accept invitation", url, f"until {timestamp(expires_at)}"),
            paragraph(
                "If you weren’t expecting this, ignore this email. You don’t join unless you accept.", is_last=True
            ),
        ),
        reason=f"{'an admin of ' + name if sender else 'the team that runs this portal'} invited this address",
    )


def _password_link(
    link: models.SignInLinkRow, url: str, sender: models.MemberRow | None, requested_from: Origin | None
) -> Email:
    is_requested = requested_from is not None
    member, name = link.member, shown_name(link.member.organization.name)
    choose = "Choose a new password" if member.password else "Choose a password"
    subject = "Reset your password for" if member.password else "Choose a password for"
    keeps = "Your password stays the same until you choose a new one." if member.password else ""
    validity = f"for {duration(link.expires_at - link.created_at)}"
    rows = [("Requested" if is_requested else "Sent", timestamp(link.created_at))]
    if sender:
        rows.append(("Sent by", _with_address(shown_name(sender.name or sender.email_address), sender)))
    if requested_from:
        # Never the header itself: the person who requests the link chooses its words.
        shown = (("Device", known_browser(requested_from.user_agent)), ("IP address", requested_from.ip_address))
        rows += [(label, value) for label, value in shown if value]
    return Email(
        subject=f"{subject} {name_in_subject(member.organization.name)}",
        preheader=f"The link works once, {validity}. {keeps}".rstrip(),
        organization_name=name,
        title=choose,
        blocks=(
            _password_text(member, name, sender),
            Button(
                "Choose new password" if member.password else "Choose password",
                url,
                f"{validity}, until {timestamp(link.expires_at)}",
            ),
            Facts(tuple(rows)),
            paragraph(
                "If you didn’t ask for this, ignore this email. "
                if is_requested
                else "If you weren’t expecting this, ignore this email. ",
                "Your password stays the same. " if member.password else "Nothing changes. ",
                "Don’t forward this email.",
                is_last=True,
            ),
        ),
        reason=_reason(name, is_requested=is_requested, is_from_member=sender is not None),
    )


def _password_text(member: models.MemberRow, organization: str, sender: models.MemberRow | None) -> Paragraph:
    choose = "choose a new password" if member.password else "choose a password"
    until = " Your current password works until you do." if member.password else ""
    what = f"{choose} for {member.email_address} and sign in to {organization}.{until}"
    if sender:
        return paragraph(strong(shown_name(sender.name or sender.email_address)), f" sent you this link to {what}")
    return paragraph(f"Use this link to {what}")


def _reason(organization: str, *, is_requested: bool, is_from_member: bool) -> str:
    if is_requested:
        return f"someone entered this address to sign in to {organization}"
    by = f"an admin of {organization}" if is_from_member else "the team that runs this portal"
    return f"{by} sent you this link"


def _with_address(name: str, member: models.MemberRow) -> str:
    return name if name == member.email_address else f"{name}, {member.email_address}"
