"""URLs of signing in and out."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.session import codes, discovery, mfa, views

app_name = "session"

urlpatterns = [
    route("", views.start, name="start", allow=Audience.ANYONE),
    route("sign-in/", views.discover, name="discover", allow=Audience.ANYONE, methods=("GET", "POST")),
    route("sign-in/email/", views.email_link, name="email-link", allow=Audience.ANYONE, methods=("GET", "POST")),
    route("sign-in/code/", discovery.send_code, name="discovery-send-code", allow=Audience.ANYONE, methods=("POST",)),
    route(
        "sign-in/code/enter/",
        discovery.enter_code,
        name="discovery-enter-code",
        allow=Audience.ANYONE,
        methods=("POST",),
    ),
    route(
        "sign-in/link/send/", discovery.send_link, name="discovery-send-link", allow=Audience.ANYONE, methods=("POST",)
    ),
    route("sign-in/link/", discovery.link, name="discovery-link", allow=Audience.ANYONE, methods=("GET", "POST")),
    route(
        "organizations/", discovery.organizations, name="organizations", allow=Audience.ANYONE, methods=("GET", "POST")
    ),
    route(
        "organizations/create/",
        discovery.create_organization,
        name="create-organization",
        allow=Audience.ANYONE,
        methods=("POST",),
    ),
    route("signed-out/", views.signed_out, name="signed-out", allow=Audience.ANYONE),
    route(
        "o/<str:organization_slug>/sign-in/",
        views.sign_in,
        name="sign-in",
        allow=Audience.ANYONE,
        methods=("GET", "POST"),
    ),
    route(
        "o/<str:organization_slug>/sign-in/email/",
        views.email_organization_link,
        name="email-organization-link",
        allow=Audience.ANYONE,
        methods=("GET", "POST"),
    ),
    route(
        "o/<str:organization_slug>/sign-in/link/",
        views.link,
        name="link",
        allow=Audience.ANYONE,
        methods=("GET", "POST"),
    ),
    route(
        "o/<str:organization_slug>/sign-in/code/",
        codes.send,
        name="email-code",
        allow=Audience.ANYONE,
        methods=("POST",),
    ),
    route(
        "o/<str:organization_slug>/sign-in/code/enter/",
        codes.enter_code,
        name="enter-code",
        allow=Audience.ANYONE,
        methods=("POST",),
    ),
    route(
        "o/<str:organization_slug>/sign-in/second-factor/",
        mfa.challenge,
        name="second-factor",
        allow=Audience.ANYONE,
        methods=("GET", "POST"),
    ),
    route(
        "o/<str:organization_slug>/sign-in/second-factor/set-up/",
        mfa.set_up,
        name="set-up-second-factor",
        allow=Audience.ANYONE,
        methods=("GET", "POST"),
    ),
    route(
        "o/<str:organization_slug>/second-factor/done/",
        mfa.done,
        name="second-factor-done",
        allow=Audience.SIGNED_IN,
        methods=("POST",),
    ),
    route(
        "o/<str:organization_slug>/confirm/second-factor/",
        mfa.confirm,
        name="confirm-second-factor",
        allow=Audience.SIGNED_IN,
        methods=("GET", "POST"),
    ),
    route(
        "o/<str:organization_slug>/confirm/",
        views.confirm,
        name="confirm",
        allow=Audience.SIGNED_IN,
        methods=("GET", "POST"),
    ),
    route(
        "o/<str:organization_slug>/confirm/code/",
        codes.confirm,
        name="confirm-code",
        allow=Audience.SIGNED_IN,
        methods=("POST",),
    ),
    route(
        "o/<str:organization_slug>/sign-out/",
        views.sign_out,
        name="sign-out",
        allow=Audience.SIGNED_IN,
        methods=("POST",),
    ),
]
