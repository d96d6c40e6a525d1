"""Settings › General: the logo, and what is rejected as one."""

import re
import struct
import zlib
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from portal.embedded import models
from tests import factories

PAGE = "/o/acme/settings/"
LOGO = f"{PAGE}logo/"


def image(kind: str = "PNG", size: tuple[int, int] = (900, 300)) -> bytes:
    written = BytesIO()
    Image.new("RGB", size, "teal").save(written, kind)
    return written.getvalue()


def bomb(side: int) -> bytes:
    """A PNG of few bytes whose header says that it's huge."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 10_000_000, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def upload(client: Client, content: bytes) -> tuple[int, str]:
    response = client.post(LOGO, {"logo": SimpleUploadedFile("logo.png", content)})
    return response.status_code, " ".join(response.content.decode().split())


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_uploaded_logo_is_shown_at_sign_in_and_in_the_frame(admin_client: Client, kind: str) -> None:
    assert upload(admin_client, image(kind) + b"<script>")[0] == 303

    shown = re.search(r'<img class="monogram" src="(/logos/[^"]+)"', admin_client.get("/o/acme/").content.decode())
    assert shown
    visitor = Client()
    assert shown.group(1) in visitor.get("/o/acme/sign-in/").content.decode()
    response = visitor.get(shown.group(1))
    assert (response["Content-Type"], response["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert response["Cache-Control"] == "public, max-age=31536000, immutable"
    stored = Image.open(BytesIO(response.content))
    assert (stored.format, stored.size) == ("PNG", (256, 85))
    assert b"<script>" not in response.content
    organization = models.OrganizationRow.objects.get()
    assert organization.logo_url.endswith(shown.group(1))
    assert models.ActivityEntryRow.objects.filter(action="organization.update").count() == 1

    assert admin_client.post(LOGO, {"remove": "yes"}).status_code == 303
    assert visitor.get(shown.group(1)).status_code == 404
    assert 'img class="monogram"' not in admin_client.get("/o/acme/").content.decode()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "SVG images can contain scripts"),
        (image("GIF"), "another kind or damaged"),
        (image("JPEG"), "another kind or damaged"),
        (b"MZ\x90\x00", "another kind or damaged"),
        (image()[:60], "another kind or damaged"),
        (bomb(2048)[:-2000], "another kind or damaged"),
        (bomb(60_000), "more than 2048 × 2048 pixels"),
        (b"\x89PNG" + b"x" * 204_800, "larger than 200 KB"),
        (b"", "The submitted file is empty."),
    ],
    ids=["svg", "gif", "jpeg", "program", "cut", "cut bomb", "bomb", "large", "empty"],
)
def test_another_file_is_rejected_with_the_reason(admin_client: Client, content: bytes, reason: str) -> None:
    status, html = upload(admin_client, content)

    assert status == 422
    assert reason in html
    assert not models.OrganizationLogoRow.objects.exists()


def test_a_huge_upload_is_rejected_by_its_headers(admin_client: Client) -> None:
    class Unread(BytesIO):
        def read(self, *_: object) -> bytes:
            raise AssertionError("the body was read")

    sent: dict[str, Any] = {
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
        "CONTENT_LENGTH": str(50 * 1024 * 1024),
        "wsgi.input": Unread(),
    }
    response = admin_client.generic("POST", LOGO, **sent)

    assert response.status_code == 413


def test_a_url_inside_the_network_is_rejected(admin_client: Client) -> None:
    response = admin_client.post(LOGO, {"url": "https://169.254.169.254/latest/logo.png"})

    assert response.status_code == 422
    assert 'id="id_url_error"' in response.content.decode()


def test_only_who_may_change_the_logo_does(member_client: Client) -> None:
    assert upload(member_client, image())[0] == 403
    assert not models.OrganizationLogoRow.objects.exists()


def test_a_logo_elsewhere_is_not_loaded(acme: models.OrganizationRow, admin: models.MemberRow) -> None:
    models.OrganizationRow.objects.update(logo_url="https://evil.example/logos/x/y.png")

    assert "evil.example" not in factories.signed_in(admin).get("/o/acme/").content.decode()
