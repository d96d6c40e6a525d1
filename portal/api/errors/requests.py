"""Error types of credentials, and of requests in general."""

from http import HTTPStatus

from portal.api.errors.error_type import ErrorType

_BAD, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
)

REQUEST_ERROR_TYPES: dict[str, ErrorType] = {
    "unauthorized_credentials": ErrorType(
        _UNAUTHORIZED,
        "The project ID or the secret is wrong, or the email address or the password is wrong.",
        "Compare the project ID and secret with the output of `manage.py createproject`. If the secret is lost, run the "
        "command again to create another one.",
    ),
    "invalid_authorization_header": ErrorType(
        _UNAUTHORIZED,
        "The Authorization header is missing or is not HTTP Basic authentication.",
        "Backends send the project ID as user name and the secret as password. Browsers send the public token as user name "
        "and the session token as password. The SDKs do this for you.",
    ),
    "public_token_required": ErrorType(
        _UNAUTHORIZED,
        "A request to the browser API was sent with a secret, or with something else that is not a public token.",
        "Configure the browser SDK with the public token. If a secret has reached a browser, replace the secret.",
    ),
    "secret_required": ErrorType(
        _UNAUTHORIZED,
        "A request to the backend API was sent with a public token.",
        "Configure the backend SDK with the project ID and a secret.",
    ),
    "secret_used_in_browser": ErrorType(
        _FORBIDDEN,
        "A page in a browser sent a request to the backend API. Anyone who opens that page can read the secret.",
        "Send the request from your server, or use the browser SDK with the public token. Replace the secret.",
    ),
    "wrong_stack_live": ErrorType(
        _UNAUTHORIZED,
        "Credentials of a test project were sent to a live project.",
        "Use the credentials of this installation. Their IDs contain -live-.",
    ),
    "wrong_stack_test": ErrorType(
        _UNAUTHORIZED,
        "Credentials of a live project were sent to a test project.",
        "Use the credentials of this installation. Their IDs contain -test-.",
    ),
    "bad_domain_for_stytch_sdk": ErrorType(
        _FORBIDDEN,
        "The origin of the page that sent the request is not registered.",
        "Add its origin to the setting SDK_ALLOWED_ORIGINS, with scheme and port, for example https://app.example.com.",
    ),
    "use_https": ErrorType(
        _FORBIDDEN,
        "The request was sent over plain http, which others on the network can read.",
        "Send requests to the https:// URL. If a secret was sent over plain http, replace it.",
    ),
    "user_lock_limit_reached": ErrorType(
        HTTPStatus.TOO_MANY_REQUESTS,
        "There were too many wrong passwords or codes for this email address, so none is checked for up to an hour. The "
        "member's is_locked is true until then.",
        "Have the member use a link by email, or an admin unlock them in the portal.",
    ),
    "too_many_requests": ErrorType(
        HTTPStatus.TOO_MANY_REQUESTS,
        "The project, the organization or the IP address has sent more requests than its limit allows.",
        "Wait as many seconds as the Retry-After header says. The limits are settings of the installation.",
    ),
    "bad_request": ErrorType(
        _BAD,
        "The body is not a JSON object in UTF-8, or is too large.",
        "Send a JSON object with the Content-Type application/json.",
    ),
    "invalid_argument": ErrorType(
        _BAD,
        "A value is missing, has the wrong type, or breaks a rule. The message names the field.",
        "Correct the field that the message names.",
    ),
    "user_search_invalid_cursor": ErrorType(
        _BAD,
        "The cursor was not returned by the same query within the last day.",
        "Start again from the first page, without a cursor.",
    ),
    "user_search_invalid_limit": ErrorType(
        _BAD,
        "The limit is not a whole number from 1 to 1000.",
        "Send a limit from 1 to 1000, or leave it out for 100.",
    ),
    "route_not_found": ErrorType(
        _NOT_FOUND,
        "No API method has this URL.",
        "Compare the URL and the version of the SDK with the list of methods.",
    ),
    "method_not_allowed": ErrorType(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "The URL exists, but does not accept this HTTP method.",
        "Use one of the methods in the Allow header.",
    ),
    "not_offered": ErrorType(
        HTTPStatus.NOT_IMPLEMENTED,
        "Stytch has this method, but Gatehouse does not have it yet, or not with this configuration.",
        "See the list of methods that are available.",
    ),
    "not_found": ErrorType(
        _NOT_FOUND,
        "The organization has no such object.",
        "Compare the ID. Objects of other organizations are not found either.",
    ),
    "conflict": ErrorType(
        HTTPStatus.CONFLICT,
        "The change contradicts what is stored, often because someone else changed it in the meantime.",
        "Read the object again, and repeat the change if it still applies.",
    ),
    "internal_server_error": ErrorType(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The request failed on the server. No changes were saved.",
        "Try again. If it fails again, look up the request ID in the log.",
    ),
    "service_unavailable": ErrorType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The service or its database is temporarily unavailable.",
        "Try again in a few seconds.",
    ),
}
