"""The project's configuration, which Stytch keeps in its dashboard: where its emails may lead, and what its SDKs may do."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from portal.directory import themes
from portal.directory.brands import COLOR, takes_white_text
from portal.directory.embed_origins import check_origins
from portal.directory.errors import Invalid
from portal.directory.logos import MAX_BYTES, image_type

RedirectType = Literal["login", "signup", "invite", "reset_password", "discovery"]
SdkMethod = Literal["email_magic_links", "email_otp", "passwords"]
PkceFlow = Literal["email_magic_links", "password_resets"]
BreachCheck = Literal["create", "authenticate"]

MAX_REDIRECT_URLS = 100  # of one type
MINIMUM_PASSWORD = 12  # characters, with zxcvbn
_MAX_LENGTH = 2048
_MAX_NAME, _MAX_IMPRINT = 60, 200
# The value of a query parameter that the request chooses.
_PLACEHOLDER = "{}"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
# They would run in the page that opens them.
_NEVER = frozenset({"javascript", "data", "vbscript", "file", "blob", "about"})
_DOMAIN = re.compile(r"([a-z0-9-]{1,63}\.)+[a-z0-9-]{2,63}")
_HOST = re.compile(rf"{_DOMAIN.pattern}(:[0-9]{{1,5}})?")
_COUNTRY = re.compile(r"[A-Z]{2}")
_TOKEN_PARAMETERS = frozenset({"token", "stytch_token_type"})


class RedirectUrls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The URLs of the product that links in emails may lead to, by type. The first of a type is its default.

    A query parameter whose value is `{}` takes any value that a request gives it (Stytch: redirect URLs).
    """

    login: tuple[str, ...] = ()
    signup: tuple[str, ...] = ()
    invite: tuple[str, ...] = ()
    reset_password: tuple[str, ...] = ()
    discovery: tuple[str, ...] = ()

    def chosen(self, redirect_type: RedirectType, requested: str | None) -> str:
        """Return the URL for a request, the default if it names none. Raise Invalid if it isn't configured."""
        configured: tuple[str, ...] = getattr(self, redirect_type)
        if not configured:
            raise Invalid(
                f'No redirect URL of the type "{redirect_type}" is configured.',
                field=f"{redirect_type}_redirect_url",
                error_type=_NONE_CONFIGURED[redirect_type],
            )
        if not requested:
            return configured[0]
        if not any(_matches(one, requested) for one in configured):
            raise Invalid(
                f'"{requested[:200]}" is not one of the configured redirect URLs of the type "{redirect_type}".',
                field=f"{redirect_type}_redirect_url",
                error_type="no_match_for_provided_magic_link_url",
            )
        return requested


class Sdk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What Stytch's browser SDKs may do without a backend."""

    methods: tuple[SdkMethod, ...] = get_args(SdkMethod)
    create_organizations: bool = False
    pkce_required: tuple[PkceFlow, ...] = ()
    # Sessions are in cookies that scripts can't read. Gatehouse and the product must share a registrable domain.
    http_only_cookies: bool = False
    # Such as example.com, to send the cookies to the product's backend, too. Empty sends them to Gatehouse only.
    cookie_domain: str = ""


class Sessions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits of sessions."""

    # Of products' sessions, and the longest limits that organizations can choose; Stytch's maximum is the default.
    max_duration_minutes: int = 527_040
    # The most days that an organization can have devices remembered, 0 for none.
    max_remembered_device_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 30
    # Of the system that the product used before: it says whose a session there is (Stytch: sessions.migrate).
    userinfo_url: str = ""


class Passwords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules for new passwords (Stytch: password strength policy).

    `luds` counts characters and their kinds: lower case, upper case, digits and symbols.
    """

    strength: Literal["zxcvbn", "luds"] = "zxcvbn"
    luds_complexity: Annotated[int, msgspec.Meta(ge=1, le=4)] = 3  # how many of the four kinds
    luds_minimum_count: Annotated[int, msgspec.Meta(ge=8, le=32)] = 12  # characters
    # When a password is looked up in the list of leaked ones: when it is set, and at each sign-in.
    breach_detection: tuple[BreachCheck, ...] = ()
    # Answers the first five characters of a SHA-1 with the hashes that begin so (Have I Been Pwned's range API).
    breach_url: str = "https://api.pwnedpasswords.com/range/"

    @property
    def minimum_length(self) -> int:
        """The number of characters that a password must have at least."""
        return self.luds_minimum_count if self.strength == "luds" else MINIMUM_PASSWORD

    @property
    def hint(self) -> str:
        """What a person who chooses a password must know, in a sentence or two."""
        if self.strength == "luds":
            kinds = "a lowercase letter, an uppercase letter, a digit and a symbol"
            count = "all" if self.luds_complexity == 4 else f"at least {self.luds_complexity}"  # noqa: PLR2004 -- kinds
            return f"At least {self.luds_minimum_count} characters, with {count} of these: {kinds}."
        return f"At least {MINIMUM_PASSWORD} characters. A few unrelated words are easy to remember and hard to guess."


class Sms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where text messages may be sent."""

    # ISO 3166-1 codes; Stytch's defaults.
    countries: tuple[str, ...] = ("US", "CA")


class AttributeMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The claims of a trusted auth token that hold the email address, the token's own ID and the organization."""

    email: str
    token_id: str
    # The organization's ID, slug or external ID.
    organization_id: str | None = None


class TrustedTokenProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An issuer of JWTs that products exchange for sessions (Stytch: trusted auth token profile).

    The tokens are verified with `public_keys` in PEM form, or else with the keys at `jwks_url`.
    """

    profile_id: str
    issuer: str
    audience: str
    attribute_mapping: AttributeMapping
    jwks_url: str = ""
    public_keys: tuple[str, ...] = ()


class Invitations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long the link of an invitation works, unless a request says otherwise."""

    # Stytch's default, and its range.
    lifetime_minutes: Annotated[int, msgspec.Meta(ge=5, le=10_080)] = 10_080


class Theme(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the portal looks, where an organization has no theme of its own. Empty for the built-in theme."""

    # Of buttons, links and what is selected, with white text on it.
    color: str = ""
    # none, small, medium or large.
    radius: str = ""
    # inter, or a kind of font that systems have: system, humanist, geometric or serif.
    font: str = ""
    # auto, light or dark.
    color_scheme: str = ""
    # A PNG or WebP image, for pages that belong to no organization. Relative to this file.
    logo: str = ""

    @property
    def chosen(self) -> themes.Theme:
        """What the file chooses."""
        return themes.Theme(self.color, self.radius, self.font, self.color_scheme)


class Mail(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What emails look like. The sender is a setting (EMAIL_FROM)."""

    # The name of the portal in emails.
    portal_name: str = "Gatehouse"
    # The color of buttons, with white text on it. "" for the theme's.
    brand: str = ""
    # A line below each email, such as the name and the address of a company.
    imprint: str = ""
    # A folder with texts of one's own, a file per language (portal/mail/own_texts.py). Relative to this file.
    texts: str = ""
    # A folder with whole emails of one's own, a folder per template ID (portal/mail/own_templates.py). Relative to this file.
    templates: str = ""
    # The ID of the template for emails whose request chooses none. "" for the built-in one.
    template: str = ""
    # The hosts that links and images of these templates may have, next to the portal's.
    link_hosts: tuple[str, ...] = ()


class Embed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Frames of the portal in pages of the product (docs/embed.md)."""

    # Of the pages that may frame the portal of every organization.
    origins: tuple[str, ...] = ()


class ProjectConfiguration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The project's configuration."""

    name: str = "Gatehouse"
    redirect_urls: RedirectUrls = msgspec.field(default_factory=RedirectUrls)
    sdk: Sdk = msgspec.field(default_factory=Sdk)
    sessions: Sessions = msgspec.field(default_factory=Sessions)
    passwords: Passwords = msgspec.field(default_factory=Passwords)
    sms: Sms = msgspec.field(default_factory=Sms)
    invitations: Invitations = msgspec.field(default_factory=Invitations)
    trusted_auth_tokens: tuple[TrustedTokenProfile, ...] = ()
    mail: Mail = msgspec.field(default_factory=Mail)
    theme: Theme = msgspec.field(default_factory=Theme)
    embed: Embed = msgspec.field(default_factory=Embed)


_NONE_CONFIGURED: dict[RedirectType, str] = {
    "login": "no_login_redirect_urls_set",
    "signup": "no_signup_redirect_urls_set",
    "invite": "no_invite_redirect_urls_set",
    "reset_password": "no_password_reset_redirect_url",
    "discovery": "no_discovery_redirect_urls_set",
}


def load_configuration(
    path: Path | None, redirect_urls: Collection[str] = (), *, allows_http: bool = False
) -> ProjectConfiguration:
    """Return the project's configuration from a TOML file. `redirect_urls` count for every type that the file leaves out.

    With `allows_http` (ALLOW_HTTP), pages of this computer over plain http may embed the portal.

    Raise ValueError with the cause.
    """
    configuration = ProjectConfiguration()
    if path is not None:
        try:
            configuration = msgspec.toml.decode(path.read_bytes(), type=ProjectConfiguration)
        except (OSError, UnicodeError, msgspec.DecodeError) as error:
            raise ValueError(f"{path}: {error}") from error
    of_type = {
        name: getattr(configuration.redirect_urls, name) or tuple(redirect_urls) for name in get_args(RedirectType)
    }
    for name, urls in of_type.items():
        _check_urls(name, urls)
    limit = configuration.sessions.max_duration_minutes
    if not 5 <= limit <= Sessions().max_duration_minutes:  # noqa: PLR2004 -- Stytch's minimum
        raise ValueError(f"sessions.max_duration_minutes is {limit}, but must be from 5 to 527040")
    if configuration.sessions.userinfo_url and not configuration.sessions.userinfo_url.startswith("https://"):
        raise ValueError("sessions.userinfo_url must begin with https://")
    _check_profiles(configuration.trusted_auth_tokens)
    _check_countries(configuration.sms.countries)
    if configuration.sdk.cookie_domain and not _DOMAIN.fullmatch(configuration.sdk.cookie_domain):
        raise ValueError(f'sdk.cookie_domain is "{configuration.sdk.cookie_domain}", but must be like example.com')
    if not configuration.passwords.breach_url.startswith("https://"):
        raise ValueError("passwords.breach_url must begin with https://")
    check_origins(configuration.embed.origins, allows_http=allows_http)
    mail = _checked_mail(configuration.mail, path.parent if path else Path())
    theme = _checked_theme(configuration.theme, path.parent if path else Path())
    return msgspec.structs.replace(configuration, redirect_urls=RedirectUrls(**of_type), mail=mail, theme=theme)


def with_token(redirect_url: str, token_type: str, token: str) -> str:
    """Return a redirect URL with Stytch's parameters `stytch_token_type` and `token`."""
    parts = urlsplit(redirect_url)
    query = [*parse_qsl(parts.query, keep_blank_values=True), ("stytch_token_type", token_type), ("token", token)]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _check_countries(countries: Collection[str]) -> None:
    if unknown := [one for one in countries if not _COUNTRY.fullmatch(one)]:
        raise ValueError(f'sms.countries has "{unknown[0][:20]}", but must list country codes such as "US"')


def _checked_mail(mail: Mail, folder: Path) -> Mail:
    """Return what emails look like, with an absolute folder. Raise ValueError."""
    if not _is_line(mail.portal_name, _MAX_NAME) or not mail.portal_name:
        raise ValueError(f"mail.portal_name must be one line of 1 to {_MAX_NAME} characters")
    if not _is_line(mail.imprint, _MAX_IMPRINT):
        raise ValueError(f"mail.imprint must be one line of up to {_MAX_IMPRINT} characters")
    brand = mail.brand.lower()
    if brand and (not COLOR.fullmatch(brand) or not takes_white_text(brand)):
        raise ValueError(
            f'mail.brand is "{mail.brand[:20]}", but must be a color such as #3b52d4, dark enough for white text (4.5:1)'
        )
    texts, templates = _folder("mail.texts", folder, mail.texts), _folder("mail.templates", folder, mail.templates)
    if mail.template and not (templates and (Path(templates) / Path(mail.template).name).is_dir()):
        raise ValueError(f'mail.template is "{mail.template[:100]}", which isn\'t a folder in mail.templates')
    hosts = tuple(one.lower() for one in mail.link_hosts)
    if wrong := [one for one in hosts if not _HOST.fullmatch(one)]:
        raise ValueError(f'mail.link_hosts has "{wrong[0][:100]}", but must list hosts such as www.example.com')
    return msgspec.structs.replace(mail, brand=brand, texts=texts, templates=templates, link_hosts=hosts)


def _checked_theme(theme: Theme, folder: Path) -> Theme:
    """Return the theme, with its color in lower case and the absolute path of its logo. Raise ValueError."""
    lower = msgspec.structs.replace(theme, color=theme.color.lower(), logo=_logo(folder, theme.logo))
    for name, sentence in themes.problems(lower.chosen).items():
        raise ValueError(f'theme.{name} is "{getattr(theme, name)[:20]}". {sentence}')
    return lower


def _logo(of_file: Path, logo: str) -> str:
    """Return the absolute path of a logo, "" for none. Raise ValueError."""
    if not logo:
        return ""
    path = (of_file / logo).resolve()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"theme.logo is {path}, which can't be read: {error.strerror}") from error
    if not image_type(content) or len(content) > MAX_BYTES:
        raise ValueError(f"theme.logo is {path}, but must be a PNG or WebP image of up to {MAX_BYTES // 1024} KB")
    return str(path)


def _folder(name: str, of_file: Path, folder: str) -> str:
    """Return the absolute path of a folder, "" for none. Raise ValueError."""
    path = str((of_file / folder).resolve()) if folder else ""
    if path and not Path(path).is_dir():
        raise ValueError(f"{name} is {path}, which isn't a folder")
    return path


def _is_line(text: str, longest: int) -> bool:
    return len(text) <= longest and text.isprintable()


def _check_profiles(profiles: Collection[TrustedTokenProfile]) -> None:
    if len({one.profile_id for one in profiles}) < len(profiles):
        raise ValueError("trusted_auth_tokens has a profile_id twice")
    for one in profiles:
        of_profile = f'trusted_auth_tokens has the profile "{one.profile_id}"'
        if not (one.profile_id and one.issuer and one.audience):
            raise ValueError(f"{of_profile}, but profile_id, issuer and audience must not be empty")
        if bool(one.jwks_url) == bool(one.public_keys):
            raise ValueError(f"{of_profile}, which must have either jwks_url or public_keys")
        if one.jwks_url and not one.jwks_url.startswith("https://"):
            raise ValueError(f"{of_profile}, whose jwks_url must begin with https://")


def _check_urls(name: str, urls: Collection[str]) -> None:
    if len(urls) > MAX_REDIRECT_URLS:
        raise ValueError(f"redirect_urls.{name} has more than {MAX_REDIRECT_URLS} URLs")
    for number, url in enumerate(urls):
        if cause := _problem(url, is_default=number == 0):
            raise ValueError(f'redirect_urls.{name} has "{url[:200]}", {cause}')


def _problem(url: str, *, is_default: bool) -> str:
    """Return why a URL can't be a redirect URL, "" if it can."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return "which isn't a URL"
    is_web = parts.scheme in {"http", "https"}
    query = parse_qsl(parts.query, keep_blank_values=True)
    problems = (
        (
            len(url) > _MAX_LENGTH or any(one.isspace() or not one.isprintable() for one in url),
            "which is too long or has a space in it",
        ),
        (
            not parts.scheme or parts.scheme in _NEVER or (is_web and not parts.hostname),
            "but must be a URL such as https://app.example.com/authenticate",
        ),
        (parts.scheme == "http" and parts.hostname not in _LOOPBACK, "but plain http is only for localhost"),
        (
            bool(parts.fragment or parts.username or parts.password or "*" in url),
            "but a redirect URL has no fragment, user name, password or *",
        ),
        (
            not _TOKEN_PARAMETERS.isdisjoint(name for name, _ in query),
            "but Gatehouse adds the parameters token and stytch_token_type itself",
        ),
        (
            is_default and any(value == _PLACEHOLDER for _, value in query),
            "but the first URL is the default, so it can't have a {}",
        ),
    )
    return next((problem for is_one, problem in problems if is_one), "")


def _matches(configured: str, requested: str) -> bool:
    """Say whether a request may lead to a URL: the same one, apart from the values of placeholders."""
    if configured == requested:
        return True
    if _PLACEHOLDER not in configured or _problem(requested, is_default=False):
        return False
    ours, theirs = urlsplit(configured), urlsplit(requested)
    names = parse_qsl(ours.query, keep_blank_values=True)
    values = parse_qsl(theirs.query, keep_blank_values=True)
    return (
        _without_query(ours) == _without_query(theirs)
        and len(names) == len(values)
        and all(
            name == other and expected in {value, _PLACEHOLDER}
            for (name, expected), (other, value) in zip(names, values, strict=True)
        )
    )


def _without_query(parts: SplitResult) -> str:
    return urlunsplit(parts._replace(query=""))
