"""What a request's head says and can't say: hosts, addresses, tokens in the wrong place. Raw sockets against a real server."""

import time

import pytest

from tests.serving.conftest import Served

METRICS = "GET /metrics"


@pytest.mark.parametrize(
    "name", ["X-Forwarded-For", "X_Forwarded_For", "X-Forwarded_For", "Forwarded", "Via", "X-Real-IP"]
)
@pytest.mark.parametrize("value", ["127.0.0.1", "10.0.0.1", "127.0.0.1, 127.0.0.1", ""])
def test_no_header_opens_metrics(served: Served, name: str, value: str) -> None:
    assert served.ask(METRICS).status == 200
    assert served.ask(f"{METRICS}\n{name}: {value}").status == 404
    # As through a proxy that passes names with underscores on.
    assert served.ask(f"{METRICS}\nX-Forwarded-For: 192.0.2.1\n{name}: {value}").status == 404


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("host", ["Host: 10.0.0.7", "Host:", "Host: not a host"])
def test_probes_need_no_host(served: Served, path: str, host: str) -> None:
    assert served.ask(f"GET {path}\n{host}").status == 200


def test_every_other_path_needs_a_host_of_ours(served: Served) -> None:
    path, token = served.scim("acme")

    scim = served.ask(f"GET {path}/Users\n{token}\nHost: evil.example")
    api = served.ask("POST /v1/b2b/organizations/search\nHost: evil.example")
    page = served.ask("GET /sign-in/\nHost: evil.example")

    assert (scim.status, scim.json()["status"]) == (400, "400")
    assert "base URL" in scim.json()["detail"]
    assert (api.status, api.json()["error_type"]) == (400, "bad_request")
    assert page.status == 400


def test_several_header_lines_are_one_list(served: Served) -> None:
    """The last entry is the trusted proxy's, in whichever line it is; the limit of three failures is per address."""

    def fail(*lines: str) -> int:
        headers = "\n".join(f"X-Forwarded-For: {line}" for line in lines)
        return served.ask(f"POST /v1/b2b/organizations\n{headers}").status

    forged = [fail(f"192.0.2.{number}", "198.51.100.20") for number in range(5)]
    assert forged == [401, 401, 401, 429, 429]
    assert fail("198.51.100.20:4711") == 429
    assert fail("198.51.100.21") == 401


def test_an_ipv6_network_counts_as_one_client(served: Served) -> None:
    statuses = [
        served.ask(f"POST /v1/b2b/organizations\nX-Forwarded-For: {address}").status
        for address in ("2001:db8::1", "[2001:db8::2]:443", "2001:db8:0:0:ffff::3%eth0", "2001:db8::4", "2001:db8:1::1")
    ]

    assert statuses == [401, 401, 401, 429, 401]


@pytest.mark.parametrize("path", ["/{}", "/v1/b2b/scim/{}/Users", "/o/acme/?token={}", "/v1/b2b/{}"])
@pytest.mark.parametrize("kind", ["scim_", "secret-live-"])
def test_a_secret_in_an_address_is_in_no_log(served: Served, path: str, kind: str) -> None:
    """Neither in the project's log nor in the access log of the server."""
    secret = served.created["globex"]["bearer_token"] if kind == "scim_" else served.created["project"]["secret"]
    path = path.format(secret)

    served.ask(f"GET {path}\nReferer: https://portal.example.com{path}")

    time.sleep(0.1)
    log = (served.folder / "log").read_text()
    assert f"{kind}[hidden]" in log or "?" in path
    assert secret not in log


@pytest.mark.parametrize("slug", ["%00", "a%00b", "%F0%9F%98%80", "%FF", "a%0d%0ab", "x" * 300])
@pytest.mark.parametrize("below", ["", "sign-in/", "sign-in/link/", "scim/"])
def test_an_impossible_slug_is_not_found(served: Served, slug: str, below: str) -> None:
    assert served.ask(f"GET /o/{slug}/{below}\nX-Forwarded-For: 198.51.100.30").status == 404


def test_a_cookie_that_names_no_organization_is_ignored(served: Served) -> None:
    cookies = "session-a/b=x; session-=y; session-%00=z; session-\x80=z"

    for path in ("/", "/organizations/", "/sign-in/", "/o/acme/"):
        assert served.ask(f"GET {path}\nCookie: {cookies}\nX-Forwarded-For: 198.51.100.31").status in {
            200,
            302,
            303,
            404,
        }


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_a_method_that_a_page_does_not_take_is_405(served: Served, method: str) -> None:
    answer = served.ask(f"{method} /signed-out/\nContent-Length: 1000", b"x")

    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_an_unknown_method_of_the_api_is_not_cached(served: Served) -> None:
    for path in ("/v1/b2b/nothing", "/sdk/v1/b2b/nothing"):
        assert served.ask(f"GET {path}").headers["cache-control"] == "no-store"
