"""The project's RBAC policy, cached for a few minutes, and an organization's, which has its own roles in addition."""

import threading
import time
from collections.abc import Collection

import structlog

from portal.directory.errors import DirectoryError, Forbidden
from portal.directory.members import Member
from portal.directory.policy import Policy
from portal.stytch.documents import misread
from portal.stytch.http import StytchApi, path_of
from portal.stytch.scope import Scope

log = structlog.get_logger("gatehouse.stytch")
FRESH_SECONDS = 300.0
RETRY_SECONDS = 15.0


class StytchRbac:
    """The project's policy. One per process, shared by its threads."""

    def __init__(self, api: StytchApi) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._policy: Policy | None = None
        self._fetch_at = 0.0

    def policy(self) -> Policy:
        """Return the project's policy (GET /v1/b2b/rbac/policy), cached for minutes, or longer if Stytch doesn't respond."""
        known = self._policy
        if known is not None and time.monotonic() < self._fetch_at:
            return known
        # One thread fetches it. The others wait only if no policy is cached yet.
        if not self._lock.acquire(blocking=known is None) and known is not None:
            return known
        try:
            return self._refreshed()
        finally:
            self._lock.release()

    def _refreshed(self) -> Policy:
        now = time.monotonic()
        if self._policy is not None and now < self._fetch_at:
            return self._policy
        try:
            self._policy = self._fetch()
        except DirectoryError as error:
            if self._policy is None:
                raise
            log.warning("stytch_policy_outdated", stytch_request_id=error.request_id)
            self._fetch_at = now + RETRY_SECONDS
        else:
            self._fetch_at = now + FRESH_SECONDS
        return self._policy

    def _fetch(self) -> Policy:
        answer = self._api.get(path_of("rbac", "policy"))
        try:
            return Policy.from_json(answer.part("policy").fields)
        except ValueError as error:
            raise misread(f"policy: {error}", answer.request_id) from None


class StytchOrganizationRbac:
    """Implements portal.directory.rbac.RbacGateway. Without a member who is signed in, it's the project's policy alone."""

    def __init__(self, scope: Scope, project: StytchRbac) -> None:
        self._scope, self._project = scope, project

    def policy(self) -> Policy:
        """Return the project's policy with the organization's own roles, as Stytch returned them for this request."""
        signed_in = self._scope.signed_in
        return self._project.policy().with_roles(signed_in.organization.custom_roles if signed_in else ())

    def require_grantable(self, role_ids: Collection[str]) -> None:
        """Raise Forbidden if the acting member may not grant one of the roles (`Policy.may_grant`). Stytch doesn't check it."""
        signed_in = self._scope.signed_in
        if signed_in and not self.policy().may_grant(signed_in.session.roles, role_ids):
            raise Forbidden("You can only assign roles whose permissions you have yourself.", field="roles")

    def require_no_more_rights(self, member: Member) -> None:
        """Raise Forbidden if a member may do what the acting member may not (`Policy.may_grant`). Stytch doesn't check it."""
        signed_in = self._scope.signed_in
        if signed_in and not self.policy().may_grant(signed_in.session.roles, member.role_ids):
            raise Forbidden(f"{member.email_address} has permissions that you don’t have. Ask a member who has them.")
