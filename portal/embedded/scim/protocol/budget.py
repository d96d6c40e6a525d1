"""How much computing one request may cause, beyond what its size alone allows."""

from dataclasses import dataclass, field

from django.conf import settings

from portal.embedded.scim.protocol.errors import TooLarge

_CHARACTERS = 8  # of a path that cost about as much to read as a comparison


def _whole() -> int:
    return int(settings.SCIM_MAX_COMPARISONS)


@dataclass(slots=True)
class Budget:
    """The comparisons of values that are left to a request: operations × terms of their filters × elements."""

    left: int = field(default_factory=_whole)

    def spend(self, comparisons: int) -> None:
        """Take comparisons out of the budget before they are made. Raises TooLarge."""
        self.left -= comparisons
        if self.left < 0:
            raise TooLarge(
                f"The operations take more than {settings.SCIM_MAX_COMPARISONS} comparisons of values; send them in parts."
            )

    def spend_on_path(self, path: str) -> None:
        """Take what reading a path costs. Raises TooLarge."""
        self.spend(1 + len(path) // _CHARACTERS)
