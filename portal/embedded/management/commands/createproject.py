"""`manage.py createproject`."""

from typing import Any

from portal.directory.actor import Origin
from portal.embedded import operator
from portal.embedded.management.operator_command import Answer, OperatorCommand


class Command(OperatorCommand):
    """Make the project's secret for calls of a backend, and show it this once; again makes a further secret."""

    help = __doc__

    def carry_out(self, origin: Origin, **_: Any) -> Answer:
        """Make the secret."""
        new = operator.create_project_secret(origin=origin)
        return Answer(
            {"project_id": new.project_id, "secret": new.secret, "public_token": new.public_token},
            f"Project:       {new.project_id}\n"
            f"Secret:        {new.secret}\n"
            f"Public token:  {new.public_token}\n"
            "The secret is shown this once. Earlier secrets stay good.",
        )
