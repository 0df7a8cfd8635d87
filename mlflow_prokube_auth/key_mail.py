"""E-mails to owners of access keys that end soon, where a mail server is set; by the standard library."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from . import logs
from .policy.words import moment
from .setting_types import is_address
from .settings import Settings
from .store.key_reminders import KeyReminders, Reminder

_logger = logs.logger(__name__)

# Days before a key's end.
STEPS = (14, 2)
TIMEOUT_SECONDS = 20
# A process that has claimed an e-mail and not sent it by then is gone.
CLAIM_SECONDS = 600
RETRY_SECONDS = 3600


@dataclass(frozen=True)
class KeyMail:
    """Sends what is due; once for each key and step, whatever the number of processes and replicas."""

    reminders: KeyReminders
    settings: Settings

    def __call__(self, now: int) -> None:
        """Look, and send. A server that does not answer is asked again in an hour."""
        for reminder in self.reminders.due(now, STEPS):
            recipient = self._recipient(reminder)
            if recipient is None or not self.reminders.claim(reminder, now, now + CLAIM_SECONDS):
                continue
            try:
                self._send(reminder, recipient)
            except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError) as error:
                self._refused(reminder, error, now)
            except (OSError, smtplib.SMTPException) as error:  # an ssl.SSLError is an OSError
                self.reminders.postpone(reminder, now + RETRY_SECONDS)
                _logger.warning(
                    "e-mail: %s:%d does not accept e-mails (%s); next attempt in an hour",
                    self.settings.smtp_host,
                    self.settings.smtp_port,
                    why(error),
                )
                return
            else:
                self.reminders.settle(reminder, now)
                _logger.info("e-mail: %s received a reminder that key %s expires", recipient, reminder.key_id)

    def _refused(self, reminder: Reminder, error: smtplib.SMTPException, now: int) -> None:
        """One e-mail was not taken: for good with a code of 500 or above (RFC 5321, section 4.2.1), else for now."""
        code = _code(error)
        if code >= 500:
            self.reminders.settle(reminder, now)
        else:
            self.reminders.postpone(reminder, now + RETRY_SECONDS)
        what = "is given up" if code >= 500 else "is tried again in an hour"
        _logger.warning(
            "e-mail: the reminder to the owner of key %s was refused with %d and %s", reminder.key_id, code, what
        )

    def _recipient(self, reminder: Reminder) -> str | None:
        """The owner where their name is an address; of service accounts the support contact."""
        name = self.settings.support_contact or "" if reminder.is_service else reminder.username
        return name if is_address(name) else None

    def _send(self, reminder: Reminder, recipient: str) -> None:
        with connected(self.settings) as server:
            server.send_message(written(reminder, recipient, self.settings))


@contextlib.contextmanager
def connected(settings: Settings) -> Iterator[smtplib.SMTP]:
    """A session with the mail server of the settings: encrypted and logged in to as they say.

    Raises:
        OSError, smtplib.SMTPException: it does not answer, or accepts no e-mails.
    """
    host, port = settings.smtp_host or "", settings.smtp_port
    context = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_SECONDS)
    with server:
        if settings.smtp_security == "starttls":
            server.starttls(context=context)
        if settings.smtp_username:
            password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
            server.login(settings.smtp_username, password)
        yield server


def written(reminder: Reminder, recipient: str, settings: Settings) -> EmailMessage:
    """The e-mail. It holds no secret, and leads to the page where the key is replaced."""
    whose = f"of the service account {reminder.username}" if reminder.is_service else f"of {reminder.username}"
    named = f"{reminder.key_id} ({reminder.note})" if reminder.note else reminder.key_id
    page = (
        f"{settings.external_url}/prokube-auth/admin/service-accounts"
        if reminder.is_service
        else f"{settings.keys_url}#create-key"
    )
    lines = [
        f"The MLflow access key {named} {whose} expires on {moment(reminder.expires_at)}.",
        "Everything that uses it stops working then.",
        "",
        f"Create a new one here: {page}",
    ]
    if not reminder.is_service:
        lines += ["or on the command line:", "", f"  mlflow-prokube-auth login --tracking-uri {settings.external_url}"]
    lines += ["", "The new key replaces this one at once."]
    message = EmailMessage()
    which = "An" if reminder.is_service else "Your"
    message["Subject"] = f"{which} MLflow access key expires on {moment(reminder.expires_at)[:10]}"
    message["From"] = settings.mail_sender
    message["To"] = recipient
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=settings.mail_sender.rpartition("@")[2])
    # Nobody's holiday note answers it (RFC 3834, section 5).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(lines) + "\n")
    return message


def _code(error: smtplib.SMTPException) -> int:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return max((code for code, _ in error.recipients.values()), default=0)
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0


def why(error: Exception) -> str:
    """What failed, without what the server said, in which anything may be."""
    code = f" {error.smtp_code}" if isinstance(error, smtplib.SMTPResponseException) else ""
    return f"{type(error).__name__}{code}"
