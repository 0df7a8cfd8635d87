"""``mlflow-prokube-auth login`` against a real server, its browser a script; only the base package importable."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from mlflow_prokube_auth.identity.key_format import PATTERN

from ..support import fake_browser
from ..support.fake_browser import ALICE, ASKED, BOB, STATE, VERIFIER, allow, open_consent
from ..support.processes import free_port
from ..support.world import World, running_world

CURRENT = "/ajax-api/2.0/mlflow/users/current"
# The command as it runs where nothing but click and httpx is installed.
BASE_ALONE = (
    "import sys; sys.modules.update(dict.fromkeys(['mlflow', 'flask', 'sqlalchemy', 'pydantic', 'alembic', 'authlib']))"
    "; from mlflow_prokube_auth.cli.main import main; main(prog_name='mlflow-prokube-auth')"
)
FAKE_BROWSER = Path(fake_browser.__file__)
A_DAY = """
import mlflow
experiment = mlflow.set_experiment("from-the-command-line")
with mlflow.start_run() as run:
    mlflow.log_metric("loss", 0.5)
print(mlflow.get_run(run.info.run_id).data.metrics["loss"], run.info.user_id)
"""


@pytest.fixture(scope="module", params=["", "/mlflow"], ids=["root", "prefix"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    port = free_port()
    options = ("--static-prefix", request.param) if request.param else ()
    url = f"http://127.0.0.1:{port}{request.param}"
    with running_world(tmp_path_factory.mktemp("cli-login"), url, port, *options) as running:
        yield running


def environment(home: Path, **more: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PROKUBE_", "MLFLOW_"))}
    return {**clean, "HOME": str(home), **more}


def command(*words: str) -> list[str]:
    return [sys.executable, "-c", BASE_ALONE, "login", *words]


def run(home: Path, *words: str, choice: str = "allow", who: str = ALICE) -> subprocess.CompletedProcess[str]:
    """The command, with the script as its browser."""
    browser = f"{sys.executable} {FAKE_BROWSER} {who} {choice} %s"
    shell = environment(home, BROWSER=browser)
    return subprocess.run(command(*words), env=shell, capture_output=True, text=True, timeout=120, check=False)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """What a refused command says, in words."""
    assert done.returncode != 0
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def credentials(home: Path) -> Path:
    return home / ".mlflow" / "credentials"


def allowed(world: World, who: str = ALICE, **changes: str) -> str:
    """A fresh code of that person."""
    asked = {name: value for name, value in {**ASKED, **changes}.items() if name != "port"}
    browser, page = open_consent(f"{world.url}/prokube-auth/cli?{httpx.QueryParams(asked)}", who)
    code = allow(browser, page).json()["code"]
    assert isinstance(code, str)
    return code


def trade(world: World, body: Any) -> httpx.Response:
    return httpx.post(f"{world.url}/prokube-auth/api/cli/token", json=body, timeout=30)


def assert_no_key(answer: httpx.Response) -> None:
    """The one answer for every code that does not hold."""
    assert answer.status_code == 400
    assert answer.json() == {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "This code does not hold: it was used before, is older than five minutes, or belongs to another "
        "login. Run `mlflow-prokube-auth login` again.",
    }


def test_one_command_makes_the_stock_client_work(world: World, tmp_path: Path) -> None:
    done = run(tmp_path, "--tracking-uri", world.url + "/", "--days", "7")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"export MLFLOW_TRACKING_URI={world.url}\n"
    assert "Logged in as alice@example.com." in done.stderr
    assert re.search(r"It ends on 20\d\d-\d\d-\d\d \d\d:\d\d UTC \(in [67] days\)\. Run the same command", done.stderr)
    assert not re.search(PATTERN, done.stdout + done.stderr)
    file = credentials(tmp_path)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (file.parent, file)] == [0o700, 0o600]
    day = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", A_DAY], env=environment(tmp_path, MLFLOW_TRACKING_URI=world.url),
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert day.returncode == 0, day.stderr[-2000:]
    assert day.stdout.splitlines()[-1] == "0.5 alice@example.com"


def test_a_second_login_replaces_the_key_and_keeps_the_rest_of_the_file(world: World, tmp_path: Path) -> None:
    assert run(tmp_path, "--tracking-uri", world.url).returncode == 0
    file = credentials(tmp_path)
    first = re.findall(PATTERN, file.read_text())[0]
    file.write_text(file.read_text() + "# another\n[other]\nkey = value\n")
    renewed = run(tmp_path, "--tracking-uri", world.url, "--note", "nightly & CI")
    assert renewed.returncode == 0
    assert re.search(r"It replaces the one that would have ended on 20\d\d-", renewed.stderr)
    browser, _ = world.log_in(ALICE)
    assert browser.get("/prokube-auth/api/me").json()["key"]["note"] == "nightly & CI"
    second = re.findall(PATTERN, file.read_text())
    assert len(second) == 1
    assert file.read_text().endswith("# another\n[other]\nkey = value\n")
    assert httpx.get(world.url + CURRENT, auth=(ALICE, second[0])).status_code == 200
    assert "was replaced" in httpx.get(world.url + CURRENT, auth=(ALICE, first)).json()["message"]


def test_a_server_that_is_called_by_another_name_sends_the_browser_to_its_own(world: World, tmp_path: Path) -> None:
    other_name = world.url.replace("127.0.0.1", "localhost")  # whose cookies a login on 127.0.0.1 does not set
    done = run(tmp_path, "--tracking-uri", other_name)
    assert (done.returncode, done.stdout) == (0, f"export MLFLOW_TRACKING_URI={other_name}\n"), done.stderr
    assert f"  {world.url}/prokube-auth/cli?port=" in done.stderr


def test_a_variable_that_wins_over_the_file_is_named(world: World, tmp_path: Path) -> None:
    browser = f"{sys.executable} {FAKE_BROWSER} {ALICE} allow %s"
    shell = environment(tmp_path, BROWSER=browser, MLFLOW_TRACKING_URI=world.url, MLFLOW_TRACKING_PASSWORD="old")
    done = subprocess.run(command(), env=shell, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "MLFLOW_TRACKING_PASSWORD is set in this shell" in done.stderr


def test_without_a_browser_the_code_is_pasted(world: World, tmp_path: Path) -> None:
    process = subprocess.Popen(
        command("--tracking-uri", world.url, "--no-browser"), env=environment(tmp_path),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    address = next(line.strip() for line in process.stderr if line.startswith("  http"))
    assert "port=" not in address
    browser, page = open_consent(address, BOB)
    answer = allow(browser, page)
    assert list(answer.json()) == ["code"]
    out, err = process.communicate(f" {answer.json()['code']} \n", timeout=60)
    assert (process.returncode, out) == (0, f"export MLFLOW_TRACKING_URI={world.url}\n"), err
    assert "Logged in as bob@example.com" in err
    key = re.findall(PATTERN, credentials(tmp_path).read_text())[0]
    assert httpx.get(world.url + CURRENT, auth=(BOB, key)).json()["user"]["username"] == BOB


def test_a_cancel_ends_the_command_and_changes_nothing(world: World, tmp_path: Path) -> None:
    browser, _ = world.log_in(BOB)
    key = world.make_key(browser).json()["access_key"]
    assert "you cancelled" in refusal(run(tmp_path, "--tracking-uri", world.url, choice="cancel", who=BOB))
    assert not credentials(tmp_path).exists()
    assert httpx.get(world.url + CURRENT, auth=(BOB, key)).status_code == 200


def test_a_file_that_is_no_ini_stops_the_command_before_the_server_is_asked(tmp_path: Path) -> None:
    file = credentials(tmp_path)
    file.parent.mkdir()
    file.write_text("password: hush\n")
    said = refusal(run(tmp_path, "--tracking-uri", "http://127.0.0.1:9"))
    assert "is not the INI file that MLflow reads" in said
    assert "hush" not in said


def test_who_does_not_answer_or_is_no_server_of_ours_is_told_so(world: World, tmp_path: Path) -> None:
    said = refusal(run(tmp_path, "--tracking-uri", f"http://127.0.0.1:{free_port()}"))
    assert "does not answer (ConnectError" in said

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", "https://sso.test/login")
            self.end_headers()

    server = HTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said = refusal(run(tmp_path, "--tracking-uri", f"http://127.0.0.1:{server.server_port}"))
    server.shutdown()
    assert "is not the address of an MLflow server with the plugin" in said
    assert "answered 302 to https://sso.test/login" in said
    for wrong in (f"{world.origin}/elsewhere", world.provider.issuer):
        assert "is not the address of an MLflow server" in refusal(run(tmp_path, "--tracking-uri", wrong))
    assert "in plain text" in refusal(run(tmp_path, "--tracking-uri", "http://mlflow.example.com"))


def test_a_key_that_would_live_too_long_is_refused_before_a_browser_opens(tmp_path: Path) -> None:
    class Strict(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"page": "http://127.0.0.1/prokube-auth/cli", "max_days": 7}).encode())

    server = HTTPServer(("127.0.0.1", 0), Strict)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    said = refusal(run(tmp_path, "--tracking-uri", f"http://127.0.0.1:{server.server_port}"))
    server.shutdown()
    assert "found --days 30, expected at most 7" in said


def test_the_server_names_the_page_under_its_external_url(world: World) -> None:
    answer = httpx.get(f"{world.url}/prokube-auth/api/cli")
    assert answer.json() == {"page": f"{world.url}/prokube-auth/cli", "max_days": 365}


def test_the_page_comes_back_through_login_with_its_question(world: World) -> None:
    asked = {**ASKED, "name": "Zoë's <b>laptop</b> & more"}
    _, page = open_consent(f"{world.url}/prokube-auth/cli?{httpx.QueryParams(asked)}", ALICE)
    assert dict(page.url.params) == asked
    assert "Zoë&#39;s &lt;b&gt;laptop&lt;/b&gt; &amp; more" in page.text
    assert ALICE in page.text
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "7 days" in page.text


def test_the_page_warns_of_the_present_key_with_its_last_use(world: World) -> None:
    browser, _ = world.log_in(BOB)
    address = f"{world.url}/prokube-auth/cli"
    browser.request("DELETE", "/prokube-auth/api/access-key", headers={"Origin": world.origin})
    assert "replace-warning" not in browser.get(address, params=ASKED).text
    key = world.make_key(browser).json()["access_key"].split("_")[1]
    assert "stops working at once. It was never used." in browser.get(address, params=ASKED).text
    world.sql("UPDATE prokube_access_keys SET last_used_at = 86400, last_used_from = '10.1.2.3' WHERE key_id = ?", key)
    assert (
        '<time datetime="1970-01-02T00:00:00Z">1970-01-02</time> from 10.1.2.3'
        in browser.get(address, params=ASKED).text
    )


@pytest.mark.parametrize("signed_in", [True, False])
def test_a_question_out_of_shape_is_a_page_that_says_what_is_wrong(world: World, signed_in: bool) -> None:
    browser = world.log_in(ALICE)[0] if signed_in else world.browser()
    answer = browser.get("/prokube-auth/cli", params={**ASKED, "port": "80", "days": "366", "name": "<b>\n"})
    assert answer.status_code == 400
    for words in ("port: found &#39;80&#39;", "days: found &#39;366&#39;, expected 1 to 365", "&lt;b&gt;"):
        assert words in answer.text
    twice = browser.get(f"/prokube-auth/cli?{httpx.QueryParams(ASKED)}&port=50000")
    assert (twice.status_code, "more than once" in twice.text) == (400, True)


@pytest.mark.parametrize("port", ["49152@evil.test", "49152/../", "//evil.test", "evil.test", 49152, "0", ""])
def test_a_consent_is_refused_where_the_port_is_anything_else(world: World, port: Any) -> None:
    browser, _ = world.log_in(ALICE)
    body = {**ASKED, "port": port}
    answer = browser.post("/prokube-auth/api/cli/consent", json=body, headers={"Origin": world.origin})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "expected a port from 1024 to 65535" in answer.json()["message"]


def test_the_page_without_parameters_says_how_to_start_it(world: World) -> None:
    answer = httpx.get(f"{world.url}/prokube-auth/cli", headers={"Accept": "text/html", "Sec-Fetch-Mode": "navigate"})
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (400, "text/html")
    assert "Start this login with mlflow-prokube-auth login." in answer.text
    assert f"mlflow-prokube-auth login --tracking-uri {world.url}" in answer.text
    assert "A-Z" not in answer.text


def test_a_consent_leads_to_loopback_and_nowhere_else(world: World) -> None:
    browser, _ = world.log_in(ALICE)
    body = {**ASKED, "redirect": "https://evil.test", "redirect_uri": "https://evil.test", "host": "evil.test"}
    answer = browser.post("/prokube-auth/api/cli/consent", json=body, headers={"Origin": world.origin})
    target = urlsplit(answer.json()["redirect"])
    assert (target.scheme, target.netloc, target.path) == ("http", "127.0.0.1:49152", "/callback")
    assert sorted(parse_qs(target.query)) == ["code", "state"]
    assert parse_qs(target.query)["state"] == [STATE]


def test_a_consent_needs_a_session_and_our_own_page(world: World) -> None:
    browser, _ = world.log_in(ALICE)
    key = world.make_key(browser).json()["access_key"]
    url = f"{world.url}/prokube-auth/api/cli/consent"
    own = {"Origin": world.origin}
    assert httpx.post(url, json=ASKED, headers=own).status_code == 401
    assert httpx.post(url, json=ASKED, headers=own, auth=(ALICE, key)).status_code == 401
    assert httpx.post(url, json=ASKED, headers={**own, "Authorization": f"Bearer {key}"}).status_code == 401
    page = httpx.get(f"{world.url}/prokube-auth/cli", params=ASKED, auth=(ALICE, key))
    assert (page.status_code, page.json()["error_code"]) == (401, "UNAUTHENTICATED")
    cookie = {"prokube_auth_session": browser.cookies["prokube_auth_session"]}
    both = httpx.post(url, json=ASKED, headers=own, auth=(ALICE, key), cookies=cookie)
    assert both.status_code == 401
    for origin in ({"Origin": "https://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        assert httpx.post(url, json=ASKED, headers=origin, cookies=cookie).status_code == 403
    assert httpx.post(url, json=ASKED, headers=own, cookies=cookie).status_code == 200


def test_a_code_is_traded_once_for_a_key_of_the_days_that_were_allowed(world: World) -> None:
    code = allowed(world)
    answer = trade(world, {"code": code, "verifier": VERIFIER})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    key = answer.json()
    assert (key["username"], key["tracking_uri"]) == (ALICE, world.url)
    assert httpx.get(world.url + CURRENT, auth=(ALICE, key["access_key"])).status_code == 200
    me = httpx.get(f"{world.url}/prokube-auth/api/me", auth=(ALICE, key["access_key"])).json()
    assert me["key"]["expires_at"] == key["expires_at"]
    assert me["key"]["days_left"] in (6, 7)
    assert_no_key(trade(world, {"code": code, "verifier": VERIFIER}))
    assert httpx.get(world.url + CURRENT, auth=(ALICE, key["access_key"])).status_code == 200


@pytest.mark.parametrize("verifier", ["x" * 43, "", "é" * 43, None, 7, ASKED["challenge"]])
def test_a_wrong_verifier_gets_no_key_and_burns_the_code(world: World, verifier: Any) -> None:
    code = allowed(world)
    assert_no_key(trade(world, {"code": code, "verifier": verifier}))
    assert_no_key(trade(world, {"code": code, "verifier": VERIFIER}))


def test_a_verifier_that_is_no_text_is_refused_before_anything_is_compared(world: World) -> None:
    body = json.dumps({"code": allowed(world), "verifier": "\ud800" * 43})  # httpx would not send half a character
    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{world.url}/prokube-auth/api/cli/token", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("body", [None, [], {}, {"code": None}, {"code": 7, "verifier": 7}, {"code": "x" * 43}, "code"])
def test_nonsense_gets_the_same_answer_as_a_wrong_code(world: World, body: Any) -> None:
    assert_no_key(trade(world, body))


def test_an_expired_code_gets_no_key(world: World) -> None:
    code = allowed(world)
    digest = hashlib.sha256(code.encode()).hexdigest()
    world.sql("UPDATE prokube_consents SET expires_at = 1 WHERE code_digest = ?", digest)
    assert_no_key(trade(world, {"code": code, "verifier": VERIFIER}))


def test_who_was_disabled_meanwhile_gets_no_key(world: World) -> None:
    code = allowed(world, BOB)
    disable = (
        "UPDATE prokube_identities SET disabled = ? WHERE user_id = (SELECT id FROM users WHERE username = "
        "'bob@example.com')"
    )
    world.sql(disable, 1)
    try:
        assert_no_key(trade(world, {"code": code, "verifier": VERIFIER}))
    finally:
        world.sql(disable, 0)


def test_many_who_trade_one_code_at_once_get_one_key(world: World) -> None:
    body = {"code": allowed(world), "verifier": VERIFIER}
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(trade(world, body).status_code)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, *[400] * 7]


def test_codes_verifiers_and_keys_are_not_in_the_log(world: World) -> None:
    code = allowed(world)
    trade(world, {"code": code, "verifier": VERIFIER})
    log = world.log.read_text()
    assert "/prokube-auth/api/cli/token" in log
    for secret in (code, VERIFIER):
        assert secret not in log
    assert not re.search(PATTERN, log)
