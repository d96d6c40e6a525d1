"""An authenticator in software, which answers a portal's options as a browser does (W3C Web Authentication)."""

import hashlib
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

ORIGIN = "https://portal.example.com"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Authenticator:
    """It keeps one passkey. Change a field to have it lie."""

    origin: str = ORIGIN
    flags: int = PRESENT | VERIFIED
    sign_count: int = 0
    aaguid: bytes = bytes(16)
    # More fields of the client data.
    client: Mapping[str, Any] = field(default_factory=dict)
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    user_handle: bytes = b""
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, options: Mapping[str, Any]) -> str:
        """Create a passkey, and return what navigator.credentials.create() does."""
        self.user_handle = decoded(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        # A COSE key: EC2, ES256, P-256 (RFC 9053, 7.1).
        cose = {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        attested = self.aaguid + len(self.credential_id).to_bytes(2, "big") + self.credential_id + cbor2.dumps(cose)
        data = self._data(options["rp"]["id"], self.flags | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        client_data = self._client_data("webauthn.create", options)
        return self._json(client_data, {"attestationObject": encoded(attestation), "transports": ["internal", "new"]})

    def get(self, options: Mapping[str, Any]) -> str:
        """Return what navigator.credentials.get() does."""
        self.sign_count += bool(self.sign_count)
        data = self._data(options["rpId"], self.flags)
        client_data = self._client_data("webauthn.get", options)
        signed = data + hashlib.sha256(client_data).digest()
        parts = {
            "authenticatorData": encoded(data),
            "signature": encoded(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
            "userHandle": encoded(self.user_handle),
        }
        return self._json(client_data, parts)

    def _data(self, rp_id: str, flags: int) -> bytes:
        return hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.sign_count.to_bytes(4, "big")

    def _client_data(self, kind: str, options: Mapping[str, Any]) -> bytes:
        client = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False}
        return json.dumps({**client, **self.client}).encode()

    def _json(self, client_data: bytes, parts: Mapping[str, Any]) -> str:
        own_id = encoded(self.credential_id)
        response = {"clientDataJSON": encoded(client_data), **parts}
        return json.dumps({"id": own_id, "rawId": own_id, "type": "public-key", "response": response})
