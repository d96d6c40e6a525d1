"""URLs of the organization's settings.

Every member can see the settings, as in Stytch's portal. Changing one needs the permission of its field.
"""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.directory.permissions import Permission
from portal.pages.settings import (
    allowed_domains,
    appearance,
    danger,
    domains,
    embedding_urls,
    general,
    joining,
    logo,
    review_methods,
    role_urls,
    session_limits,
    sign_in,
)

app_name = "settings"

urlpatterns = [
    route("", general.general, name="general", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
    route("appearance/", appearance.appearance, name="appearance", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
    route("sign-in/", sign_in.sign_in, name="sign-in", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
    route(
        "sign-in/review/",
        review_methods.review,
        name="review-methods",
        allow=Permission.AUTH_METHODS,
        methods=("GET", "POST"),
    ),
    route(
        "sign-in/sessions/",
        session_limits.session_limits,
        name="session-limits",
        allow=Permission.AUTH_METHODS,
        methods=("GET", "POST"),
    ),
    route("joining/", joining.joining, name="joining", allow=Audience.SIGNED_IN),
    route("joining/invites/", joining.invites, name="invites", allow=Permission.EMAIL_INVITES, methods=("GET", "POST")),
    route("joining/join/", joining.join, name="join", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
    route("domains/", domains.domains, name="domains", allow=Audience.SIGNED_IN),
    route(
        "domains/add/",
        domains.add,
        name="add-domain",
        allow=Permission.ALLOWED_DOMAINS,
        methods=("GET", "POST"),
    ),
    route(
        "domains/allowed/",
        allowed_domains.change,
        name="allowed-domains",
        allow=Permission.ALLOWED_DOMAINS,
        methods=("POST",),
    ),
    route("domains/<str:domain_id>/", domains.domain, name="domain", allow=Audience.SIGNED_IN),
    route(
        "domains/<str:domain_id>/check/",
        domains.check,
        name="check-domain",
        allow=Permission.ALLOWED_DOMAINS,
        methods=("POST",),
    ),
    route(
        "domains/<str:domain_id>/code/",
        domains.send_code,
        name="domain-code",
        allow=Permission.ALLOWED_DOMAINS,
        methods=("POST",),
    ),
    route(
        "domains/<str:domain_id>/code/enter/",
        domains.enter_code,
        name="enter-domain-code",
        allow=Permission.ALLOWED_DOMAINS,
        methods=("POST",),
    ),
    route(
        "domains/<str:domain_id>/remove/",
        domains.remove,
        name="remove-domain",
        allow=Permission.ALLOWED_DOMAINS,
        methods=("GET", "POST"),
    ),
    route("logo/", logo.change, name="logo", allow=Permission.ORGANIZATION_LOGO, methods=("GET", "POST")),
    route(
        "sign-everyone-out/",
        danger.sign_everyone_out,
        name="sign-everyone-out",
        allow=Permission.MEMBER_SESSIONS,
        methods=("GET", "POST"),
    ),
    route("delete/", danger.delete, name="delete", allow=Permission.ORGANIZATION_DELETE, methods=("GET", "POST")),
    *role_urls.urlpatterns,
    *embedding_urls.urlpatterns,
]
