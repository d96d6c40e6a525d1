"""URLs of the account of the member who is signed in."""

from portal.access.audiences import Audience
from portal.access.routing import route
from portal.pages.account import authenticator_app, email, leaving, passkeys, password, phone_number, sessions, views

app_name = "account"

urlpatterns = [
    route("", views.account, name="account", allow=Audience.SIGNED_IN),
    route("preferences/", views.preferences, name="preferences", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
    route("name/", views.change_name, name="name", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
    route("password/", password.change, name="password", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
    route("email/", email.change, name="email", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
    route("email/code/", email.enter_code, name="email-code", allow=Audience.SIGNED_IN, methods=("POST",)),
    route("email/cancel/", email.cancel, name="email-cancel", allow=Audience.SIGNED_IN, methods=("POST",)),
    route("app/", authenticator_app.set_up, name="set-up-app", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
    route(
        "app/remove/", authenticator_app.remove, name="remove-app", allow=Audience.SIGNED_IN, methods=("GET", "POST")
    ),
    route(
        "default-factor/",
        authenticator_app.choose_default,
        name="default-factor",
        allow=Audience.SIGNED_IN,
        methods=("POST",),
    ),
    route("phone/", phone_number.add, name="add-phone", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
    route("phone/remove/", phone_number.remove, name="remove-phone", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
    route("passkeys/add/", passkeys.add, name="add-passkey", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
    route(
        "passkeys/<str:passkey_id>/",
        passkeys.rename,
        name="rename-passkey",
        allow=Audience.SIGNED_IN,
        methods=("GET", "POST"),
    ),
    route(
        "passkeys/<str:passkey_id>/remove/",
        passkeys.remove,
        name="remove-passkey",
        allow=Audience.SIGNED_IN,
        methods=("GET", "POST"),
    ),
    route(
        "recovery-codes/",
        authenticator_app.create_recovery_codes,
        name="recovery-codes",
        allow=Audience.SIGNED_IN,
        methods=("POST",),
    ),
    route("sessions/end/", sessions.end, name="end-sessions", allow=Audience.SIGNED_IN, methods=("POST",)),
    route("devices/end/", sessions.end_device, name="end-device", allow=Audience.SIGNED_IN, methods=("POST",)),
    route("data/", leaving.data, name="data", allow=Audience.SIGNED_IN),
    route("leave/", leaving.leave, name="leave", allow=Audience.SIGNED_IN, methods=("GET", "POST")),
]
