"""What a member's roles must grant for a call on their behalf. The project itself may do everything."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from portal.api.errors.responses import ApiError
from portal.directory.policy import Policy
from portal.directory.sessions import SignedIn

_SELF = "stytch.self"


@dataclass(frozen=True, slots=True)
class Rights:
    """The actions on a resource that a request needs: `action` in any case, those of `fields` where the field is given.

    A request that gives none of the `fields` needs one of their actions all the same: its response shows what it leaves
    as it is. `answer` is the action that showing the response needs: it's checked before anything changes.

    With `or_self`, the same action on `stytch.self` is as good where the request is about the member's own `member_id`, or
    about none. Only actions that this resource lists count, though its "*" is every member's: no one gives themselves
    roles. No role allows `never`: only the project itself may set these.
    """

    resource: str
    action: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    answer: str = ""
    or_self: bool = False
    never: Collection[str] = ()

    @property
    def always(self) -> tuple[str, ...]:
        """The permissions that every request needs."""
        return tuple(f"{self.resource}:{action}" for action in (self.action, self.answer) if action)

    def check(self, request: msgspec.Struct, signed_in: SignedIn, policy: Policy) -> None:
        """Raise ApiError unless the member's roles allow the request."""
        for name in self.never:
            if getattr(request, name, None) is not None:
                raise ApiError("session_authorization_error", f"{name} can only be set without a member session.")
        is_own = self.or_self and _is_own(request, signed_in)
        of_own = policy.resources[_SELF].actions if is_own else ()
        for alternatives in self._needed(request):
            permissions = [f"{self.resource}:{action}" for action in alternatives]
            permissions += [f"{_SELF}:{action}" for action in alternatives if action in of_own]
            if not any(policy.allows(signed_in.session.roles, permission) for permission in permissions):
                raise ApiError(
                    "session_authorization_error",
                    f"The member's roles don't grant {' or '.join(permissions)}.",
                )

    def _needed(self, request: msgspec.Struct) -> Iterator[Collection[str]]:
        """Yield what is needed; of each collection of actions, one is enough."""
        yield from ([action] for action in (self.action, self.answer) if action)
        given = [action for name, action in self.fields.items() if getattr(request, name, None) is not None]
        if self.fields and not given:
            yield list(dict.fromkeys(self.fields.values()))
        yield from ([action] for action in given)


def _is_own(request: msgspec.Struct, signed_in: SignedIn) -> bool:
    return getattr(request, "member_id", "") in {"", signed_in.member.member_id, signed_in.member.external_id}
