"""Who calls the API, and for which organization."""

from dataclasses import dataclass

from portal.directory.actor import Actor, Origin
from portal.directory.project import Project, ProjectDirectory
from portal.directory.sessions import SignedIn


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose credentials are right.

    `caller` is the secret of a backend; None for a browser and where no credentials are asked for. `signed_in` is the
    member on whose behalf it is made; then their rights have been checked, and `opened` is their organization's directory.
    """

    project: Project
    origin: Origin
    caller: Actor | None = None
    signed_in: SignedIn | None = None
    opened: ProjectDirectory | None = None

    @property
    def directory(self) -> ProjectDirectory:
        """The organization's directory; every endpoint of an organization has one."""
        if self.opened is None:
            raise LookupError("The endpoint is of no organization.")
        return self.opened
