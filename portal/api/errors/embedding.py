"""Error types of embedding, which Stytch doesn't have."""

from http import HTTPStatus

from portal.api.errors.error_type import ErrorType

_BAD, _NOT_FOUND = HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND

EMBEDDING_ERROR_TYPES: dict[str, ErrorType] = {
    "embedding_not_configured": ErrorType(
        _BAD,
        "The server has no host for frames.",
        "Set EMBED_URL to an origin with a host of its own, such as https://embed.example.com.",
    ),
    "invalid_embed_ticket": ErrorType(
        _BAD,
        "A field of the ticket has a value that isn't allowed. The message names it.",
        "Correct the field. docs/embed.md has every field with an example.",
    ),
    "invalid_embed_origin": ErrorType(
        _BAD,
        "The value isn't an exact origin, or the organization has 20 already.",
        "Send https:// and a host, with a port only if it isn't 443: no path, no wildcard, in lower case. Register each "
        "origin on its own.",
    ),
    "embed_origin_not_registered": ErrorType(
        _BAD,
        "Pages of this origin may not embed the portal of the organization.",
        "Register it with embed.origins.add, or list it under [embed] in PROJECT_FILE.",
    ),
    "embed_origin_already_registered": ErrorType(
        _BAD, "The origin is registered already, for the organization or for the project.", "Nothing needs to be done."
    ),
    "embed_origin_not_found": ErrorType(
        _NOT_FOUND,
        "The organization has no such origin.",
        "Compare it with own_origins of embed.origins.get. Those of the project are in PROJECT_FILE.",
    ),
    "embed_ticket_not_found": ErrorType(
        _NOT_FOUND,
        "The organization has no ticket with this ID, or it's more than a day old.",
        "Compare ticket_id with embed.tickets.list.",
    ),
    "embed_tickets_for_backends_only": ErrorType(
        HTTPStatus.FORBIDDEN,
        "A member session was sent along, but only the product's backend itself can create tickets.",
        "Leave the headers with the member session out, and send session_token or session_jwt in the body.",
    ),
}
