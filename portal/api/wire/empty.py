"""Requests and responses without fields."""

import msgspec


class Empty(msgspec.Struct):
    """No fields: a request without arguments, or a response that is only its status."""
