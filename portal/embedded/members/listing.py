"""The organization's members as its admins see them: a list by email address, and one with sessions and sources of roles."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

import msgspec
from django.db.models import BooleanField, Exists, F, Func, Max, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import RawSQL
from django.utils import timezone

from portal.directory.email_addresses import fold_address
from portal.directory.frames import Embedding
from portal.directory.ids import parse_id, public_id
from portal.directory.members import (
    RESOURCE,
    Helper,
    ListedMember,
    Member,
    MemberDetails,
    MemberFilter,
    MemberManager,
    MemberState,
    MemberStatus,
    SessionSummary,
    SignInMethod,
)
from portal.directory.pages import Page, check_limit
from portal.directory.permissions import Permission
from portal.directory.scim.connection import ScimConnectionStatus, ScimIdentityProvider
from portal.embedded import models
from portal.embedded.database import keyset
from portal.embedded.database.integrity import is_text
from portal.embedded.database.name_search import candidates, name_search
from portal.embedded.members.roles import GroupGrant, group_grants
from portal.embedded.members.search import has_any_role
from portal.embedded.members.values import member_value, no_member, with_details
from portal.embedded.scope import Scope
from portal.embedded.sessions import limits

_MAX_SESSIONS = 20
# Members that a search reads at first.
_FIRST = 1_000
_ORDER = ("email_address_folded", "pk")
_LAST_KEY = UUID(int=2**128 - 1)
_REVOKE_SESSIONS = f"{RESOURCE}:revoke-sessions"

# With a password and without one, as it is stored.
_NO_PASSWORD = Q(password="")
_SIGN_IN: Mapping[SignInMethod, Q] = {
    SignInMethod.PASSWORD: ~_NO_PASSWORD,
    SignInMethod.PASSKEY: Q(passkey_count__gt=0),
    SignInMethod.NONE: _NO_PASSWORD & Q(passkey_count=0),
}
_HAS_PHONE = Q(mfa_phone_number_verified=True) & ~Q(mfa_phone_number="")
_SECOND_FACTOR = Q(totp_id__isnull=False) | Q(passkey_count__gt=0) | _HAS_PHONE

Rows = QuerySet[models.MemberRow]


def page(scope: Scope, wanted: MemberFilter, *, cursor: str, limit: int) -> Page[ListedMember]:
    """Return a page of members by email address. Raise Invalid, InvalidCursor, Forbidden."""
    scope.require(Permission.MEMBER_SEARCH)
    check_limit(limit)
    keys = keyset.Keyset("members", scope.organization_id, wanted)
    in_order = _in_order(scope, is_deactivated=wanted.state is MemberState.DEACTIVATED)
    if cursor:
        in_order = in_order.filter(_after(*keys.key(cursor)))
    bound = None
    # These are whole indexes. Of any other list, a bounded number of members is read.
    if wanted not in {MemberFilter(), MemberFilter(state=MemberState.DEACTIVATED)}:
        found, bound = _search(scope, in_order, wanted, limit)
        in_order = in_order.filter(pk__in=[key for _, key in found])
    rows = list(_whole(in_order)[: limit + 1])
    result = keys.page(rows, limit=limit, key=lambda row: [row.email_address_folded, str(row.pk)], searched_to=bound)
    return Page(_values(scope, result.items), result.next_cursor)


def helpers(scope: Scope, role_ids: Sequence[str], *, limit: int) -> tuple[Helper, ...]:
    """Return active members who have one of the roles, by email address; none from beyond what a search reads."""
    rows = _in_order(scope, is_deactivated=False)
    has_role = Q(status=MemberStatus.ACTIVE) & has_any_role(role_ids, [scope.organization])
    for size in _windows():
        bound = _bound(rows, size)
        named = _up_to(rows, bound).filter(has_role).values_list("name", "email_address")[:limit]
        found = tuple(Helper(*one) for one in named)
        if bound is None or len(found) == limit:
            break
    return found


def details(scope: Scope, member_id: str) -> MemberDetails:
    """Return a member with the names of the groups that grant roles, and with sessions. Raise NotFound, Forbidden."""
    is_own = scope.signed_in is not None and scope.signed_in.member.member_id == member_id
    if not is_own:
        scope.require(Permission.MEMBER_SEARCH)
    row = _whole(scope.of(models.MemberRow)).filter(pk=parse_id("member", member_id)).first()
    if row is None:
        raise no_member()
    (listed,) = _values(scope, [row])
    return MemberDetails(listed, _group_names(scope, listed.member), _sessions(scope, row, is_own=is_own))


def _whole(rows: Rows) -> Rows:
    """Select with members what is shown of them, and none of an organization that was deleted in the meantime."""
    return with_details(rows).filter(organization__deleted_at=None)


def _in_order(scope: Scope, *, is_deactivated: bool) -> Rows:
    """Return the members who are deactivated, or the others, by email address. A deactivated one's can be another's, too."""
    rows = scope.of(models.MemberRow).order_by(*_ORDER)
    # Repeat the conditions of partial indexes literally: a planner can't derive them from parameters.
    deleted = RawSQL(f"'{MemberStatus.DELETED}'", ())  # noqa: S611 -- a constant
    return rows.filter(status=deleted) if is_deactivated else rows.exclude(status=deleted)


def _search(
    scope: Scope, in_order: Rows, wanted: MemberFilter, limit: int
) -> tuple[Sequence[tuple[str, UUID]], list[str] | None]:
    """Return the keys of the members of a page and the one after, and the key after which the next page begins, None at the end.

    If many members meet the conditions, enough are among the first thousand of the list. If few do, an index finds them by a
    word. Else more of the list is read, step by step: a planner doesn't know how much that will be.
    """
    matching = partial(_matching, scope, wanted=wanted)
    for size in _windows():
        bound = _bound(in_order, size)
        found = _keys(matching(_up_to(in_order, bound)), limit)
        if bound is None or len(found) > limit:
            break
        few = _candidates(scope, wanted.text) if size == _FIRST else None
        if few is not None:
            found, bound = _keys(matching(in_order.filter(pk__in=few)), limit), None
            break
    if len(found) > limit:
        # Not the end of what was read: a member may be deleted before the page is.
        email_address, key = found[limit - 1]
        bound = [email_address, str(key)]
    return found, bound


def _keys(rows: Rows, limit: int) -> Sequence[tuple[str, UUID]]:
    return list(rows.values_list(*_ORDER)[: limit + 1])


def _windows() -> Sequence[int]:
    """Return how many members of the list are read, at first and while too few of them meet the conditions."""
    last = keyset.MAX_SEARCHED
    return (*(size for size in (_FIRST, 10 * _FIRST) if size < last), last)


def _after(email_address: str, key: str) -> Q:
    # The first condition is redundant, but it lets the planner use the index.
    same = Q(email_address_folded=email_address, pk__gt=UUID(key))
    return Q(email_address_folded__gte=email_address) & (Q(email_address_folded__gt=email_address) | same)


def _bound(rows: Rows, size: int) -> list[str] | None:
    """Return the key of the last of the first `size` members, None if these are all."""
    found = list(rows.values_list("email_address_folded", flat=True)[size - 1 : size + 1])
    return [found[0], str(_LAST_KEY)] if len(found) > 1 else None


def _up_to(rows: Rows, bound: list[str] | None) -> Rows:
    return rows.filter(email_address_folded__lte=bound[0]) if bound else rows


def _candidates(scope: Scope, text: str) -> list[UUID] | None:
    """Return the members whose name or address has the longest word, None if there are many, or no index finds it."""
    word = name_search(text).indexed_word if is_text(text) else ""
    if not word:
        return None
    members = scope.of(models.MemberRow).order_by()
    by_name = members.filter(_NameHas(F("name"), Value(f"%{_escaped(word)}%"))).values_list("pk", flat=True)
    by_address = members.filter(email_address_folded__contains=fold_address(word)).values_list("pk", flat=True)
    # More than elsewhere: what even more members have is soon found in the list.
    return candidates(by_name.union(by_address, all=True), times=5)


class _NameHas(Func):
    """Whether a name matches a pattern, in any letter case, as the trigram index of PostgreSQL finds it."""

    template = "%(expressions)s"
    arg_joiner = " ILIKE "
    output_field = BooleanField()


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _matching(scope: Scope, rows: Rows, wanted: MemberFilter) -> Rows:
    """Return the members that meet the conditions, with each word in their names or email addresses."""
    if wanted.state:
        rows = rows.filter(status__in=wanted.state.statuses)
    if wanted.role_id:
        rows = rows.filter(has_any_role([wanted.role_id], [scope.organization]))
    if wanted.sign_in:
        rows = rows.filter(_SIGN_IN[wanted.sign_in])
    if wanted.has_second_factor is not None:
        rows = rows.filter(_SECOND_FACTOR if wanted.has_second_factor else ~_SECOND_FACTOR)
    if wanted.is_managed is not None:
        users = scope.of(models.ScimUserRow).filter(
            member=OuterRef("pk"), connection__status=ScimConnectionStatus.ACTIVE
        )
        rows = rows.filter(Exists(users) if wanted.is_managed else ~Exists(users))
    if not is_text(wanted.text):
        return rows.none()
    for word in keyset.search_words(wanted.text):
        rows = rows.filter(Q(name__icontains=word) | Q(email_address_folded__contains=fold_address(word)))
    return rows


def _values(scope: Scope, rows: Sequence[models.MemberRow]) -> tuple[ListedMember, ...]:
    """Return members with their roles. This takes two queries for any number of members."""
    grants, active = group_grants(rows), _last_active(scope, [row.pk for row in rows])
    return tuple(_listed(row, grants.get(row.pk, ()), active.get(row.pk)) for row in rows)


def _listed(row: models.MemberRow, grants: Sequence[GroupGrant], last_active_at: datetime | None) -> ListedMember:
    user: models.ScimUserRow | None = getattr(row, "scim_user", None)
    manager = None
    if user and user.connection.status == ScimConnectionStatus.ACTIVE:
        provider = ScimIdentityProvider(user.connection.identity_provider)
        manager = MemberManager(user.connection.display_name, provider, public_id("scim-user", user.pk))
    return ListedMember(member_value(row, grants), manager, last_active_at)


def _last_active(scope: Scope, members: Iterable[UUID]) -> Mapping[UUID, datetime]:
    """Return when members used a session last, of the sessions that are still stored."""
    sessions = scope.of(models.MemberSessionRow).filter(member_id__in=list(members)).order_by()
    return dict(sessions.values("member_id").annotate(last=Max("last_accessed_at")).values_list("member_id", "last"))


def _group_names(scope: Scope, member: Member) -> Mapping[str, str]:
    granting = {source.details.get("group_id", "") for role in member.roles for source in role.sources} - {""}
    if not granting:
        return {}
    groups = scope.of(models.ScimGroupRow).filter(pk__in=[parse_id("scim-group", one) for one in granting])
    return {public_id("scim-group", pk): name for pk, name in groups.values_list("pk", "display_name")}


def _sessions(scope: Scope, row: models.MemberRow, *, is_own: bool) -> tuple[SessionSummary, ...] | None:
    """Return the newest live sessions, None unless they are the caller's own or the caller could revoke them."""
    if not is_own and not scope.allows(_REVOKE_SESSIONS):
        return None
    now = timezone.now()
    own = scope.of(models.MemberSessionRow).filter(member_id=row.pk, revoked_at=None, expires_at__gt=now)
    live = own.filter(limits.live(scope.organization.settings, now))
    return tuple(
        SessionSummary(
            public_id("member-session", one.pk),
            one.started_at,
            one.last_accessed_at,
            one.ip_address,
            one.user_agent,
            msgspec.convert(one.embedding, Embedding) if one.embedding is not None else None,
        )
        for one in live.order_by("-started_at")[:_MAX_SESSIONS]
    )
