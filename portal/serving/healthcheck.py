"""Ask this machine's own server for a health check: `python -m portal.serving.healthcheck /readyz`.

The exit status is 0 if it answers 200. The address is the one that granian listens on, from the same variables. It runs
every few seconds, so it loads neither Django nor an HTTP library.
"""

import os
import socket
import sys

_SECONDS = 4


def connect() -> socket.socket:
    """Connect to the server. Raise OSError if it doesn't listen."""
    if path := os.environ.get("GRANIAN_UDS"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(_SECONDS)
        connection.connect(path)
        return connection
    address = os.environ.get("GRANIAN_HOST", "127.0.0.1"), int(os.environ.get("GRANIAN_PORT", "8000"))
    return socket.create_connection(address, _SECONDS)


def ask(path: str) -> str:
    """Return the status line of the server's answer. Raise OSError if it doesn't answer."""
    with connect() as connection, connection.makefile("rb") as answer:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return answer.readline(200).decode("latin-1").strip()


if __name__ == "__main__":
    try:
        line = ask(sys.argv[1])
    except OSError as error:
        sys.exit(f"The server doesn't answer: {error}")
    if line.split()[1:2] != ["200"]:
        sys.exit(f"{sys.argv[1]} answered: {line}")
