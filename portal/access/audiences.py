"""Who may use a URL that no single permission guards."""

from enum import Enum, auto


class Audience(Enum):
    """Who may use a URL that no single permission guards."""

    ANYONE = auto()
    SIGNED_IN = auto()
    # Machines: their endpoints authenticate each request themselves, and send errors in their own format.
    # An identity provider with its bearer token.
    SCIM_CLIENT = auto()
    # A product's backend with a secret of the project.
    PROJECT = auto()
    # A product's page in a browser, with the public token and usually a session.
    SDK = auto()


MACHINES = frozenset({Audience.SCIM_CLIENT, Audience.PROJECT, Audience.SDK})
