"""A mail server of the standard library's sockets: enough of RFC 5321, STARTTLS and AUTH PLAIN to be sent to."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Received:
    """One e-mail, and how it came."""

    recipient: str
    message: EmailMessage
    encrypted: bool
    login: tuple[str, str] | None


@dataclass
class MailServer:
    """What it has got; ``refusals`` answers MAIL and RCPT of an address with that line; None takes any login."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    refusals: dict[str, str] = field(default_factory=dict)
    login: tuple[str, str] | None = None
    context: ssl.SSLContext | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.mail = cast(MailServer, cast(Any, self.server).mail)
        self.encrypted, self.login, self.recipient = False, cast("tuple[str, str] | None", None), ""
        self.say("220 test ESMTP")
        while line := self.rfile.readline().decode().strip():
            command = line.split(" ")[0].upper()
            if command == "QUIT":
                self.say("221 bye")
                return
            getattr(self, f"do_{command.lower()}", self.do_other)(line)

    def say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    def do_other(self, line: str) -> None:
        self.say(f"502 {line.split(' ')[0]} is not known")

    def do_ehlo(self, _line: str) -> None:
        tls = self.mail.context is not None and not self.encrypted
        self.say("250-test", *(["250-STARTTLS"] if tls else []), "250 AUTH PLAIN")

    def do_starttls(self, _line: str) -> None:
        assert self.mail.context is not None
        self.say("220 go on")
        self.connection = self.mail.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), cast(Any, self.connection.makefile("wb", buffering=0))
        self.encrypted = True

    def do_auth(self, line: str) -> None:
        _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
        if self.mail.login not in (None, (user, password)):
            self.say("535 5.7.8 no")
            return
        self.login = (user, password)
        self.say("235 welcome")

    def do_mail(self, line: str) -> None:
        sender = line.partition("<")[2].partition(">")[0]
        self.say(self.mail.refusals.get(sender, "250 ok"))

    def do_rcpt(self, line: str) -> None:
        self.recipient = line.partition("<")[2].partition(">")[0]
        self.say(self.mail.refusals.get(self.recipient, "250 ok"))

    def do_rset(self, _line: str) -> None:
        self.say("250 ok")

    def do_data(self, _line: str) -> None:
        self.say("354 send it")
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        message = message_from_bytes(b"".join(lines), policy=default)
        with self.mail.lock:
            self.mail.received.append(Received(self.recipient, message, self.encrypted, self.login))
        self.say("250 taken")


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def mail_server(port: int = 0, certificate: Path | None = None) -> Iterator[MailServer]:
    """One that listens on loopback; with a certificate it offers STARTTLS."""
    with _Server(("127.0.0.1", port), _Handler) as server:
        mail = MailServer(server.server_address[1])
        if certificate is not None:
            mail.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            mail.context.load_cert_chain(certificate)
        cast(Any, server).mail = mail
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield mail
        finally:
            server.shutdown()


def certificate_for_loopback(folder: Path) -> Path:
    """A file with a certificate for 127.0.0.1, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path
