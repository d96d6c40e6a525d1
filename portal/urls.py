"""All URLs of the portal, by area."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

handler400 = "portal.web.errors.bad_request"
handler403 = "portal.web.errors.forbidden"
handler404 = "portal.frame_host.not_found"
handler500 = "portal.web.errors.server_error"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("portal.pages.operations.urls")),
    path("", include("portal.pages.session.urls")),
    path("logos/", include("portal.pages.settings.logo_urls")),
    path("theme/", include("portal.pages.settings.theme_urls")),
    path("o/<str:organization_slug>/", include("portal.pages.home.urls")),
    path("o/<str:organization_slug>/members/", include("portal.pages.members.urls")),
    path("o/<str:organization_slug>/scim/", include("scim_admin.urls")),
    path("o/<str:organization_slug>/settings/", include("portal.pages.settings.urls")),
    path("o/<str:organization_slug>/activity/", include("portal.pages.activity.urls")),
    path("o/<str:organization_slug>/embed/", include("portal.pages.embed.urls")),
    path("o/<str:organization_slug>/account/", include("portal.pages.account.urls")),
]
if settings.DIRECTORY == "embedded":
    # With Stytch, identity providers and SDKs talk to Stytch. First, because most requests are theirs.
    urlpatterns.insert(0, path("", include("portal.scim_server.urls")))
    urlpatterns.insert(1, path("", include("portal.api.urls")))
    urlpatterns.append(path("docs/api/", include("portal.api.docs.urls")))
if settings.DEMO_INBOX:
    urlpatterns.append(path("demo/inbox/", include("portal.pages.inbox.urls")))
if settings.DEBUG:
    urlpatterns.append(path("styleguide/", include("portal.pages.styleguide.urls")))
