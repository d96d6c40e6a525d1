"""The portal, SCIM and the API through the examples of proxies, with TLS, as a customer reaches them."""

import json
import re
import socket
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack
from http import HTTPStatus
from http.client import HTTPResponse

import pytest
import requests

from tests.conftest import PASSWORD
from tests.deploy.serving import Site
from tests.servers import ROOT

pytestmark = pytest.mark.xdist_group("proxies")  # in one process, which serves the portal once for all of them
FORGED = {
    "X-Forwarded-For": "203.0.113.9",
    "X_Forwarded_For": "203.0.113.9",
    "Forwarded": "for=203.0.113.9;host=evil.example;proto=http",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "http",
    "X-Real-IP": "203.0.113.9",
}


def test_an_admin_signs_in(served: Site) -> None:
    client = served.client()
    page = client.get(f"{served.url}/o/acme/sign-in/", timeout=10)
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[0]

    form = {"email_address": "ada@acme.example", "password": PASSWORD, "csrfmiddlewaretoken": token}
    home = client.post(page.url, form, headers={"Origin": served.url, "Referer": page.url}, timeout=10)

    assert (home.status_code, home.url) == (200, f"{served.url}/o/acme/")
    assert all(cookie.name.startswith("__Host-") and cookie.secure for cookie in client.cookies)


def test_static_files_are_compressed_and_cached_forever(served: Site) -> None:
    client = served.client()
    page = client.get(f"{served.url}/sign-in/", timeout=10).text
    (path,) = re.findall(r'href="(/static/css/gatehouse\.[^"]+)"', page)

    style = client.get(served.url + path, timeout=10)

    assert style.headers["Content-Encoding"] == "gzip"
    assert "immutable" in style.headers["Cache-Control"]


def test_an_identity_provider_provisions(served: Site) -> None:
    client = served.client(token=served.scim_token)

    created = client.post(f"{served.scim_base_url}/Users", json={"userName": "grace@acme.example"}, timeout=10)
    assert created.status_code == 201, created.text
    assert created.headers["Location"].startswith(f"{served.url}/v1/b2b/scim/")
    listed = client.get(
        f"{served.scim_base_url}/Users", params={"filter": 'userName eq "grace@acme.example"'}, timeout=10
    )
    assert listed.json()["totalResults"] == 1


def test_a_backend_uses_the_api(served: Site) -> None:
    client = served.client()

    found = client.post(f"{served.url}/v1/b2b/organizations/search", json={}, auth=served.project, timeout=10)

    assert found.status_code == 200, found.text
    assert [one["organization_slug"] for one in found.json()["organizations"]][:1] == ["acme"]


def test_a_client_cannot_invent_its_address_or_its_scheme(served: Site) -> None:
    client = served.client(token=served.scim_token)
    name = "forged@acme.example"

    created = client.post(f"{served.scim_base_url}/Users", json={"userName": name}, headers=FORGED, timeout=10)

    assert created.status_code == 201, created.text
    assert "evil.example" not in created.headers["Location"]
    assert served.log_addresses() == {"127.0.0.1"}
    assert client.get(f"{served.url}/sign-in/", headers=FORGED, timeout=10, allow_redirects=False).status_code == 200


def test_plain_http_redirects_pages_and_is_rejected_with_a_token(served: Site) -> None:
    plain = f"http://localhost:{served.plain_port}"

    page = requests.get(f"{plain}/sign-in/", timeout=10, allow_redirects=False)
    assert (page.status_code, page.headers["Location"][:8]) == (301, "https://")

    users = served.scim_base_url.replace(served.url, plain) + "/Users"
    rejected = requests.get(users, headers={"Authorization": f"Bearer {served.scim_token}"}, timeout=10)
    assert rejected.status_code == 403
    assert "https" in rejected.json()["detail"]


def test_another_host_name_gets_no_response(served: Site) -> None:
    with pytest.raises(requests.ConnectionError):
        served.client().get(f"{served.url}/sign-in/", headers={"Host": "evil.example"}, timeout=10)


def test_metrics_are_not_public(served: Site) -> None:
    assert served.client().get(f"{served.url}/metrics", timeout=10).status_code == 404


@pytest.mark.nginx
def test_prometheus_reads_each_instance_behind_nginx(behind_nginx: Site) -> None:
    read = requests.get(f"http://127.0.0.1:{behind_nginx.metrics_port}/metrics", timeout=10)

    assert read.status_code == 200
    assert "gatehouse_requests_total{" in read.text


@pytest.mark.haproxy
def test_prometheus_reads_each_node_behind_haproxy(behind_haproxy: Site) -> None:
    read = requests.get(f"http://127.0.0.1:{behind_haproxy.instances[0].port}/metrics", timeout=10)

    assert read.status_code == 200
    assert "gatehouse_requests_total{" in read.text


def test_no_log_contains_sign_in_links_or_their_tokens(served: Site) -> None:
    served.client().get(f"{served.url}/o/acme/link/?token=a-secret-token", timeout=10)

    # A proxy writes its line when the response has been sent, a moment after the client has it.
    for _ in range(50):
        log = (served.folder / "gatehouse.log").read_text()
        if "/o/acme/link/" in log:
            break
        time.sleep(0.05)
    assert "/o/acme/link/" in log
    assert "a-secret-token" not in log


def post(served: Site, stack: ExitStack, length: int, sent: int) -> ssl.SSLSocket:
    """Begin a request with a body of a length, of which only the first bytes are sent."""
    trusting = ssl.create_default_context(cafile=str(served.certificate))
    plain = stack.enter_context(socket.create_connection(("localhost", served.port), timeout=10))
    connection = stack.enter_context(trusting.wrap_socket(plain, server_hostname="localhost"))
    lines = (
        f"POST {served.scim_base_url.removeprefix(served.url)}/Users HTTP/1.1",
        f"Host: localhost:{served.port}",
        f"Authorization: Bearer {served.scim_token}",
        "Content-Type: application/scim+json",
        f"Content-Length: {length}",
    )
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + b'"' * sent)
    return connection


def answer(connection: ssl.SSLSocket) -> HTTPResponse:
    response = HTTPResponse(connection)
    response.begin()
    return response


def test_a_body_above_gatehouses_limit_gets_a_scim_error(served: Site) -> None:
    length = 21_000_000
    # nginx reads all of it first; HAProxy sends it on while it comes, and the client must stop when the response is there.
    sent = length if (served.folder / "nginx.conf").exists() else 200_000
    for remaining in (2, 1, 0):
        # Gatehouse answers and closes while the proxy still sends. On a busy machine a proxy sometimes notices only that.
        try:
            with ExitStack() as stack:
                rejected = answer(post(served, stack, length, sent))
        except ConnectionError:
            if not remaining:
                raise
        else:
            if rejected.status != HTTPStatus.BAD_GATEWAY:
                break

    assert (rejected.status, rejected.headers["Content-Type"]) == (413, "application/scim+json")


def test_a_body_above_the_limit_of_the_proxy_is_not_read(served: Site) -> None:
    with ExitStack() as stack:
        assert answer(post(served, stack, 27_000_000, 10)).status == 413


def test_a_long_filter_reaches_gatehouse(served: Site) -> None:
    terms = " or ".join(f'userName eq "person-{number:010}@acme.example"' for number in range(150))

    listed = served.client(token=served.scim_token).get(
        f"{served.scim_base_url}/Users", params={"filter": terms}, timeout=10
    )

    assert listed.status_code == 200, listed.text


def test_unfinished_bodies_occupy_no_thread(served: Site) -> None:
    with ExitStack() as stack:
        for _ in range(40):  # more than both instances have threads
            post(served, stack, length=100_000, sent=1)
        page = served.client().get(f"{served.url}/sign-in/", timeout=10)

    assert page.status_code == 200


def test_the_doctor_finds_nothing_wrong_with_the_examples(served: Site) -> None:
    environment = {**served.environment, **served.instances[0].environment, "OUTBOUND_CA_FILE": str(served.certificate)}
    command = [sys.executable, "manage.py", "doctor", "--json", "--skip", "settings", "--skip", "mail"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    found = {check["name"]: check["findings"] for check in json.loads(done.stdout)["checks"]}

    assert [found[name][0]["severity"] for name in ("proxy", "body_size", "metrics")] == ["ok", "ok", "ok"], found
    # The site's certificate is for a day.
    assert found["tls"][0]["text"].startswith("The certificate is valid for 0 more days")
    # Without its authority, clients reject it.
    del environment["OUTBOUND_CA_FILE"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    (found["tls"],) = (check["findings"] for check in json.loads(done.stdout)["checks"] if check["name"] == "tls")
    assert found["tls"][0]["text"].startswith("Clients reject the certificate of PUBLIC_URL: self-signed certificate")
