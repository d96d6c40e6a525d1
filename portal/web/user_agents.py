"""A browser's User-Agent header in words."""

# The first that matches, since browsers name those that they descend from.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_MAX_LENGTH = 60


def browser_name(user_agent: str) -> str:
    """Return "Chrome on macOS" for a known browser, else the beginning of the header. It is what the client claims."""
    if known := known_browser(user_agent):
        return known
    return user_agent if len(user_agent) <= _MAX_LENGTH else f"{user_agent[:_MAX_LENGTH]}…"


def known_browser(user_agent: str) -> str:
    """Return "Chrome on macOS" for a known browser, else "": nothing that the client chose the words of."""
    browser, system = known_device(user_agent)
    return f"{browser} on {system}" if browser else ""


def known_device(user_agent: str) -> tuple[str, str]:
    """Return the names of a known browser and its system, such as "Chrome" and "macOS", or two empty texts."""
    browser, system = (
        next((name for part, name in known if part in user_agent), "") for known in (_BROWSERS, _SYSTEMS)
    )
    is_known = browser and system and user_agent.startswith("Mozilla/")
    return (browser, system) if is_known else ("", "")
