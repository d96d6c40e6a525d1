"""Firefox keeps the cookies of a frame, too. It is driven by WebDriver BiDi."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.embed.site import APP_HOST, EMBED_HOST, PORTAL_HOST, Site
from tests.embed.test_frame import PAGE, frame_html
from tests.servers import free_port, wait_for_port

pytestmark = [pytest.mark.firefox, pytest.mark.node, pytest.mark.xdist_group("embed")]
DRIVER = Path(__file__).with_name("firefox.mjs")


@pytest.fixture
def firefox(tmp_path: Path) -> Iterator[str]:
    """Start Firefox with its own defaults, and return the address of its remote control."""
    hosts = f"{APP_HOST},{EMBED_HOST},{PORTAL_HOST},evil.example"
    (tmp_path / "user.js").write_text(f'user_pref("network.dns.localDomains", "{hosts}");\n')
    port = free_port()
    command = [
        "firefox-esr",
        "--headless",
        "--no-remote",
        "--profile",
        str(tmp_path),
        f"--remote-debugging-port={port}",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(6):
        try:
            wait_for_port(port, process)
            break
        except AssertionError:
            assert process.poll() is None
    yield f"ws://127.0.0.1:{port}/session"
    process.terminate()
    process.wait()


def drive(address: str, page: str, awaited: str, expression: str = "null", seconds: int = 15) -> dict[str, Any]:
    command = ["node", str(DRIVER), address, page, awaited, expression, str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def test_the_portal_in_a_frame(site: Site, firefox: str) -> None:
    page = site.product.page(APP_HOST, "/firefox", PAGE.format(frame_html(site.ticket(path="scim/groups/"))))
    # A request of the frame's own has the cookie of its session.
    asked = "fetch(document.body.dataset.sessionUrl).then((response) => response.status)"

    assert drive(firefox, page, "Groups", asked)["result"] == 200


# The button opens the portal by the host script. Once the session is renewed, the frame is dark.
SCRIPTED = """
    document.querySelector("button").addEventListener("click", () => {
        const fetchTicket = async () => (await fetch("/firefox-ticket")).json();
        const onEvent = async ({ type }) => {
            if (type === "ready" && (await handle.renew())) handle.setTheme("dark");
        };
        const handle = Gatehouse.mount(document.querySelector("main"), { fetchTicket, onEvent });
    });
"""


def test_the_host_script_in_a_page_that_hides_its_origin(site: Site, firefox: str) -> None:
    site.product.backend(APP_HOST, "/firefox-ticket", lambda _: (200, json.dumps(site.ticket()), {}))
    site.product.page(APP_HOST, "/firefox.js", SCRIPTED, {"Content-Type": "text/javascript"})
    script = f'<script src="{site.embed}/static/embed/gatehouse.js"></script><script src="/firefox.js" defer></script>'
    page = PAGE.format(f"<button>Open</button>{script}")
    address = site.product.page(APP_HOST, "/firefox-script", page, {"Referrer-Policy": "no-referrer"})
    theme = """new Promise((resolve) => {
        const { dataset } = document.documentElement;
        const look = () => (dataset.theme ? resolve(dataset.theme) : setTimeout(look, 50));
        look();
    })"""

    assert drive(firefox, address, "SCIM", theme)["result"] == "dark"


def test_a_page_that_is_not_registered(site: Site, firefox: str) -> None:
    page = site.product.page("evil.example", "/firefox", PAGE.format(frame_html(site.ticket(path="scim/groups/"))))

    assert "Groups" not in drive(firefox, page, "Groups", seconds=4)["shown"]
