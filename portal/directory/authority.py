"""What the holder of a session may do: the one place where roles and the ticket of a frame meet."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from portal.directory.frames import Embedding
from portal.directory.policy import ADMIN_ROLE, MEMBER_ROLE, WILDCARD, Policy
from portal.directory.sessions import MemberSession


@dataclass(frozen=True, slots=True)
class Authority:
    """The permissions that roles grant, and in a frame only those of them that its ticket allows."""

    policy: Policy
    roles: Collection[str]
    embedding: Embedding | None = None

    @classmethod
    def of(cls, policy: Policy, session: MemberSession) -> "Authority":
        """Return the authority of a session."""
        return cls(policy, session.roles, session.embedding)

    def allows(self, permission: str) -> bool:
        """Say whether the holder may use `resource:action`."""
        return self.policy.allows(self.roles, permission) and self._frame_allows(permission)

    def may_grant(self, role_ids: Iterable[str]) -> bool:
        """Say whether the holder may give the roles to members (`Policy.may_grant`). No frame grants more than it allows."""
        role_ids = list(role_ids)
        return self.policy.may_grant(self.roles, role_ids) and all(
            self._frame_allows_all(resource_id, action)
            for role_id in role_ids
            # Every member has this role, so it can't be granted.
            if role_id in self.policy.roles and role_id != MEMBER_ROLE
            for resource_id, actions in self.policy.roles[role_id].permissions.items()
            for action in actions
        )

    def may_put_into_role(self, resource_id: str, action: str) -> bool:
        """Say whether the holder may add a permission to a role. Admins may add all, in a frame only those that it allows."""
        has_it = ADMIN_ROLE in self.roles or self.policy.allows(self.roles, f"{resource_id}:{action}")
        return has_it and self._frame_allows_all(resource_id, action)

    def _frame_allows(self, permission: str) -> bool:
        return self.embedding is None or self.embedding.allows(permission)

    def _frame_allows_all(self, resource_id: str, action: str) -> bool:
        """Say whether the ticket allows an action, or each that `*` means."""
        if self.embedding is None:
            return True
        resource = self.policy.resources.get(resource_id)
        actions = resource.actions if action == WILDCARD and resource else (action,)
        return all(self.embedding.allows(f"{resource_id}:{one}") for one in actions)
