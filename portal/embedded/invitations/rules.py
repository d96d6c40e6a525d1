"""Who may be invited: the same rules for one person, for the check of a list, and when its job comes to a line."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from portal.directory.bulk_invitations import DraftLine, LineState
from portal.directory.email_addresses import domain_of, fold_address
from portal.directory.errors import Conflict, DirectoryError, Forbidden, Invalid
from portal.directory.locales import known_locale
from portal.directory.members import FIELD_ACTIONS, RESOURCE, MemberStatus
from portal.directory.organizations import ALL_ALLOWED, MAGIC_LINK, NOT_ALLOWED, PASSWORD
from portal.directory.policy import MEMBER_ROLE, role_name
from portal.embedded import models
from portal.embedded.database.integrity import is_text
from portal.embedded.invitations.records import WAITING
from portal.embedded.organizations import domain_rows
from portal.embedded.scope import Scope

MAX_ADDRESS, MAX_NAME, MAX_ROLES = 254, 256, 100
# Addresses that one query looks for.
_LOOKED_UP = 500


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a person can be invited, and why not."""

    state: LineState = LineState.READY
    reason: str = ""

    def check(self) -> None:
        """Raise the error that says why a person can't be invited, if so."""
        if self.state is not LineState.READY:
            error, field = _ERRORS.get(self.state, (Conflict, "email_address"))
            raise error(self.reason, field=field)


_ERRORS: Mapping[LineState, tuple[type[DirectoryError], str]] = {
    LineState.INVALID: (Invalid, "email_address"),
    LineState.NOT_ALLOWED: (Forbidden, "email_address"),
    LineState.ROLE: (Forbidden, "roles"),
}
_READY = Verdict()


def obstacle(scope: Scope) -> str:
    """Return why nobody can be invited to the organization, "" if people can be."""
    organization = scope.organization
    name = organization.organization_name
    if not settings.EMAIL_IS_SET_UP:
        return "Email isn’t configured on this server, so invitations can’t be sent."
    if organization.settings.email_invites == NOT_ALLOWED:
        return f"{name} doesn’t allow inviting people."
    if not (leads_to_product(scope) or organization.settings.allows(PASSWORD)):
        return f"{name} doesn’t let people sign in with a link or a password, so they couldn’t accept an invitation."
    return ""


def leads_to_product(scope: Scope) -> bool:
    """Say whether the link of an invitation leads to the product. Otherwise it leads to the portal, to choose a password."""
    return bool(settings.PROJECT.redirect_urls.invite) and scope.organization.settings.allows(MAGIC_LINK)


def check_address(scope: Scope, email_address: str) -> None:
    """Raise Forbidden if the organization doesn't let an address be invited now."""
    blocked = _of_domain(scope, DraftLine(1, email_address), obstacle(scope), _allowed_domains(scope))
    (blocked or _READY).check()


def grantable_roles(scope: Scope) -> tuple[str, ...]:
    """Return the roles whose every permission the acting member has, if they may assign roles at all."""
    if not _may_assign(scope):
        return ()
    return tuple(one for one in scope.policy.roles if one != MEMBER_ROLE and _may_grant(scope, one))


def verdict(scope: Scope, line: DraftLine) -> Verdict:
    """Return whether one person can be invited."""
    (only,) = verdicts(scope, [line])
    return only


def verdicts(scope: Scope, lines: Sequence[DraftLine]) -> list[Verdict]:
    """Return whether each person of a list can be invited. Of several lines with one address, the first counts."""
    blocked, allowed_domains = obstacle(scope), _allowed_domains(scope)
    existing = _existing(scope, [line.email_address for line in lines if not line.problem])
    seen: dict[str, int] = {}
    found = []
    for line in lines:
        one = _of_line(line) or _of_domain(scope, line, blocked, allowed_domains)
        folded = "" if one and one.state is LineState.INVALID else fold_address(line.email_address)
        one = one or existing.get(folded) or _of_roles(scope, line) or _READY
        if folded and folded in seen:
            one = Verdict(LineState.DUPLICATE, f"The same address as in line {seen[folded]}.")
        elif folded:
            seen[folded] = line.number
        found.append(one)
    return found


def _of_line(line: DraftLine) -> Verdict | None:
    """Return what is wrong with a line by itself."""
    address = line.email_address
    problems = (
        (bool(line.problem), line.problem),
        (not address, "The email address is missing."),
        (not (is_text(address) and is_text(line.name)), "It contains characters that can’t be stored."),
        (len(address) > MAX_ADDRESS or not _is_address(address), "This isn’t a valid email address."),
        (len(line.name) > MAX_NAME, f"The name is longer than {MAX_NAME} characters."),
        (not known_locale(line.locale or "en"), f"Emails aren’t available in the language “{line.locale[:20]}”."),
        (len(line.roles) > MAX_ROLES, f"There are more than {MAX_ROLES} roles."),
    )
    problem = next((said for is_one, said in problems if is_one), "")
    return Verdict(LineState.INVALID, problem) if problem else None


def _of_domain(scope: Scope, line: DraftLine, blocked: str, allowed: Collection[str] | None) -> Verdict | None:
    """Return why the organization doesn't let an address be invited (Stytch: email_invites)."""
    if blocked:
        return Verdict(LineState.NOT_ALLOWED, blocked)
    if allowed is not None and domain_of(line.email_address) not in allowed:
        name = scope.organization.organization_name
        return Verdict(LineState.NOT_ALLOWED, f"{name} only lets people with certain email domains be invited.")
    return None


def _of_roles(scope: Scope, line: DraftLine) -> Verdict | None:
    """Return which role the acting member can't give, or doesn't exist."""
    for role_id in line.roles:
        if role_id not in scope.policy.roles:
            return Verdict(LineState.INVALID, f"The role “{role_id[:64]}” doesn’t exist.")
    given = [one for one in line.roles if one != MEMBER_ROLE]
    if given and not _may_assign(scope):
        return Verdict(LineState.ROLE, "Your roles don’t let you assign roles.")
    for role_id in given:
        if not _may_grant(scope, role_id):
            reason = f"The role {role_name(role_id)} has permissions that you don’t have."
            return Verdict(LineState.ROLE, reason)
    return None


def _allowed_domains(scope: Scope) -> Collection[str] | None:
    """Return the domains to which invitations are limited, proved ones only; None if they aren't limited."""
    organization = scope.organization
    if organization.settings.email_invites == ALL_ALLOWED:
        return None
    return domain_rows.counting_among(scope.organization_id, organization.email_allowed_domains)


def _existing(scope: Scope, addresses: Sequence[str]) -> Mapping[str, Verdict]:
    """Return by folded address which people have a member already. This takes one query for 500 addresses."""
    folded = sorted({fold_address(one) for one in addresses if one and len(one) <= MAX_ADDRESS and is_text(one)})
    found: dict[str, Verdict] = {}
    for start in range(0, len(folded), _LOOKED_UP):
        members = scope.of(models.MemberRow).filter(email_address_folded__in=folded[start : start + _LOOKED_UP])
        values = members.values_list("email_address_folded", "status", "email_address_verified").order_by()
        for address, status, is_verified in values:
            if (one := _of_status(status, is_verified=is_verified)) and (
                address not in found or status != MemberStatus.DELETED
            ):
                found[address] = one
    return found


def _of_status(status: str, *, is_verified: bool) -> Verdict | None:
    if status == MemberStatus.ACTIVE:
        return Verdict(LineState.MEMBER, "Already a member.")
    if status in WAITING:
        return Verdict(LineState.INVITED, "Already invited. You can send the invitation again.")
    # A revoked invitation leaves a deleted member, who never had access and can be invited again.
    return Verdict(LineState.DEACTIVATED, "Deactivated. Reactivate the member instead.") if is_verified else None


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _may_assign(scope: Scope) -> bool:
    return scope.signed_in is None or scope.allows(f"{RESOURCE}:{FIELD_ACTIONS['roles']}")


def _may_grant(scope: Scope, role_id: str) -> bool:
    return scope.may_grant([role_id])
