"""URLs of embedding: origins and tickets."""

from portal.access.routing import route
from portal.directory.permissions import Permission
from portal.pages.settings import embedding

urlpatterns = [
    route("embedding/", embedding.embedding, name="embedding", allow=Permission.EMBEDDING_GET),
    route(
        "embedding/origins/add/",
        embedding.add_origin,
        name="add-origin",
        allow=Permission.EMBEDDING_UPDATE,
        methods=("GET", "POST"),
    ),
    route(
        "embedding/origins/remove/",
        embedding.remove_origin,
        name="remove-origin",
        allow=Permission.EMBEDDING_UPDATE,
        methods=("GET", "POST"),
    ),
    route(
        "embedding/tickets/<str:ticket_id>/revoke/",
        embedding.revoke_ticket,
        name="revoke-ticket",
        allow=Permission.EMBEDDING_UPDATE,
        methods=("POST",),
    ),
]
