"""Password hashes that a product brings along from elsewhere (Stytch: passwords.migrate).

What is stored is Argon2 of the old hash, so that none of the weak ones stands in the database; the first sign-in replaces it by
Argon2 of the password itself. An Argon2 hash is stored as it is.
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

_MOST_STORED = 256  # models.MemberRow.password
# What one check may cost, so that nobody's sign-in holds up the others.
_MOST_PBKDF2_ROUNDS = 3_000_000
_MOST_SCRYPT_BYTES = 134_217_728
_MOST_BCRYPT_COST, _MOST_PHPASS_COST = 15, 20
_ARGON2_VARIANTS = {"argon_2i": "argon2i", "argon_2id": "argon2id"}
_MOST_ARGON2_KIB, _MOST_ARGON2_PASSES, _MOST_ARGON2_LANES = 262_144, 16, 64
_MOST_ARGON2_KIB_OF_ALL_PASSES = 1_048_576
_LEAST_ARGON2_SALT, _LEAST_ARGON2_HASH = 8, 4  # RFC 9106
_BCRYPT = re.compile(r"\$2[abxy]\$(?P<cost>\d\d)\$[./A-Za-z0-9]{53}\Z")
_BCRYPT_BYTES = 72  # what bcrypt has always looked at
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
class _Old:
    """A hash from elsewhere: how it comes from a password, and what came out, in hexadecimal or the scheme's own digits."""

    kind: str
    parameters: Sequence[str]
    result: str


class Migrated(BasePasswordHasher):
    """Argon2 of another scheme's hash: `migrated$<kind>$<parameters>$<Argon2>`; made by `encoded_hash` alone."""

    algorithm = "migrated"

    def verify(self, password: str, encoded: str) -> bool:
        """Check a password against the hash that was brought along."""
        _, kind, parameters, inner = encoded.split("$", 3)
        return check_password(_KINDS[kind](password, parameters.split(":")), inner)

    def must_update(self, encoded: str) -> bool:  # noqa: ARG002 -- Django's signature
        """Say that the password itself is to be hashed as soon as it is known."""
        return True

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Do nothing: a check takes longer than one of our own hashes in any case."""


def encoded_hash(password: PasswordHash) -> str:
    """Return a hash as Member.password has it. Raises Invalid that says what is wrong with it."""
    encoded = _encoded(password)
    if len(encoded) > _MOST_STORED:
        raise _invalid("The salt or the hash is too long.", "invalid_hash")
    try:
        # What cannot be checked shall fail now, and not when the person signs in.
        identify_hasher(encoded).verify("", encoded)
    except (ValueError, Argon2Error):
        raise _invalid(
            "The hash cannot be checked: its salt or its parameters are not valid.", "invalid_hash"
        ) from None
    return encoded


def _encoded(password: PasswordHash) -> str:
    if password.hash_type in _ARGON2_VARIANTS:
        return _argon2(password, _ARGON2_VARIANTS[password.hash_type])
    read = _READERS.get(password.hash_type)
    if read is None:
        raise _invalid(
            f"There is no hash type like that. These are taken: {', '.join(HASH_TYPES)}.", "invalid_hash_type"
        )
    old = read(password.hash, password.config)
    return f"{Migrated.algorithm}${old.kind}${':'.join(old.parameters)}${make_password(old.result)}"


# --- How the old hash comes from a password -----------------------------------------------------------------------------


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
    most = _MOST_SCRYPT_BYTES * 2
    return hashlib.scrypt(_bytes(password), salt=salt, n=n, r=r, p=p, dklen=length, maxmem=most).hex()


def _bcrypt(password: str, parameters: Sequence[str]) -> str:
    # Loaded by who signs in with such a password.
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
    """Return the digest as phpass writes it: three bytes as four digits, the lowest bits first."""
    written = ""
    for place in range(0, len(digest), 3):
        part = digest[place : place + 3]
        value = int.from_bytes(part, "little")
        written += "".join(_PHPASS_DIGITS[value >> (6 * digit) & 63] for digit in range(len(part) + 1))
    return written


_KINDS: Mapping[str, Callable[[str, Sequence[str]], str]] = {
    "bcrypt": _bcrypt,
    "md_5": _salted("md5"),
    "sha_1": _salted("sha1"),
    "sha_512": _salted("sha512"),
    "scrypt": _scrypt,
    "phpass": _phpass,
    "pbkdf_2": _pbkdf2,
}


# --- What is brought along ----------------------------------------------------------------------------------------------

Config = Mapping[str, Any]


def _read_salted(kind: str, digits: int) -> Callable[[str, Config], _Old]:
    def read(text: str, config: Config) -> _Old:
        if not re.fullmatch(rf"[0-9A-Fa-f]{{{digits}}}", text):
            raise _invalid(f"A {kind} hash has {digits} hexadecimal digits.", f"invalid_{kind}_hash")
        salts = [_bytes(str(config.get(name) or "")) for name in ("prepend_salt", "append_salt")]
        return _Old(kind, [_b64(salt) for salt in salts], text.lower())

    return read


def _read_bcrypt(text: str, _config: Config) -> _Old:
    found = _BCRYPT.match(text)
    if not found or not 4 <= int(found["cost"]) <= _MOST_BCRYPT_COST:  # noqa: PLR2004 -- bcrypt's own least
        raise _invalid(
            f"A bcrypt hash has 60 characters, from $2a$, and a cost from 4 to {_MOST_BCRYPT_COST}.",
            "invalid_bcrypt_hash",
        )
    # PHP's and crypt_blowfish's names for the same.
    _, version, cost, rest = text.split("$")
    version = "2b" if version == "2y" else version
    parameters = [version, cost, rest[:22]]
    return _Old("bcrypt", parameters, f"${version}${cost}${rest}")


def _read_phpass(text: str, _config: Config) -> _Old:
    found = _PHPASS.match(text)
    if not found:
        raise _invalid("A phpass hash has 34 characters, from $P$ or $H$.", "invalid_phpass_hash_format")
    if not 7 <= _PHPASS_DIGITS.index(found["cost"]) <= _MOST_PHPASS_COST:  # noqa: PLR2004 -- phpass' own least
        raise _invalid(
            f"The cost of a phpass hash must be from 7 to {_MOST_PHPASS_COST}.", "invalid_phpass_hash_format"
        )
    return _Old("phpass", [text[3:12]], text[12:])


def _read_pbkdf2(text: str, config: Config) -> _Old:
    name = str(config.get("algorithm") or "sha256")
    if name not in {"sha256", "sha512"}:
        raise _invalid("The algorithm of pbkdf_2_config must be sha256 or sha512.", "invalid_pbkdf_2_algorithm")
    rounds = _number(config, "iteration_amount", 1, _MOST_PBKDF2_ROUNDS, "invalid_pbkdf_2_iteration_amount")
    salt = _decoded(config.get("salt"), "The salt of pbkdf_2_config", "invalid_pbkdf_2_salt")
    result = _decoded(text, "A pbkdf_2 hash", "invalid_pbkdf_2_hash")
    _same_length(config, result, "pbkdf_2_key_length_mismatch")
    # Each block of the result takes all rounds.
    if rounds * math.ceil(len(result) / hashlib.new(name).digest_size) > _MOST_PBKDF2_ROUNDS:
        raise _invalid("A hash of this length takes too long to check.", "invalid_pbkdf_2_iteration_amount")
    return _Old("pbkdf_2", [name, str(rounds), str(len(result)), _b64(salt)], result.hex())


def _read_scrypt(text: str, config: Config) -> _Old:
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
    if n < 2 or n & (n - 1) or not r * p or 128 * n * r * p > _MOST_SCRYPT_BYTES:  # noqa: PLR2004 -- RFC 7914
        raise _invalid(
            "N must be a power of two, r and p at least 1, and 128 * N * r * p at most 128 MiB.",
            "invalid_scrypt_parameters",
        )
    return _Old("scrypt", [str(n), str(r), str(p), str(len(result)), _b64(salt)], result.hex())


def _argon2(password: PasswordHash, variant: str) -> str:
    """Return an Argon2 hash in Django's form; it came encoded, or in hexadecimal beside argon_2_config."""
    text = password.hash if password.hash.startswith("$") else _argon2_of_parts(variant, password)
    found = _ARGON2.match(text)
    if not found or found["variant"] != variant:
        raise _invalid(
            f"An {password.hash_type} hash is ${variant}$v=19$m=…,t=…,p=…$salt$hash, or hexadecimal with argon_2_config.",
            "invalid_hash",
        )
    memory, passes, lanes = (int(found[name]) for name in "mtp")
    is_too_much = memory > _MOST_ARGON2_KIB or memory * passes > _MOST_ARGON2_KIB_OF_ALL_PASSES
    if is_too_much or passes > _MOST_ARGON2_PASSES or lanes > _MOST_ARGON2_LANES:
        raise _invalid("This Argon2 hash takes too much memory or time to check.", "invalid_argon_2_memory")
    if lanes < 1 or passes < 1 or memory < 8 * lanes:
        raise _invalid("Argon2 needs a pass, a thread, and 8 KiB for each thread.", "invalid_argon_2_memory")
    if len(_decoded(found["salt"], "The salt", "invalid_argon_2_salt")) < _LEAST_ARGON2_SALT:
        raise _invalid(f"The salt must have at least {_LEAST_ARGON2_SALT} bytes.", "invalid_argon_2_salt")
    if len(_decoded(found["hash"], "The hash", "invalid_hash")) < _LEAST_ARGON2_HASH:
        raise _invalid(f"The hash must have at least {_LEAST_ARGON2_HASH} bytes.", "invalid_hash")
    return f"argon2{text}"


def _argon2_of_parts(variant: str, password: PasswordHash) -> str:
    config = password.config
    memory = _number(config, "memory", 8, _MOST_ARGON2_KIB, "invalid_argon_2_memory")
    passes = _number(config, "iteration_amount", 1, _MOST_ARGON2_PASSES, "invalid_argon_2_iteration_amount")
    lanes = _number(config, "threads", 1, _MOST_ARGON2_LANES, "invalid_argon_2_threads")
    salt = _bytes(str(config.get("salt") or ""))
    try:
        result = bytes.fromhex(password.hash)
    except ValueError:
        raise _invalid("An Argon2 hash beside argon_2_config is hexadecimal.", "invalid_hash") from None
    _same_length(config, result, "argon_2_key_length_mismatch")
    written = [_b64(part).rstrip("=") for part in (salt, result)]
    return f"${variant}$v=19$m={memory},t={passes},p={lanes}${written[0]}${written[1]}"


_READERS: Mapping[str, Callable[[str, Config], _Old]] = {
    "bcrypt": _read_bcrypt,
    "md_5": _read_salted("md_5", 32),
    "sha_1": _read_salted("sha_1", 40),
    "sha_512": _read_salted("sha_512", 128),
    "scrypt": _read_scrypt,
    "phpass": _read_phpass,
    "pbkdf_2": _read_pbkdf2,
}


def _number(config: Config, name: str, least: int, most: int, error_type: str) -> int:
    value = config.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise _invalid(f"{name} must be a whole number from {least} to {most}.", error_type)
    return value


def _same_length(config: Config, result: bytes, error_type: str) -> None:
    length = config.get("key_length")
    if length is not None and length != len(result):
        raise _invalid(f"The hash has {len(result)} bytes, which is not the key_length.", error_type)


def _decoded(text: object, what: str, error_type: str) -> bytes:
    """Return what is written in base64, of either alphabet, with or without padding."""
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
