"""The table of docs/keycloak.md: each row is made on a real Keycloak, and each of its texts is seen."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from mlflow_prokube_auth.doctor.examine import examine
from mlflow_prokube_auth.doctor.finding import Finding
from mlflow_prokube_auth.doctor.person import examine_person
from mlflow_prokube_auth.settings import load

from ..support.keycloak.roles import role
from ..support.keycloak.server import Keycloak
from ..support.keycloak.site import PATIENCE_SECONDS, USERS, Site, User, fill_in, running_site
from ..support.processes import free_port, plugin_settings
from .test_clock_skew import clock_off_by, need_faketime

PAGE = Path(__file__).parents[2] / "docs" / "keycloak.md"
MAPPER = "groups with full path"
Change = Callable[[Keycloak], AbstractContextManager[None]]


@dataclass(frozen=True)
class Row:
    """A row of the page, without the remarks in parentheses."""

    wrong: str
    person: str
    log: str
    doctor: str


def rows() -> list[Row]:
    table = PAGE.read_text().split("## What goes wrong", 1)[1]
    lines = [line.strip("|").split(" | ") for line in table.splitlines() if line.startswith("|")]
    plain = [[re.sub(r"^\([^)]*\) ", "", cell.strip()) for cell in line] for line in lines[2:]]
    return [Row(*cells) for cells in plain]


def missing(cell: str, found: str) -> list[str]:
    """The parts of a cell that are not found."""
    parts = [part.strip().replace("`view-users`", "view-users") for part in cell.split("…")]
    found = " ".join(found.split()).replace("`view-users`", "view-users")
    return [part for part in parts if part and part not in found]


@contextmanager
def client(keycloak: Keycloak, **changes: Any) -> Iterator[None]:
    """While it lasts, the client is another; afterwards as before, at the address that it has by then."""
    admin = keycloak.admin
    before = admin.client(keycloak.client_id)
    admin.call("PUT", f"/clients/{before['id']}", {**before, **changes})
    try:
        yield
    finally:
        now = admin.client(keycloak.client_id)
        old = json.dumps({name: before[name] for name in changes}).replace(before["rootUrl"], now["rootUrl"])
        admin.call("PUT", f"/clients/{now['id']}", {**now, **json.loads(old)})


@contextmanager
def without_mapper(keycloak: Keycloak) -> Iterator[None]:
    mapper = keycloak.admin.mappers(keycloak.client_id)[MAPPER]
    keycloak.admin.delete_mapper(keycloak.client_id, MAPPER)
    try:
        with role(keycloak, "view-clients", given=True):
            yield
    finally:
        keycloak.admin.put_mapper(keycloak.client_id, mapper)


def without_logout_addresses(keycloak: Keycloak) -> AbstractContextManager[None]:
    attributes = keycloak.admin.client(keycloak.client_id)["attributes"]
    return client(keycloak, attributes={**attributes, "post.logout.redirect.uris": "http://elsewhere.test/"})


def with_previews(keycloak: Keycloak) -> AbstractContextManager[None]:
    """For ``doctor --as``."""
    return role(keycloak, "view-clients", given=True)


@dataclass(frozen=True)
class Fault:
    """How a row is made: in Keycloak, in the settings (of an issuer), or in the server's environment."""

    change: Change = lambda keycloak: nullcontext()
    settings: Callable[[str], Mapping[str, str]] = lambda issuer: {}
    environment: Mapping[str, str] = field(default_factory=dict)
    verified: bool = True
    logs_in: bool = False
    logs_out: bool = False
    doctor_as: bool = False


def setting(**changes: str) -> Callable[[str], Mapping[str, str]]:
    return lambda issuer: changes


FAULTS = {
    "`OIDC_ISSUER` names a realm that does not exist": Fault(
        settings=lambda issuer: {"OIDC_ISSUER": issuer.replace("/realms/prokube", "/realms/nowhere")}
    ),
    "`OIDC_ISSUER` differs from Keycloak's issuer in the slash at its end": Fault(
        settings=lambda issuer: {"OIDC_ISSUER": f"{issuer}/"}
    ),
    "Keycloak is not reached at `OIDC_ISSUER`": Fault(
        settings=setting(OIDC_ISSUER="http://127.0.0.1:1/realms/prokube")
    ),
    "`OIDC_CLIENT_ID` names no client of the realm": Fault(settings=setting(OIDC_CLIENT_ID="mlflo")),
    "`OIDC_CLIENT_SECRET` is not that of the client": Fault(settings=setting(OIDC_CLIENT_SECRET="another-secret")),
    "the redirect URI is not among the client's": Fault(
        lambda keycloak: client(keycloak, redirectUris=["http://elsewhere.test/prokube-auth/callback"])
    ),
    "the client's standard flow is off": Fault(lambda keycloak: client(keycloak, standardFlowEnabled=False)),
    "the client has no group mapper": Fault(without_mapper),
    "`USER_GROUPS` names a group that the realm does not have": Fault(settings=setting(USER_GROUPS="mlflow-users")),
    "the person's e-mail address is not verified": Fault(with_previews, verified=False, doctor_as=True),
    "`USERNAME_CLAIM` names a claim that Keycloak does not send": Fault(
        with_previews, setting(USERNAME_CLAIM="upn"), doctor_as=True
    ),
    "the server's clock is ten minutes behind": Fault(environment=clock_off_by(-600)),
    "the client's service account lacks `view-users`": Fault(
        lambda keycloak: role(keycloak, "view-users", given=False), logs_in=True
    ),
    "the post-logout redirect URIs are not among the client's": Fault(
        without_logout_addresses, logs_in=True, logs_out=True
    ),
}


def test_the_page_has_a_row_for_each_misconfiguration_that_is_made_here() -> None:
    assert [row.wrong for row in rows()] == list(FAULTS)
    assert len(FAULTS) == 14


def eventually_without(missed: Callable[[], list[str]], text: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while absent := missed():
        assert time.monotonic() < deadline, f"not found: {absent}, in:\n{text()}"
        time.sleep(0.3)


def log_in_and_out(site: Site, page: Page, person: User, fault: Fault) -> None:
    page.goto(f"{site.url}/prokube-auth/login?next=%2Fprokube-auth%2Fpermissions")
    with page.expect_navigation():  # to Keycloak's form, or to a page that says why not
        page.click("#login-button")
    if page.locator("#username").count():
        fill_in(page, person)
    if fault.logs_in:
        page.wait_for_url(f"{site.url}/prokube-auth/permissions")
    assert (site.current(page) is not None) is fault.logs_in
    if fault.logs_out:
        answer = page.evaluate("fetch('/prokube-auth/logout', {method: 'POST'}).then(r => r.json())")
        page.goto(answer["redirect"])


def doctors(fault: Fault, environ: Mapping[str, str], person: User) -> str:
    """What the doctor says, without what is in order."""
    if fault.environment:  # a clock: in a process of its own
        command = [sys.executable, "-m", "mlflow_prokube_auth.cli.main", "doctor"]
        variables = {**os.environ, **environ, **fault.environment}
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 1
        return re.sub(r"(?m)^ok .*\n|^(?:warn|fail) +", "", done.stdout)
    found: Iterator[Finding] = examine(environ, None)
    if fault.doctor_as:
        found = examine_person(load(environ), person.email, None)
    return "\n".join(f"{each.what}: {each.text}" for each in found if each.level != "ok")


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.wrong)
def test_person_log_and_doctor_name_the_cause(row: Row, keycloak: Keycloak, chromium: Browser, tmp_path: Path) -> None:
    fault = FAULTS[row.wrong]
    if fault.environment:
        need_faketime()
    changes = dict(fault.settings(keycloak.issuer))
    with fault.change(keycloak), running_site(keycloak, chromium, tmp_path, fault.environment, **changes) as site:
        person, page = site.new_user(USERS), site.new_page()
        keycloak.admin.change_email(person.id, person.email, verified=fault.verified)
        log_in_and_out(site, page, person, fault)

        def seen() -> str:
            return page.title() + page.inner_text("body")

        eventually_without(lambda: missing(row.person, seen()), seen)
        eventually_without(lambda: missing(row.log, site.log.read_text()), site.log.read_text)
        settings = {"DATABASE_URI": f"sqlite:///{tmp_path}/mlflow.db", **changes}
        environ = plugin_settings(keycloak.issuer, keycloak.client_secret, site.url, **settings)
        said = doctors(fault, environ, person)
        assert missing(row.doctor, said) == [], said
        for secret in (keycloak.client_secret, "another-secret"):
            assert secret not in said + site.log.read_text()


def test_the_doctor_tells_what_a_person_would_get(keycloak: Keycloak, chromium: Browser, tmp_path: Path) -> None:
    keycloak.admin.create_group("/team-doctor")
    environ = plugin_settings(keycloak.issuer, keycloak.client_secret, f"http://127.0.0.1:{free_port()}")
    name = f"doctor-{free_port()}"
    user_id = keycloak.admin.create_user(name, password="x-y-z", groups=["/prokube-admins", "/team-doctor"])
    with with_previews(keycloak):
        found = {each.what: (each.level, each.text) for each in examine_person(load(environ), name, None)}
        preview = keycloak.admin.client(keycloak.client_id)["id"]
    assert found == {
        f"login of {name}": ("ok", "admitted by '/prokube-admins' of the claim groups"),
        "user name": ("ok", f"{name}@example.com, shown as {name.capitalize()} Example"),
        "administrator": ("ok", "yes, by '/prokube-admins' of the claim groups"),
        "teams": ("ok", "team-doctor"),
    }
    # Without that right, it says what to do; what the console shows does as well.
    (refused,) = examine_person(load(environ), name, None)
    assert (refused.level, "`view-clients`" in refused.text, "--claims -" in refused.text) == ("fail", True, True)
    path = f"/clients/{preview}/evaluate-scopes/generate-example-id-token"
    claims = keycloak.admin.call("GET", path, userId=user_id, scope="openid email profile").text
    pasted = {each.what: (each.level, each.text) for each in examine_person(load(environ), name, claims)}
    assert pasted == found
    (other,) = examine_person(load(environ), "somebody", claims)
    assert (other.level, f"of {name} alias {name}@example.com" in other.text) == ("fail", True)
    # A token is checked.
    token = keycloak.client_credentials_token()
    (service,) = examine_person(load(environ), f"service-account-{keycloak.client_id}", token)
    assert (service.level, "not a member of the group 'prokube-users'" in service.text) == ("fail", True)
    (forged,) = examine_person(load(environ), name, token[:-5] + "AAAAA")
    assert (forged.level, "its signature is not valid" in forged.text) == ("fail", True)
