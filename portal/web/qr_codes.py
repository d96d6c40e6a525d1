"""QR codes, as an image in a URL and as SVG. The library is loaded at the first use."""


def png_data_url(text: str) -> str:
    """Return a QR code as a data URL of a PNG image, as Stytch's component shows it."""
    import segno  # noqa: PLC0415 -- most processes never draw one

    url: str = segno.make(text, micro=False).png_data_uri(scale=6, border=4)
    return url


def svg_path(text: str) -> tuple[str, int]:
    """Return the dark squares of a QR code as the data of an SVG path, and the number of squares on each side."""
    import segno  # noqa: PLC0415 -- as above

    rows = [bytes(row) for row in segno.make(text, micro=False).matrix]
    return "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark), len(rows)
