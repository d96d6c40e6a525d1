"""A DNS server on loopback that answers each name as a test wants, over UDP and TCP."""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

_MAX_DATAGRAM = 1232
Answer = Callable[[dns.message.Message], bytes | None]


def txt(*values: str) -> Answer:
    """Answer with TXT records. Long ones are in several strings, as DNS wants it."""

    def answer(question: dns.message.Message) -> bytes:
        response = dns.message.make_response(question)
        texts = [" ".join(f'"{value[at : at + 255]}"' for at in range(0, len(value), 255)) for value in values]
        response.answer.append(dns.rrset.from_text(question.question[0].name, 0, "IN", "TXT", *texts))
        return response.to_wire(max_size=65_535)

    return answer


def says(code: dns.rcode.Rcode) -> Answer:
    def answer(question: dns.message.Message) -> bytes:
        response = dns.message.make_response(question)
        response.set_rcode(code)
        return response.to_wire()

    return answer


def hangs(_: dns.message.Message) -> None:
    """Answer nothing at all."""


def garbage(question: dns.message.Message) -> bytes:
    return struct.pack("!H", question.id) + b"\xff" * 40


def refers_to_itself(question: dns.message.Message) -> bytes:
    name = question.question[0].name
    other = dns.name.from_text("other.example")
    response = dns.message.make_response(question)
    response.answer.append(dns.rrset.from_text(name, 0, "IN", "CNAME", str(other)))
    response.answer.append(dns.rrset.from_text(other, 0, "IN", "CNAME", str(name)))
    return response.to_wire()


MISSING = says(dns.rcode.NXDOMAIN)
FAILS = says(dns.rcode.SERVFAIL)


@dataclass
class DnsServer:
    """What it answers by name, and which names it was asked for. Other names don't exist."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @property
    def resolver(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def respond(self, wire: bytes) -> bytes | None:
        question = dns.message.from_wire(wire)
        name = question.question[0].name.to_text(omit_final_dot=True)
        self.asked.append(name)
        return self.answers.get(name, MISSING)(question)


@contextmanager
def serve_dns() -> Iterator[DnsServer]:
    udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
    tcp.bind(("127.0.0.1", 0))
    udp.bind(tcp.getsockname())
    tcp.listen()
    server = DnsServer(udp.getsockname()[1])
    for target, listener in ((_over_udp, udp), (_over_tcp, tcp)):
        Thread(target=target, args=(server, listener), daemon=True).start()
    try:
        yield server
    finally:
        for one in (udp, tcp):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


def _over_udp(server: DnsServer, listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            wire, address = listener.recvfrom(4096)
            if not wire:  # the end
                return
            response = server.respond(wire)
            if response is not None:
                listener.sendto(response if len(response) <= _MAX_DATAGRAM else _truncated(wire), address)


def _over_tcp(server: DnsServer, listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            with client, suppress(OSError, struct.error):
                (length,) = struct.unpack("!H", client.recv(2))
                response = server.respond(client.recv(length))
                if response is not None:
                    client.sendall(struct.pack("!H", len(response)) + response)


def _truncated(wire: bytes) -> bytes:
    """Have the client ask again over TCP."""
    response = dns.message.make_response(dns.message.from_wire(wire))
    response.flags |= dns.flags.TC
    return response.to_wire()
