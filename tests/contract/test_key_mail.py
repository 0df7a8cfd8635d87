"""E-mails before an access key ends, to a real mail server: who is told, when, and that it is once."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from mlflow_prokube_auth.identity.key_format import compose
from mlflow_prokube_auth.key_mail import RETRY_SECONDS, KeyMail
from mlflow_prokube_auth.model import DAY
from mlflow_prokube_auth.services import Services, open_services
from mlflow_prokube_auth.settings import Settings, SettingsError, load

from ..support.people import acting, admission, let_in
from ..support.processes import free_port
from ..support.settings import GOOD
from ..support.smtp import MailServer, certificate_for_loopback, mail_server

NOW = 20_000 * DAY
PLAIN = {"PROKUBE_AUTH_SMTP_HOST": "127.0.0.1", "PROKUBE_AUTH_SMTP_SECURITY": "none"}


def settings_for(port: int, **more: str) -> Settings:
    return load({**GOOD, **PLAIN, "PROKUBE_AUTH_SMTP_PORT": str(port), **more})


def give_key(services: Services, name: str, left: float, life: int = 90, note: str = "") -> None:
    """A key of ``name`` that ends in ``left`` days of the ``life`` that it was given."""
    person = let_in(services, admission(name, f"s-{name}"))
    secret, end = compose(name.encode().ljust(41, b"x")[:41]), NOW + int(left * DAY)
    services.access_keys.mint(secret, person.user_id, end, acting(end - life * DAY, name), note)


def told(mail: MailServer) -> list[str]:
    found = sorted(each.recipient for each in mail.received)
    mail.received.clear()
    return found


def test_owners_are_told_once_14_and_once_2_days_before_the_end(services: Services) -> None:
    with mail_server() as mail:
        send = KeyMail(services.key_reminders, settings_for(mail.port))
        give_key(services, "a@x.test", 20)
        give_key(services, "b@x.test", 13.5)
        give_key(services, "c@x.test", 1.5)  # of its two e-mails the last one
        give_key(services, "d@x.test", 6, life=7)  # not with its creation
        give_key(services, "e@x.test", -1)
        give_key(services, "not an address", 1)
        days = {
            0: ["b@x.test", "c@x.test"],
            1: [],
            4: ["d@x.test"],
            6: ["a@x.test"],
            12: ["b@x.test"],
            18: ["a@x.test"],
        }
        for day in range(21):
            for _ in range(2):
                send(NOW + day * DAY)
            assert told(mail) == days.get(day, [])


def test_an_e_mail_says_which_key_until_when_and_what_to_do(services: Services) -> None:
    give_key(services, "a@x.test", 13, note="laptop")
    with mail_server() as mail:
        settings = settings_for(mail.port, PROKUBE_AUTH_SUPPORT_CONTACT="help@x.test")
        KeyMail(services.key_reminders, settings)(NOW)
    [got] = mail.received
    key = compose(b"a@x.test".ljust(41, b"x")[:41])
    assert (got.message["To"], got.message["From"]) == ("a@x.test", "help@x.test")
    assert got.message["Subject"] == "Your MLflow access key expires on 2024-10-17"
    text = got.message.get_content().replace("\r\n", "\n")
    assert f"The MLflow access key {key.key_id} (laptop) of a@x.test expires on 2024-10-17 00:00 UTC." in text
    assert "https://mlflow.test/mlflow/prokube-auth/permissions#create-key" in text
    assert "mlflow-prokube-auth login --tracking-uri https://mlflow.test/mlflow\n" in text
    assert key.text not in text


def test_a_service_accounts_end_is_told_to_the_contact(services: Services) -> None:
    service = services.accounts.create_service("nightly", "", acting(NOW))
    services.access_keys.mint(compose(b"s" * 41), service.user_id, NOW + DAY, acting(NOW - 30 * DAY))
    with mail_server() as mail:
        KeyMail(services.key_reminders, settings_for(mail.port, PROKUBE_AUTH_SUPPORT_CONTACT="#mlflow"))(NOW)
        assert told(mail) == []
        KeyMail(services.key_reminders, settings_for(mail.port, PROKUBE_AUTH_SUPPORT_CONTACT="help@x.test"))(NOW)
        assert "of the service account nightly" in mail.received[0].message.get_content()
        assert told(mail) == ["help@x.test"]


def test_nobody_is_told_of_a_key_that_is_replaced_or_whose_owner_is_out(services: Services) -> None:
    for name in ("a@x.test", "b@x.test", "c@x.test"):
        give_key(services, name, 1)
    replaced, out = services.people.find("a@x.test"), services.people.find("c@x.test")
    assert replaced is not None
    assert out is not None
    services.access_keys.mint(compose(b"n" * 41), replaced.user_id, NOW + 30 * DAY, acting(NOW))
    account = services.accounts.find("b@x.test")
    assert account is not None
    services.accounts.set_blocked(account, True, acting(NOW))
    services.people.withdraw(out.user_id, "gone", acting(NOW))
    with mail_server() as mail:
        KeyMail(services.key_reminders, settings_for(mail.port))(NOW)
        assert told(mail) == []


def test_of_many_processes_that_look_at_once_one_tells_each(services: Services, uri: str) -> None:
    names = [f"p{number}@x.test" for number in range(5)]
    for name in names:
        give_key(services, name, 1)
    with mail_server() as mail, ExitStack() as stack:
        settings = settings_for(mail.port)
        others = [open_services(load(GOOD), uri) for _ in range(6)]
        for other in others:
            stack.callback(other.database.engine.dispose)
        with ThreadPoolExecutor(len(others)) as pool:
            list(pool.map(lambda other: KeyMail(other.key_reminders, settings)(NOW), others))
        assert told(mail) == names


def test_what_could_not_be_sent_is_sent_later_and_once(services: Services, caplog: pytest.LogCaptureFixture) -> None:
    give_key(services, "a@x.test", 1)
    port = free_port()
    send = KeyMail(services.key_reminders, settings_for(port))
    send(NOW)
    assert f"127.0.0.1:{port} does not accept e-mails (ConnectionRefusedError)" in caplog.text
    with mail_server(port) as mail:
        send(NOW + RETRY_SECONDS - 1)
        assert told(mail) == []
        for later in (0, RETRY_SECONDS, 2 * RETRY_SECONDS):
            send(NOW + RETRY_SECONDS + later)
        assert told(mail) == ["a@x.test"]


def test_a_process_that_ended_between_claim_and_e_mail_is_replaced(services: Services) -> None:
    give_key(services, "a@x.test", 1)
    [reminder] = services.key_reminders.due(NOW, (14, 2))
    assert services.key_reminders.claim(reminder, NOW, NOW + 600)
    with mail_server() as mail:
        send = KeyMail(services.key_reminders, settings_for(mail.port))
        send(NOW + 599)
        assert told(mail) == []
        send(NOW + 600)
        assert told(mail) == ["a@x.test"]


def test_an_address_that_is_refused_keeps_nobody_elses_e_mail(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    give_key(services, "a@x.test", 1)
    give_key(services, "b@x.test", 1.2)
    give_key(services, "c@x.test", 1.4)
    with mail_server() as mail:
        mail.refusals = {"a@x.test": "550 nobody here", "b@x.test": "450 greylisted"}
        send = KeyMail(services.key_reminders, settings_for(mail.port))
        send(NOW)
        assert told(mail) == ["c@x.test"]
        assert "refused with 550 and is given up" in caplog.text
        mail.refusals = {}
        send(NOW + RETRY_SECONDS)
        assert told(mail) == ["b@x.test"]


def test_the_connection_is_encrypted_and_the_password_sent_inside(
    services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    give_key(services, "a@x.test", 1)
    certificate = certificate_for_loopback(tmp_path)
    login = {"PROKUBE_AUTH_SMTP_USERNAME": "mlflow", "PROKUBE_AUTH_SMTP_PASSWORD": "very secret indeed"}
    with mail_server(certificate=certificate) as mail:
        settings = settings_for(mail.port, PROKUBE_AUTH_SMTP_SECURITY="starttls", **login)
        KeyMail(services.key_reminders, settings)(NOW)  # whose certificate nobody vouches for
        assert (told(mail), "SSLCertVerificationError" in caplog.text) == ([], True)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        KeyMail(services.key_reminders, settings)(NOW + RETRY_SECONDS)
        [got] = mail.received
        assert (got.encrypted, got.login) == (True, ("mlflow", "very secret indeed"))
    with mail_server() as mail:  # no STARTTLS there: nothing is sent in clear
        give_key(services, "b@x.test", 1)
        settings = settings_for(mail.port, PROKUBE_AUTH_SMTP_SECURITY="starttls", **login)
        KeyMail(services.key_reminders, settings)(NOW)
        assert (told(mail), "SMTPNotSupportedError" in caplog.text) == ([], True)
    assert "very secret" not in caplog.text + repr(settings)


def test_a_password_in_clear_is_refused_at_the_start() -> None:
    with pytest.raises(SettingsError, match="SMTP_SECURITY: found 'none', expected starttls or tls"):
        settings_for(25, PROKUBE_AUTH_SMTP_USERNAME="mlflow", PROKUBE_AUTH_SMTP_PASSWORD="p")
    for name, value in (("SMTP_HOST", "smtp://x"), ("SMTP_FROM", "MLflow <a@b>"), ("SMTP_PORT", "0")):
        with pytest.raises(SettingsError, match=f"PROKUBE_AUTH_{name}: .*expected"):
            load({**GOOD, f"PROKUBE_AUTH_{name}": value})
