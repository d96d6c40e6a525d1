"""What a member's roles must grant for a call on their behalf. The project itself may do everything."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from portal.api.errors import ApiError
from portal.directory.policy import Policy
from portal.directory.types import SignedIn

_SELF = "stytch.self"


@dataclass(frozen=True, slots=True)
class Rights:
    """The actions on a resource that a call needs: `action` in any case, those of `fields` where the field is given.

    With `or_self`, the same action on `stytch.self` is as good where the call is about the member's own `member_id`, or
    about none; only what that resource has as an action, though its "*" is everybody's: nobody gives themselves roles.
    Nobody's roles allow `never`: these only the project itself may give.
    """

    resource: str
    action: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    or_self: bool = False
    never: Collection[str] = ()

    def check(self, request: msgspec.Struct, signed_in: SignedIn, policy: Policy) -> None:
        """Raise ApiError unless the member's roles allow the call."""
        for name in self.never:
            if getattr(request, name, None) is not None:
                raise ApiError("session_authorization_error", f"{name} can only be set without a member session.")
        is_own = self.or_self and _is_own(request, signed_in)
        for action in self._actions(request):
            may_be_own = is_own and action in policy.resources[_SELF].actions
            resources = (self.resource, _SELF) if may_be_own else (self.resource,)
            permissions = [f"{resource}:{action}" for resource in resources]
            if not any(policy.allows(signed_in.session.roles, permission) for permission in permissions):
                raise ApiError(
                    "session_authorization_error",
                    f"The member's roles do not grant the action {action} on {' or '.join(resources)}.",
                )

    def _actions(self, request: msgspec.Struct) -> Iterator[str]:
        if self.action:
            yield self.action
        for name, action in self.fields.items():
            if getattr(request, name, None) is not None:
                yield action


def _is_own(request: msgspec.Struct, signed_in: SignedIn) -> bool:
    return getattr(request, "member_id", "") in {"", signed_in.member.member_id, signed_in.member.external_id}
