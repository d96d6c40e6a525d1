"""Password hashes that a product migrates from another system (Stytch: passwords.migrate).

The database stores Argon2 of the old hash, so that it holds no weak hashes. The first sign-in replaces it with Argon2 of the
password itself. Argon2 hashes are stored unchanged.
"""

import hashlib
import math
import re
from base64 import b64decode, b64encode, urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from argon2.exceptions import Argon2Error
from django.contrib.auth.hashers import BasePasswordHasher, check_password, identify_hasher, make_password

from portal.directory.errors import Invalid
from portal.directory.passwords import HASH_TYPES, PasswordHash

_MAX_STORED = 256  # models.MemberRow.password
# Upper bounds on the cost of a check, so that one sign-in can't starve the others.
_MAX_PBKDF2_ROUNDS = 3_000_000
_MAX_SCRYPT_BYTES = 134_217_728
_MAX_BCRYPT_COST, _MAX_PHPASS_COST = 15, 20
_ARGON2_VARIANTS = {"argon_2i": "argon2i", "argon_2id": "argon2id"}
_MAX_ARGON2_KIB, _MAX_ARGON2_PASSES, _MAX_ARGON2_LANES = 262_144, 16, 64
_MAX_ARGON2_KIB_OF_ALL_PASSES = 1_048_576
_MIN_ARGON2_SALT, _MIN_ARGON2_HASH = 8, 4  # RFC 9106
_BCRYPT = re.compile(r"\$2[abxy]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}\Z")
_BCRYPT_BYTES = 72  # bcrypt ignores the rest
_PHPASS = re.compile(r"\$[PH]\$(?P<cost>[./0-9A-Za-z])[./0-9A-Za-z]{8}[./0-9A-Za-z]{22}\Z")
_PHPASS_DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ARGON2 = re.compile(
    r"\$(?P<variant>argon2id?)\$v=19\$m=(?P<m>\d{1,7}),t=(?P<t>\d{1,3}),p=(?P<p>\d{1,3})\$(?P<salt>[A-Za-z0-9+/]+)\$(?P<hash>[A-Za-z0-9+/]+)\Z",
    re.ASCII,
)
_SCRYPT = re.compile(
    r"\$scrypt\$ln=(?P<ln>\d{1,2}),r=(?P<r>\d{1,3}),p=(?P<p>\d{1,3})\$(?P<salt>[^$]+)\$(?P<hash>[^$]+)\Z"
)


@dataclass(frozen=True, slots=True)
class _OldHash:
    """A migrated hash: its scheme and parameters, and the result, in hexadecimal or in the scheme's own digits."""

    scheme: str
    parameters: Sequence[str]
    result: str


class Migrated(BasePasswordHasher):
    """Argon2 of another scheme's hash: `migrated$<scheme>$<parameters>$<Argon2>`. Only `encoded_hash` creates it."""

    algorithm = "migrated"

    def verify(self, password: str, encoded: str) -> bool:
        """Check a password against the migrated hash."""
        _, scheme, parameters, inner = encoded.split("$", 3)
        return check_password(_SCHEMES[scheme](password, parameters.split(":")), inner)

    def must_update(self, encoded: str) -> bool:  # noqa: ARG002 -- Django's signature
        """Return True: hash the password itself as soon as it is known."""
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Do nothing: a check takes longer than one of our own hashes anyway."""


def encoded_hash(password: PasswordHash) -> str:
    """Return a hash in the form of MemberRow.password. Raise Invalid if it can't be checked, with the reason."""
    encoded = _encoded(password)
    if len(encoded) > _MAX_STORED:
        raise _invalid("The salt or the hash is too long.", "invalid_hash")
    try:
        # Fail now if it can't be checked, not when the person signs in.
        identify_hasher(encoded).verify("", encoded)
    except (ValueError, Argon2Error):
        raise _invalid("The hash cannot be checked. Its salt or its parameters are invalid.", "invalid_hash") from None
    return encoded


def _encoded(password: PasswordHash) -> str:
    if password.hash_type in _ARGON2_VARIANTS:
        return _argon2(password, _ARGON2_VARIANTS[password.hash_type])
    read = _READERS.get(password.hash_type)
    if read is None:
        raise _invalid(f"Unknown hash type. Use one of: {', '.join(HASH_TYPES)}.", "invalid_hash_type")
    old = read(password.hash, password.config)
    return f"{Migrated.algorithm}${old.scheme}${':'.join(old.parameters)}${make_password(old.result)}"


# --- Compute an old hash from a password ---------------------------------------------------------------------------------


def _salted(name: str) -> Callable[[str, Sequence[str]], str]:
    def result(password: str, parameters: Sequence[str]) -> str:
        before, after = map(b64decode, parameters)
        return hashlib.new(name, before + _bytes(password) + after, usedforsecurity=False).hexdigest()

    return result


def _pbkdf2(password: str, parameters: Sequence[str]) -> str:
    name, rounds, length, salt = parameters
    return hashlib.pbkdf2_hmac(name, _bytes(password), b64decode(salt), int(rounds), int(length)).hex()


def _scrypt(password: str, parameters: Sequence[str]) -> str:
    n, r, p, length = map(int, parameters[:4])
    salt = b64decode(parameters[4])
    memory = _MAX_SCRYPT_BYTES * 2
    return hashlib.scrypt(_bytes(password), salt=salt, n=n, r=r, p=p, dklen=length, maxmem=memory).hex()


def _bcrypt(password: str, parameters: Sequence[str]) -> str:
    # Imported here: only sign-ins with such a password need it.
    import bcrypt  # noqa: PLC0415 -- as above

    salt = "$" + "$".join(parameters)
    return bcrypt.hashpw(_bytes(password)[:_BCRYPT_BYTES], salt.encode()).decode()


def _phpass(password: str, parameters: Sequence[str]) -> str:
    setting = parameters[0]
    word = _bytes(password)
    digest = _md5(setting[1:].encode() + word)
    for _ in range(1 << _PHPASS_DIGITS.index(setting[0])):
        digest = _md5(digest + word)
    return _phpass_digits(digest)


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def _phpass_digits(digest: bytes) -> str:
    """Return the digest in phpass' notation: three bytes as four digits, lowest bits first."""
    written = ""
    for place in range(0, len(digest), 3):
        part = digest[place : place + 3]
        value = int.from_bytes(part, "little")
        written += "".join(_PHPASS_DIGITS[value >> (6 * digit) & 63] for digit in range(len(part) + 1))
    return written


_SCHEMES: Mapping[str, Callable[[str, Sequence[str]], str]] = {
    "bcrypt": _bcrypt,
    "md_5": _salted("md5"),
    "sha_1": _salted("sha1"),
    "sha_512": _salted("sha512"),
    "scrypt": _scrypt,
    "phpass": _phpass,
    "pbkdf_2": _pbkdf2,
}


# --- Read a migrated hash ------------------------------------------------------------------------------------------------

Config = Mapping[str, Any]


def _read_salted(scheme: str, digits: int) -> Callable[[str, Config], _OldHash]:
    def read(text: str, config: Config) -> _OldHash:
        if not re.fullmatch(rf"[0-9A-Fa-f]{{{digits}}}", text):
            raise _invalid(f"A {scheme} hash has {digits} hexadecimal digits.", f"invalid_{scheme}_hash")
        salts = [_bytes(str(config.get(name) or "")) for name in ("prepend_salt", "append_salt")]
        return _OldHash(scheme, [_b64(salt) for salt in salts], text.lower())

    return read


def _read_bcrypt(text: str, _config: Config) -> _OldHash:
    found = _BCRYPT.match(text)
    if not found or not 4 <= int(found["cost"]) <= _MAX_BCRYPT_COST:  # noqa: PLR2004 -- bcrypt's own minimum
        raise _invalid(
            f"A bcrypt hash has 60 characters, starts with $2a$, and has a cost of 4 to {_MAX_BCRYPT_COST}.",
            "invalid_bcrypt_hash",
        )
    # PHP and crypt_blowfish have another name for the same version.
    _, version, cost, rest = text.split("$")
    version = "2b" if version == "2y" else version
    parameters = [version, cost, rest[:22]]
    return _OldHash("bcrypt", parameters, f"${version}${cost}${rest}")


def _read_phpass(text: str, _config: Config) -> _OldHash:
    found = _PHPASS.match(text)
    if not found:
        raise _invalid("A phpass hash has 34 characters and starts with $P$ or $H$.", "invalid_phpass_hash_format")
    if not 7 <= _PHPASS_DIGITS.index(found["cost"]) <= _MAX_PHPASS_COST:  # noqa: PLR2004 -- phpass' own minimum
        raise _invalid(f"The cost of a phpass hash must be from 7 to {_MAX_PHPASS_COST}.", "invalid_phpass_hash_format")
    return _OldHash("phpass", [text[3:12]], text[12:])


def _read_pbkdf2(text: str, config: Config) -> _OldHash:
    name = str(config.get("algorithm") or "sha256")
    if name not in {"sha256", "sha512"}:
        raise _invalid("The algorithm of pbkdf_2_config must be sha256 or sha512.", "invalid_pbkdf_2_algorithm")
    rounds = _number(config, "iteration_amount", 1, _MAX_PBKDF2_ROUNDS, "invalid_pbkdf_2_iteration_amount")
    salt = _decoded(config.get("salt"), "The salt of pbkdf_2_config", "invalid_pbkdf_2_salt")
    result = _decoded(text, "A pbkdf_2 hash", "invalid_pbkdf_2_hash")
    _same_length(config, result, "pbkdf_2_key_length_mismatch")
    # Each block of the result takes all iterations.
    if rounds * math.ceil(len(result) / hashlib.new(name).digest_size) > _MAX_PBKDF2_ROUNDS:
        raise _invalid("Checking a hash of this length takes too long.", "invalid_pbkdf_2_iteration_amount")
    return _OldHash("pbkdf_2", [name, str(rounds), str(len(result)), _b64(salt)], result.hex())


def _read_scrypt(text: str, config: Config) -> _OldHash:
    encoded = _SCRYPT.match(text)
    if encoded:
        n, r, p = 1 << int(encoded["ln"]), int(encoded["r"]), int(encoded["p"])
        salt_text, hash_text = encoded["salt"], encoded["hash"]
    else:
        wrong = "invalid_scrypt_parameters"
        n = _number(config, "n_parameter", 2, 262_144, "invalid_scrypt_n_parameter")
        r, p = _number(config, "r_parameter", 1, 64, wrong), _number(config, "p_parameter", 1, 64, wrong)
        salt_text, hash_text = str(config.get("salt") or ""), text
    salt = _decoded(salt_text, "The salt of scrypt_config", "invalid_base64_scrypt_salt")
    result = _decoded(hash_text, "A scrypt hash", "invalid_base64_scrypt_hash")
    if not encoded:
        _same_length(config, result, "scrypt_key_length_mismatch")
    if n < 2 or n & (n - 1) or not r * p or 128 * n * r * p > _MAX_SCRYPT_BYTES:  # noqa: PLR2004 -- RFC 7914
        raise _invalid(
            "N must be a power of two, r and p at least 1, and 128 * N * r * p at most 128 MiB.",
            "invalid_scrypt_parameters",
        )
    return _OldHash("scrypt", [str(n), str(r), str(p), str(len(result)), _b64(salt)], result.hex())


def _argon2(password: PasswordHash, variant: str) -> str:
    """Return an Argon2 hash in Django's form. The input is an encoded hash, or hexadecimal with argon_2_config."""
    text = password.hash if password.hash.startswith("$") else _argon2_of_parts(variant, password)
    found = _ARGON2.match(text)
    if not found or found["variant"] != variant:
        raise _invalid(
            f"An {password.hash_type} hash is ${variant}$v=19$m=…,t=…,p=…$salt$hash, or hexadecimal with argon_2_config.",
            "invalid_hash",
        )
    memory, passes, lanes = (int(found[name]) for name in "mtp")
    is_too_much = memory > _MAX_ARGON2_KIB or memory * passes > _MAX_ARGON2_KIB_OF_ALL_PASSES
    if is_too_much or passes > _MAX_ARGON2_PASSES or lanes > _MAX_ARGON2_LANES:
        raise _invalid("Checking this Argon2 hash takes too much memory or time.", "invalid_argon_2_memory")
    if lanes < 1 or passes < 1 or memory < 8 * lanes:
        raise _invalid(
            "Argon2 needs at least 1 pass, 1 thread, and 8 KiB of memory for each thread.", "invalid_argon_2_memory"
        )
    if len(_decoded(found["salt"], "The salt", "invalid_argon_2_salt")) < _MIN_ARGON2_SALT:
        raise _invalid(f"The salt must have at least {_MIN_ARGON2_SALT} bytes.", "invalid_argon_2_salt")
    if len(_decoded(found["hash"], "The hash", "invalid_hash")) < _MIN_ARGON2_HASH:
        raise _invalid(f"The hash must have at least {_MIN_ARGON2_HASH} bytes.", "invalid_hash")
    return f"argon2{text}"


def _argon2_of_parts(variant: str, password: PasswordHash) -> str:
    config = password.config
    memory = _number(config, "memory", 8, _MAX_ARGON2_KIB, "invalid_argon_2_memory")
    passes = _number(config, "iteration_amount", 1, _MAX_ARGON2_PASSES, "invalid_argon_2_iteration_amount")
    lanes = _number(config, "threads", 1, _MAX_ARGON2_LANES, "invalid_argon_2_threads")
    salt = _bytes(str(config.get("salt") or ""))
    try:
        result = bytes.fromhex(password.hash)
    except ValueError:
        raise _invalid("With argon_2_config, the hash must be hexadecimal.", "invalid_hash") from None
    _same_length(config, result, "argon_2_key_length_mismatch")
    written = [_b64(part).rstrip("=") for part in (salt, result)]
    return f"${variant}$v=19$m={memory},t={passes},p={lanes}${written[0]}${written[1]}"


_READERS: Mapping[str, Callable[[str, Config], _OldHash]] = {
    "bcrypt": _read_bcrypt,
    "md_5": _read_salted("md_5", 32),
    "sha_1": _read_salted("sha_1", 40),
    "sha_512": _read_salted("sha_512", 128),
    "scrypt": _read_scrypt,
    "phpass": _read_phpass,
    "pbkdf_2": _read_pbkdf2,
}


def _number(config: Config, name: str, minimum: int, maximum: int, error_type: str) -> int:
    value = config.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
        raise _invalid(f"{name} must be a whole number from {minimum} to {maximum}.", error_type)
    return value


def _same_length(config: Config, result: bytes, error_type: str) -> None:
    length = config.get("key_length")
    if length is not None and length != len(result):
        raise _invalid(f"The hash has {len(result)} bytes, but key_length is {length}.", error_type)


def _decoded(text: object, what: str, error_type: str) -> bytes:
    """Decode base64 of either alphabet, with or without padding. Raise Invalid."""
    written = str(text or "").rstrip("=").replace("+", "-").replace("/", "_")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", written) or len(written) % 4 == 1:
        raise _invalid(f"{what} must be base64.", error_type)
    return urlsafe_b64decode(written + "=" * (-len(written) % 4))


def _b64(content: bytes) -> str:
    return b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _invalid(detail: str, error_type: str) -> Invalid:
    return Invalid(detail, field="hash", error_type=error_type)
