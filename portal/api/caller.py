"""Who sends a request to the API, and which organization it is about."""

from dataclasses import dataclass

from portal.directory.actor import Actor, Origin
from portal.directory.project import Project, ProjectDirectory
from portal.directory.sessions import SignedIn


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller whose credentials were verified.

    `actor` is the secret of a backend; None for browsers and for endpoints without credentials. `signed_in` is the member
    on whose behalf the request is made: their permissions were checked, and `opened` is their organization's directory.
    """

    project: Project
    origin: Origin
    actor: Actor | None = None
    signed_in: SignedIn | None = None
    opened: ProjectDirectory | None = None

    @property
    def directory(self) -> ProjectDirectory:
        """The organization's directory. Raise LookupError for an endpoint that isn't about an organization."""
        if self.opened is None:
            raise LookupError("This endpoint isn't about an organization.")
        return self.opened
