"""What the JSON API asks of a directory beyond what the portal's pages do.

Only the embedded directory has it: with Stytch, the SDKs talk to Stytch itself (docs/decisions/0013).
"""

from typing import Protocol

from portal.directory.gateway import Directory
from portal.directory.types import Actor, SignedIn


class ProjectDirectory(Directory, Protocol):
    """One organization's directory, as the project itself or as a member whose session a product holds."""

    def acting_as(self, signed_in: SignedIn) -> "ProjectDirectory":
        """Return the same organization's directory, with every further call made by this member."""
        ...


class Project(Protocol):
    """The project: what SDKs name when they call, and the organizations that belong to it."""

    def admit(self, project_id: str, secret: str) -> Actor:
        """Return who calls by a secret of the project, and note its use. Raises Unauthenticated, whatever was wrong."""
        ...

    def admit_browser(self, public_token: str) -> None:
        """Let a browser name the project. Raises Unauthenticated."""
        ...

    def open(self, organization_id: str, caller: Actor) -> ProjectDirectory:
        """Return an organization's directory by its id or slug. Raises NotFound."""
        ...

    def open_session(self, session_token: str) -> ProjectDirectory:
        """Return the directory of a session's organization, acting as its member. Raises Unauthenticated."""
        ...
