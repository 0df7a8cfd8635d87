"""Whether the mail server accepts e-mails; none is sent."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator

from ..key_mail import connected, why
from ..settings import Settings
from .finding import Finding

ADVICE = "so nobody is reminded that their access key expires. Check PROKUBE_AUTH_SMTP_"


def examine_mail(settings: Settings) -> Iterator[Finding]:
    """One finding where a mail server is set: it answers, takes the login, and takes the sender (RFC 5321, 4.1.1.2)."""
    if not settings.smtp_host:
        return
    where = f"{settings.smtp_host}:{settings.smtp_port}"
    try:
        with connected(settings) as server:
            code, _ = server.mail(settings.mail_sender)
            server.rset()
    except smtplib.SMTPAuthenticationError as error:
        yield Finding(
            "warn", "mail", f"{where} refuses the login ({error.smtp_code}), {ADVICE}USERNAME and ..._PASSWORD"
        )
    except smtplib.SMTPNotSupportedError:
        yield Finding("warn", "mail", f"{where} offers no {_missing(settings)}, {ADVICE}SECURITY and ..._PORT")
    except (OSError, smtplib.SMTPException) as error:
        yield Finding(
            "warn", "mail", f"{where} does not accept e-mails ({why(error)}), {ADVICE}HOST, ..._PORT and ..._SECURITY"
        )
    else:
        if code == 250:
            yield Finding("ok", "mail", f"{where} accepts e-mails from {settings.mail_sender}")
        else:
            text = f"{where} refuses the sender {settings.mail_sender} ({code}), {ADVICE}FROM"
            yield Finding("warn", "mail", text)


def _missing(settings: Settings) -> str:
    return "STARTTLS" if settings.smtp_security == "starttls" else "login"
