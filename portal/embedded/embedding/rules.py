"""What a ticket may ask for."""

from collections.abc import Collection
from urllib.parse import unquote

from django.conf import settings

from portal.directory.embed_origins import check_origin
from portal.directory.embedding import MAX_PATH, MAX_PERMISSIONS, NewTicket
from portal.directory.errors import Conflict, Invalid
from portal.directory.frames import EmbedArea
from portal.directory.locales import LOCALES
from portal.directory.policy import Policy

# How the paths of each area begin, below /o/<slug>/. Home has only this one.
_PREFIXES = {area: "" if area is EmbedArea.HOME else f"{area}/" for area in EmbedArea}


def require_configured() -> None:
    """Raise Conflict if this server has no host for frames."""
    if not settings.EMBED_URL:
        raise Conflict(
            "This server has no host for frames. Set EMBED_URL to an origin such as https://embed.example.com.",
            error_type="embedding_not_configured",
        )


def check_ticket(ticket: NewTicket, policy: Policy) -> None:
    """Raise Invalid with the field, the cause and the fix, unless a ticket can be created as asked."""
    _check_subject(ticket)
    _check_areas(ticket.areas)
    check_origin(ticket.parent_origin, allows_http=settings.ALLOW_HTTP, field="parent_origin")
    if ticket.permissions is not None:
        _check_permissions(ticket.permissions, policy)
    if ticket.locale not in LOCALES:
        raise _invalid("locale", f"locale must be one of {', '.join(LOCALES)}.")
    if problem := path_problem(ticket.path, ticket.areas):
        raise _invalid("path", problem)


def check_registered(parent_origin: str, registered: Collection[str]) -> None:
    """Raise Invalid unless pages of an origin may embed the portal."""
    if parent_origin not in registered:
        raise Invalid(
            f"{parent_origin} isn't a registered origin. Register it with embed.origins.add, or list it under [embed] in "
            "PROJECT_FILE.",
            field="parent_origin",
            error_type="embed_origin_not_registered",
        )


def path_problem(path: str, areas: Collection[EmbedArea]) -> str:
    """Return why a frame can't start at a path, "" if it can."""
    if len(path) > MAX_PATH:
        return f"path must have at most {MAX_PATH} characters."
    if not path.isascii() or not path.isprintable() or any(one in path for one in ' \\#"<>'):
        return (
            "path must be a path and query as in a URL. Encode other characters with %, and leave out the part after #."
        )
    page, _, _ = path.partition("?")
    decoded = unquote(page)
    if page.startswith("/") or "//" in decoded or "\\" in decoded or not decoded.isprintable():
        return 'path must be below /o/<slug>/ and without "//", such as "scim/groups/".'
    if not {".", ".."}.isdisjoint(decoded.split("/")):
        return 'path must not have the parts "." and "..".'
    if path and not any(_is_of(page, area) for area in areas):
        listed = ", ".join(f'"{_PREFIXES[area]}"' for area in areas)
        return f"path must belong to one of the areas, so it begins with {listed}."
    return ""


def _check_subject(ticket: NewTicket) -> None:
    if bool(ticket.member_id) == bool(ticket.session_token):
        raise _invalid(
            "member_id", "Send exactly one of member_id, session_token and session_jwt. It says who uses the frame."
        )
    if ticket.shares_lifetime and not ticket.session_token:
        raise _invalid(
            "shares_lifetime", "shares_lifetime needs session_token or session_jwt, the session to end together with."
        )


def _check_areas(areas: Collection[EmbedArea]) -> None:
    if not areas:
        raise _invalid("areas", f"areas must have at least one of {', '.join(EmbedArea)}.")
    if len(set(areas)) < len(areas):
        raise _invalid("areas", "areas must have each area once.")


def _check_permissions(permissions: Collection[str], policy: Policy) -> None:
    if not 1 <= len(permissions) <= MAX_PERMISSIONS:
        raise _invalid(
            "permissions",
            f"permissions must have 1 to {MAX_PERMISSIONS} entries. Leave it out for all that the member has.",
        )
    for permission in permissions:
        resource_id, _, action = permission.partition(":")
        resource = policy.resources.get(resource_id)
        if resource is None or action not in resource.actions:
            raise _invalid(
                "permissions",
                f'permissions has "{permission[:100]}", which isn\'t a permission. Use "resource:action" as rbac.policy lists '
                "them, without *.",
            )


def _is_of(page: str, area: EmbedArea) -> bool:
    return page == "" if area is EmbedArea.HOME else page.startswith(_PREFIXES[area])


def _invalid(field: str, detail: str) -> Invalid:
    return Invalid(detail, field=field, error_type="invalid_embed_ticket")
