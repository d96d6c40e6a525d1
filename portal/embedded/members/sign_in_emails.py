"""The emails with a sign-in link: an invitation, or a link to choose a password."""

from datetime import datetime

from portal.directory.actor import Origin
from portal.directory.members import MemberStatus
from portal.directory.policy import role_name
from portal.embedded import models
from portal.embedded.members.languages import language_of
from portal.mail.catalog import Texts, texts
from portal.mail.content import Button, Email, Facts, Paragraph
from portal.mail.names import name_for_strangers, name_in_subject, shown_name
from portal.mail.own_templates import language_with_template


def sign_in_email(
    link: models.SignInLinkRow, url: str, *, sender: models.MemberRow | None, requested_from: Origin | None
) -> Email:
    """Return the email with a link. `sender` is the member who sent it, if one did.

    With `requested_from`, someone entered the address on the sign-in page. Otherwise an operator sent it, or the sender.
    """
    if link.member.status != MemberStatus.ACTIVE and requested_from is None:
        return invitation(link.member, url, sender=sender, expires_at=link.expires_at, is_to_choose_password=True)
    return _password_link(link, url, sender, requested_from)


def invitation(  # noqa: PLR0913 -- what an invitation says
    member: models.MemberRow,
    url: str,
    *,
    sender: models.MemberRow | None,
    expires_at: datetime,
    is_to_choose_password: bool = False,
    locale: str = "",
    template_id: str = "",
) -> Email:
    """Return the email that invites a member, in the name of another member if one did.

    After accepting they sign in, with `is_to_choose_password` after they chose one. `locale` is the one that was asked for.
    """
    organization = member.organization
    said = texts(language_with_template(template_id, "invitation", language_of(member, organization, locale)))
    name = name_for_strangers(organization.name, organization.slug)
    roles = [shown_name(role_name(role)) for role in member.direct_roles]
    inviter = name_for_strangers(sender.name, sender.email_address) if sender else ""
    which = f"{'_by' if sender else ''}{'_password' if is_to_choose_password else ''}"
    invited_by = _with_address(inviter, sender, said) if sender else ""
    facts = (
        (said("labels.organization"), name),
        (said("labels.invited_by"), invited_by),
        (said.counted("labels.roles", len(roles)), said.listed(*roles)),
    )
    return Email(
        subject=said("invitation.subject", organization=name_in_subject(name)),
        preheader=_invited(said, inviter, roles, said.date(expires_at)),
        organization_name=name,
        title=said("invitation.title", organization=name),
        blocks=(
            said.paragraph(f"invitation.said{which}", organization=name, inviter=inviter),
            Facts(tuple(one for one in facts if one[1])),
            Button(
                said("invitation.button"),
                url,
                said("frame.link_works_until", time=said.time(expires_at)),
                is_link=True,
            ),
            said.last_paragraph("invitation.unexpected"),
        ),
        reason=said("invitation.reason_by" if sender else "invitation.reason", organization=name),
        locale=said.locale,
        template="invitation",
        template_id=template_id,
        values={
            "expires_at": said.time(expires_at),
            "inviter_name": inviter or said("frame.team"),
            "inviter_email": sender.email_address if sender else "",
            "roles": said.listed(*roles),
        },
    )


def _invited(said: Texts, inviter: str, roles: list[str], date: str) -> str:
    if not inviter:
        return said("invitation.preheader", date=date)
    if len(roles) == 1:
        return said("invitation.preheader_by_as", inviter=inviter, role=roles[0], date=date)
    return said("invitation.preheader_by", inviter=inviter, date=date)


def _password_link(
    link: models.SignInLinkRow, url: str, sender: models.MemberRow | None, requested_from: Origin | None
) -> Email:
    member, name = link.member, shown_name(link.member.organization.name)
    said = texts(language_with_template("", "password-reset", language_of(member, member.organization)))
    which = "" if member.password else "_first"
    times = {"duration": said.duration(link.expires_at - link.created_at), "time": said.time(link.expires_at)}
    is_requested = requested_from is not None
    rows = [(said("labels.requested" if is_requested else "labels.sent"), said.time(link.created_at))]
    if sender:
        by = _with_address(shown_name(sender.name or sender.email_address), sender, said)
        rows.append((said("labels.sent_by"), by))
    if requested_from:
        # Never the header itself: the person who requests the link chooses its words.
        device = said.device(requested_from.user_agent)
        shown = (
            (said("labels.device"), device),
            (said("labels.location"), said.location(requested_from.ip_address)),
            (said("labels.ip_address"), requested_from.ip_address),
        )
        rows += [(label, value) for label, value in shown if value]
    return Email(
        subject=said(f"password-reset.subject{which}", organization=name_in_subject(member.organization.name)),
        preheader=said(f"password-reset.preheader{which}", duration=times["duration"]),
        organization_name=name,
        title=said(f"password-reset.title{which}"),
        blocks=(
            _password_text(member, sender, said, which),
            Button(said(f"password-reset.button{which}"), url, said("frame.link_works_for", **times), is_link=True),
            Facts(tuple(rows)),
            said.last_paragraph(f"password-reset.unexpected{which}"),
        ),
        reason=_reason(said, name, is_requested=is_requested, is_from_member=sender is not None),
        locale=said.locale,
        template="password-reset",
        values={
            "expires_in": times["duration"],
            "expires_at": times["time"],
            "requested_at": said.time(link.created_at),
            "device": said.device(requested_from.user_agent) if requested_from else "",
            "location": said.location(requested_from.ip_address) if requested_from else "",
            "ip_address": requested_from.ip_address if requested_from else "",
        },
    )


def _password_text(member: models.MemberRow, sender: models.MemberRow | None, said: Texts, which: str) -> Paragraph:
    if sender:
        name = shown_name(sender.name or sender.email_address)
        return said.paragraph(f"password-reset.said_by{which}", sender=name, address=member.email_address)
    return said.paragraph(f"password-reset.said{which}", address=member.email_address)


def _reason(said: Texts, organization: str, *, is_requested: bool, is_from_member: bool) -> str:
    if is_requested:
        return said("sign-in-link.reason", organization=organization)
    by = "password-reset.reason_by" if is_from_member else "password-reset.reason_operator"
    return said(by, organization=organization)


def _with_address(name: str, member: models.MemberRow, said: Texts) -> str:
    return name if name == member.email_address else said.listed(name, member.email_address)
