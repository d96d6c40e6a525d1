"""Discovery as products use it: prove an email address, then choose an organization or create one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Value
from django.db.models.fields.json import KeyTransform
from django.utils import timezone
from django_tasks import task

from portal.directory.actor import Actor, ActorType, Origin
from portal.directory.configuration import with_token
from portal.directory.discovery import (
    DiscoveredOrganization,
    DiscoveredOrganizations,
    DiscoveryEmailRequest,
    MembershipType,
)
from portal.directory.email_addresses import domain_of, fold_address
from portal.directory.errors import Forbidden, NotFound
from portal.directory.ids import parse_id
from portal.directory.members import MemberChanges, MemberStatus
from portal.directory.organizations import EMAIL_OTP, MAGIC_LINK, PASSWORD, RESTRICTED, OrganizationChanges
from portal.directory.policy import ADMIN_ROLE
from portal.directory.second_factors import MfaRequired
from portal.directory.sessions import Authentication, AuthenticationFactor, Continuation, SessionTerms, SignedIn
from portal.embedded import models
from portal.embedded.audit import Caller
from portal.embedded.database.search import HoldsText
from portal.embedded.members.members import EmbeddedMembers
from portal.embedded.members.values import member_value
from portal.embedded.models.activity import PROJECT
from portal.embedded.models.email_tokens import EmailPurpose
from portal.embedded.organizations import domain_rows
from portal.embedded.organizations.organizations import EmbeddedOrganizations
from portal.embedded.passwords.resets import RESET_MINUTES
from portal.embedded.passwords.stored import change_password, require_reset
from portal.embedded.passwords.strength import check_new_password
from portal.embedded.scope import Scope, across_organizations, organization_value
from portal.embedded.second_factors.policy import has_second_factor, mfa_required, needs_second_factor, own_factors
from portal.embedded.sessions.discovery import EmbeddedDiscovery
from portal.embedded.sessions.intermediate import intermediate_session, start_intermediate_session
from portal.embedded.sessions.lifecycle import member_as_caller, stored_factors
from portal.embedded.sign_in import email_tokens, emails
from portal.embedded.sign_in.email_otps import CODE_MINUTES
from portal.embedded.sign_in.joining import activate, locked_member, locked_member_or_join
from portal.embedded.sign_in.magic_links import LINK_MINUTES
from portal.embedded.sign_in.methods import email_factor, is_enough, may_use
from portal.embedded.sign_in.outcome import signed_in_or_missing
from portal.embedded.tasks.queue import URGENT, GiveUp
from portal.mail.delivery import UndeliverableError, send_email
from portal.mail.languages import ENGLISH

# Stytch's values of stytch_token_type.
TOKEN_TYPE, RESET_TOKEN_TYPE = "discovery", "discovery_passwords"
MAX_DISCOVERED = 100  # organizations of one address, and as many that it could join
_TYPES = {
    MemberStatus.ACTIVE: MembershipType.ACTIVE_MEMBER,
    MemberStatus.PENDING: MembershipType.PENDING_MEMBER,
    MemberStatus.INVITED: MembershipType.INVITED_MEMBER,
}


class EmbeddedProjectDiscovery:
    """Implements portal.directory.discovery.ProjectDiscoveryGateway."""

    def __init__(self, origin: Origin, actor: Actor | None) -> None:
        self._origin, self._actor = origin, actor

    def request_magic_link(self, request: DiscoveryEmailRequest) -> None:
        """Have a worker email a link. Raise Invalid, TooManyRequests."""
        url = settings.PROJECT.redirect_urls.chosen("discovery", request.redirect_url)
        row = self._requested(request, EmailPurpose.MAGIC_LINK, default=LINK_MINUTES, lowest=5, highest=10_080)
        row.login_redirect_url, row.code_challenge = url, email_tokens.check_challenge(request.code_challenge)
        email_tokens.ask(row, email_discovery)

    def request_link_to(self, url: str, email_address: str, *, minutes: int) -> None:
        """Have a worker email a link to a page of the portal itself. Raise Invalid, TooManyRequests."""
        request = DiscoveryEmailRequest(email_address=email_address, minutes=minutes)
        row = self._requested(request, EmailPurpose.MAGIC_LINK, default=LINK_MINUTES, lowest=5, highest=10_080)
        row.login_redirect_url = url
        email_tokens.ask(row, email_discovery)

    def request_code(self, request: DiscoveryEmailRequest) -> None:
        """Have a worker email a code. Raise Invalid, TooManyRequests."""
        row = self._requested(request, EmailPurpose.CODE, default=CODE_MINUTES, lowest=2, highest=15)
        email_tokens.ask(row, email_discovery)

    def authenticate_magic_link(self, token: str, *, code_verifier: str) -> DiscoveredOrganizations:
        """Return what the reader of a link can choose from. Raise Unauthenticated, Invalid."""
        tokens = models.DiscoveryTokenRow.objects.all()
        row = email_tokens.link_row(tokens, token, (EmailPurpose.MAGIC_LINK,), code_verifier=code_verifier)
        with transaction.atomic():
            email_tokens.use(row, tokens, email_tokens.spent())
            return _proved(row.email_address, MAGIC_LINK)

    def authenticate_code(self, *, email_address: str, code: str) -> DiscoveredOrganizations:
        """Return what the reader of a code can choose from. Raise Unauthenticated."""
        tokens = models.DiscoveryTokenRow.objects.all()
        row = email_tokens.code_row(tokens, email_address, code)
        with transaction.atomic():
            email_tokens.use(row, tokens, email_tokens.wrong_code())
            return _proved(row.email_address, EMAIL_OTP)

    def authenticate_password(self, *, email_address: str, password: str) -> DiscoveredOrganizations:
        """Return the organizations where this password is right. Raise Unauthenticated."""
        discovered = EmbeddedDiscovery(self._origin).authenticate(email_address=email_address, password=password)
        return self.organizations(discovered.intermediate_session_token)

    def request_password_reset(self, request: DiscoveryEmailRequest) -> None:
        """Have a worker email a link to choose a password. Raise Invalid, TooManyRequests."""
        url = settings.PROJECT.redirect_urls.chosen("reset_password", request.redirect_url)
        row = self._requested(request, EmailPurpose.PASSWORD_RESET, default=RESET_MINUTES, lowest=5, highest=10_080)
        row.login_redirect_url, row.code_challenge = url, email_tokens.check_challenge(request.code_challenge)
        email_tokens.ask(row, email_discovery)

    def reset_password(self, token: str, *, password: str, code_verifier: str) -> DiscoveredOrganizations:
        """Set a password in every organization of a link's address. Raise Unauthenticated, Invalid."""
        tokens = models.DiscoveryTokenRow.objects.all()
        row = email_tokens.link_row(tokens, token, (EmailPurpose.PASSWORD_RESET,), code_verifier=code_verifier)
        check_new_password(password, email_address=row.email_address)
        encoded = make_password(password)
        with transaction.atomic():
            email_tokens.use(row, tokens, email_tokens.spent())
            changed = []
            for found in _members_of(row.email_address):
                scope = _scope_of(found.organization, self._origin)
                member = locked_member(scope, row.email_address)
                if member is not None and may_use(member, PASSWORD):
                    caller, was_active = member_as_caller(member, self._origin), member.status == MemberStatus.ACTIVE
                    activate(member, caller)
                    change_password(member, encoded, caller, is_notified=was_active)
                    changed.append(member)
            now = timezone.now()
            entered = AuthenticationFactor("password", "knowledge", now, now)
            session, token = start_intermediate_session(
                row.email_address, changed, factors=[entered], proves_address=True
            )
            return _discovered(session, token)

    def require_password_reset(self, email_address: str) -> None:
        """Let the passwords of an address no longer sign in. Raise NotFound, Forbidden."""
        if self._actor is None:
            raise Forbidden("Only the project can require this.")
        members = _members_of(email_address)
        if not members:
            raise NotFound("No organization has a member with this email address.", error_type="email_not_found")
        with transaction.atomic():
            for found in members:
                member = locked_member(_scope_of(found.organization, self._origin), email_address)
                if member is not None:
                    require_reset(member, Caller(self._actor, self._origin))

    def organizations(self, intermediate_session_token: str) -> DiscoveredOrganizations:
        """Return what a person can choose from again. Raise Unauthenticated."""
        session = intermediate_session(intermediate_session_token)
        return _discovered(session, intermediate_session_token)

    def organizations_of(self, signed_in: SignedIn) -> DiscoveredOrganizations:
        """Return the organizations whose member the holder of a session is."""
        address, factors = signed_in.member.email_address, signed_in.session.authentication_factors
        own = parse_id("organization", signed_in.organization.organization_id)
        # An admin may have given the member any address.
        is_verified = signed_in.member.email_address_verified
        members = [one for one in _members_of(address) if is_verified or one.organization_id == own]
        return DiscoveredOrganizations(address, tuple(_membership(one, factors) for one in members))

    def create_organization(
        self, intermediate_session_token: str, new: OrganizationChanges, terms: SessionTerms | None
    ) -> Authentication:
        """Create an organization with the person as its admin, and sign them in. Without terms, to the portal.

        Raise Unauthenticated, Invalid, Conflict.
        """
        if terms:
            terms.check()
        session = intermediate_session(intermediate_session_token)
        _require_unclaimed(session.email_address)
        caller = self._actor or Actor(ActorType.VISITOR)
        named = replace(new, organization_name=new.organization_name or _name_from(session.email_address))
        with transaction.atomic():
            organization = EmbeddedOrganizations(Caller(caller, self._origin)).create(named)
            scope = Scope(organization.organization_slug, self._origin, project=caller, known_organization=organization)
            admin = MemberChanges(email_address=session.email_address, roles=[ADMIN_ROLE])
            EmbeddedMembers(scope).create(admin)
            member = locked_member(scope, session.email_address)
            if member is None:
                raise NotFound("The organization was deleted in the meantime.", error_type="organization_not_found")
            _take_over(member, session)
            if session.proves_address:
                domain_rows.affiliate(member.organization_id, session.email_address)
            before = Continuation(intermediate_session_token=intermediate_session_token)
            return signed_in_or_missing(scope, member, None, terms, before)

    def _requested(
        self, request: DiscoveryEmailRequest, purpose: EmailPurpose, *, default: int, lowest: int, highest: int
    ) -> models.DiscoveryTokenRow:
        minutes = email_tokens.minutes_within(
            "discovery_expiration_minutes", request.minutes, default=default, lowest=lowest, highest=highest
        )
        origin = Origin() if self._actor else self._origin
        is_reset = purpose == EmailPurpose.PASSWORD_RESET
        name = "one-time-code" if purpose == EmailPurpose.CODE else "sign-in-link"
        return models.DiscoveryTokenRow(
            email_address=request.email_address.strip(),
            purpose=purpose,
            login_minutes=minutes,
            signup_minutes=minutes,
            locale=request.locale,
            **(
                email_tokens.reset_templates(request.template_id, request.first_template_id)
                if is_reset
                else email_tokens.templates(name, login_template_id=request.template_id)
            ),
            ip_address=origin.ip_address,
            user_agent=origin.user_agent,
        )


def exchange_intermediate_session(
    scope: Scope, intermediate_session_token: str, terms: SessionTerms | None
) -> Authentication:
    """Sign a person in to the organization that they chose, joining it if they may. Without terms, to the portal.

    The token works once, unless something is still missing. Raise Unauthenticated, NotFound, Forbidden.
    """
    if terms:
        terms.check()
    with transaction.atomic():
        session = intermediate_session(intermediate_session_token, lock=True, organization=scope.organization_id)
        find = locked_member_or_join if session.proves_address else locked_member
        member = find(scope, session.email_address)
        if member is None:
            raise _not_a_member()
        if session.proves_address:
            activate(member, member_as_caller(member, scope.origin))
        elif member.status != MemberStatus.ACTIVE or not session.members.filter(pk=member.pk).exists():
            # A password that is right in one organization opens no other.
            raise _not_a_member()
        before = Continuation(intermediate_session_token=intermediate_session_token)
        return signed_in_or_missing(scope, member, None, terms, before)


@task(priority=URGENT)
def email_discovery(_organization_id: str, token_id: str) -> None:
    """Email a link or code to any address: what its owner can enter is only shown after they proved that it is theirs."""
    tokens = models.DiscoveryTokenRow.objects.all()
    row = email_tokens.waiting(tokens, token_id)
    if row is None:
        return
    name, locale = settings.PROJECT.name, _language(row)
    if row.purpose == EmailPurpose.PASSWORD_RESET and not _members_of(row.email_address):
        email_tokens.drop(row, tokens, NotFound("Nobody has this address.", error_type="email_not_found"))
        return
    if row.purpose == EmailPurpose.CODE:
        code = email_tokens.issue_code(row, tokens, minutes=row.login_minutes)
        email = emails.code(row, code, name, locale, row.login_template_id)
    else:
        token = email_tokens.issue_link(row, tokens, minutes=row.login_minutes)
        if row.purpose == EmailPurpose.PASSWORD_RESET:
            url = with_token(row.login_redirect_url, RESET_TOKEN_TYPE, token)
            is_first = not any(one.password for one in _members_of(row.email_address))
            template_id = row.signup_template_id if is_first else row.login_template_id
            email = emails.password_reset(row, url, name, locale, template_id, has_password=True)
        else:
            url = with_token(row.login_redirect_url, TOKEN_TYPE, token)
            email = emails.magic_link(row, url, name, locale, row.login_template_id)
    try:
        send_email(email, to=row.email_address, key=str(row.pk))
    except UndeliverableError as error:
        raise GiveUp from error


def _language(row: models.DiscoveryTokenRow) -> str:
    """Return the language that was asked for, else one that a member with the address has chosen, else English."""
    chosen = [row.locale] if row.locale else [one.locale for one in _members_of(row.email_address)]
    return next(filter(None, chosen), ENGLISH)


def _scope_of(organization: models.OrganizationRow, origin: Origin) -> Scope:
    return Scope(organization.slug, origin, known_organization=organization_value(organization))


def _proved(email_address: str, auth_method: str) -> DiscoveredOrganizations:
    factor = email_factor(auth_method, email_address, PROJECT, timezone.now())
    session, token = start_intermediate_session(email_address, (), factors=[factor], proves_address=True)
    return _discovered(session, token)


def _discovered(session: models.IntermediateSessionRow, token: str) -> DiscoveredOrganizations:
    factors = stored_factors(session.factors)
    others = tuple(one for one in factors if one.type != "password")
    with_password = set(session.members.values_list("pk", flat=True))
    members = [one for one in _members_of(session.email_address) if session.proves_address or one.pk in with_password]
    found = [_membership(one, factors if one.pk in with_password else others) for one in members]
    if session.proves_address:
        found += _joinable(session.email_address, others)
    return DiscoveredOrganizations(session.email_address, tuple(found), token, session.expires_at)


def _members_of(email_address: str) -> list[models.MemberRow]:
    members = across_organizations(models.MemberRow).select_related("organization", "scim_user")
    named = members.filter(email_address_folded=fold_address(email_address), organization__deleted_at=None)
    return list(named.exclude(status=MemberStatus.DELETED).order_by("organization_id")[:MAX_DISCOVERED])


def _membership(member: models.MemberRow, factors: Sequence[AuthenticationFactor]) -> DiscoveredOrganization:
    organization, membership = organization_value(member.organization), _TYPES[MemberStatus(member.status)]
    known, is_primary_enough = own_factors(member, factors), is_enough(member, factors)
    if is_primary_enough and needs_second_factor(member) and not has_second_factor(member, known):
        return DiscoveredOrganization(
            organization, membership, member_value(member), is_authenticated=False, mfa_required=mfa_required(member)
        )
    return DiscoveredOrganization(organization, membership, member_value(member), is_primary_enough)


def _joinable(email_address: str, factors: Sequence[AuthenticationFactor]) -> Iterator[DiscoveredOrganization]:
    """Return the organizations that let people with an address join by its domain."""
    domain = domain_of(email_address)
    known = across_organizations(models.MemberRow).filter(email_address_folded=fold_address(email_address))
    open_to = models.OrganizationRow.objects.filter(
        HoldsText(F("email_allowed_domains"), Value(domain)),
        Exists(domain_rows.counting(OuterRef("pk")).filter(domain=domain)),
        settings__email_jit_provisioning=RESTRICTED,
        deleted_at=None,
    ).exclude(pk__in=known.values("organization_id"))
    for row in open_to.order_by("pk")[:MAX_DISCOVERED]:
        newcomer = models.MemberRow(organization=row)
        is_primary_enough, needs_more = is_enough(newcomer, factors), needs_second_factor(newcomer)
        yield DiscoveredOrganization(
            organization_value(row),
            MembershipType.ELIGIBLE_TO_JOIN_BY_EMAIL_DOMAIN,
            None,
            is_primary_enough and not needs_more,
            MfaRequired() if is_primary_enough and needs_more else None,
        )


def _take_over(member: models.MemberRow, session: models.IntermediateSessionRow) -> None:
    """Give a new member what the person proved: their address, or the password that was right elsewhere."""
    member.email_address_verified = session.proves_address
    known = session.members.exclude(password="").first()
    if known is not None:
        member.password = known.password
        models.IntermediateSessionMemberRow.objects.create(
            organization_id=member.organization_id, session=session, member=member
        )
    member.save(update_fields=["email_address_verified", "password"])


def _require_unclaimed(email_address: str) -> None:
    """Raise Forbidden if an organization claims the domain (Stytch: claimed_email_domains)."""
    claiming = HoldsText(KeyTransform("claimed_email_domains", "settings"), Value(domain_of(email_address)))
    if models.OrganizationRow.objects.filter(claiming, deleted_at=None).exists():
        raise Forbidden(
            "An organization claims the domain of this email address. Ask its admin for an invitation.",
            error_type="action_not_allowed_email_domain_is_claimed",
        )


def _name_from(email_address: str) -> str:
    """Return a name for an organization: the first part of the domain, which its admin can change."""
    return domain_of(email_address).split(".")[0].capitalize() or "Organization"


def _not_a_member() -> NotFound:
    return NotFound(
        "This email address belongs to no member of the organization.",
        error_type="member_does_not_exist_in_organization",
    )
