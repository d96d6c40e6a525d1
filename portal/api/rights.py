"""The permissions that a request on behalf of a member needs. The project itself needs none."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from portal.api.errors.responses import ApiError
from portal.directory.authority import Authority
from portal.directory.policy import Policy
from portal.directory.sessions import SignedIn

_SELF = "stytch.self"


@dataclass(frozen=True, slots=True)
class Rights:
    """The actions on a resource that a request needs: always `action`, and those of `fields` for each field it sends.

    A request that sends none of the `fields` still needs one of their actions, because the response shows them all.
    `response` is the action that reading the response needs; it's checked before anything changes.

    With `or_self`, the same action on `stytch.self` is enough if `member_id` is the signed-in member's own or is left out.
    Only actions that `stytch.self` lists count, although every member has "*" on it: members can't give themselves roles.
    Only the project itself can set the fields in `never`.
    """

    resource: str
    action: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    response: str = ""
    or_self: bool = False
    never: Collection[str] = ()

    @property
    def always(self) -> tuple[str, ...]:
        """The permissions that every request needs."""
        return tuple(f"{self.resource}:{action}" for action in (self.action, self.response) if action)

    def check(self, request: msgspec.Struct, signed_in: SignedIn, policy: Policy) -> None:
        """Raise ApiError unless the member's roles allow the request."""
        for name in self.never:
            if getattr(request, name, None) is not None:
                raise ApiError("session_authorization_error", f"{name} can only be set without a member session.")
        authority = Authority.of(policy, signed_in.session)
        is_own = self.or_self and _is_own(request, signed_in)
        of_own = policy.resources[_SELF].actions if is_own else ()
        for alternatives in self._needed(request):
            permissions = [f"{self.resource}:{action}" for action in alternatives]
            permissions += [f"{_SELF}:{action}" for action in alternatives if action in of_own]
            if not any(authority.allows(permission) for permission in permissions):
                raise ApiError(
                    "session_authorization_error",
                    f"The roles of the member do not grant {' or '.join(permissions)}.",
                )

    def _needed(self, request: msgspec.Struct) -> Iterator[Collection[str]]:
        """Yield the actions that are needed; one of each collection is enough."""
        yield from ([action] for action in (self.action, self.response) if action)
        given = [action for name, action in self.fields.items() if getattr(request, name, None) is not None]
        if self.fields and not given:
            yield list(dict.fromkeys(self.fields.values()))
        yield from ([action] for action in given)


def _is_own(request: msgspec.Struct, signed_in: SignedIn) -> bool:
    return getattr(request, "member_id", "") in {"", signed_in.member.member_id, signed_in.member.external_id}
