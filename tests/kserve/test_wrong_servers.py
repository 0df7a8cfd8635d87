"""What a server, or something before it, may answer wrongly: nothing of it lands in the folder."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..support.kserve.fake_mlflow import LISTING, PAGE, ROOT, Answer, FakeMlflow, running_fake
from ..support.kserve.initializer import SCRIPT, Done, clean_environment, run

NEED_EVERYTHING = bool(os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"))
KEY = "pkt_0123456789ab_" + "s" * 49
API = "/api/2.0/mlflow"
DATA = f"{LISTING}/{ROOT}/data.bin"
HTML = {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(PAGE))}


@pytest.fixture
def bring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Run the initializer in this process, against such a server."""

    def brought(fake: FakeMlflow, retry_seconds: int = 0, uri: str = "mlflow://models/m/1") -> Done:
        for name in [name for name in os.environ if name.startswith(("MLFLOW_", "STORAGE_"))]:
            monkeypatch.delenv(name)
        with running_fake(fake):
            settings = {
                "MLFLOW_TRACKING_URI": fake.url,
                "MLFLOW_TRACKING_USERNAME": "bob@example.com",
                "MLFLOW_TRACKING_PASSWORD": KEY,
                "STORAGE_INITIALIZER_RETRY_SECONDS": str(retry_seconds),
                "STORAGE_INITIALIZER_TIMEOUT_SECONDS": "5",
            }
            for name, text in settings.items():
                monkeypatch.setenv(name, text)
            log, folder = io.StringIO(), tmp_path / "models"
            code = run([uri, str(folder)], os.environ, log)
        done = Done(code, log.getvalue().splitlines(), folder)
        assert KEY not in log.getvalue()
        assert code == 0 or (done.files() == {} and done.reason.startswith("Error: "))
        assert list(folder.glob(".mlflow-storage-initializer-*")) == []
        return done

    return brought


def only(answer: Answer) -> Callable[[dict[str, str]], Answer]:
    return lambda headers: answer


def test_the_fake_is_good_enough_to_be_brought_from(bring: Callable[..., Done]) -> None:
    fake = FakeMlflow(files={"MLmodel": b"flavors: {}", "a/b/c.bin": b"deep", "empty": b""})
    done = bring(fake)
    assert (done.code, done.files()) == (0, fake.files)


@pytest.mark.parametrize("path", [f"{API}/model-versions/get", LISTING, DATA], ids=["api", "listing", "file"])
@pytest.mark.parametrize("way", ["page", "redirect"])
def test_a_login_page_is_never_taken_for_an_answer(bring: Callable[..., Done], path: str, way: str) -> None:
    answer = (200, HTML, PAGE) if way == "page" else (302, {"Location": "https://login.example.com/"}, b"")
    # Even where its length is that of the file.
    fake = FakeMlflow(files={"MLmodel": b"x", "data.bin": b"y" * len(PAGE)}, answers={path: only(answer)})
    done = bring(fake)
    assert done.code == 5
    assert "is not MLflow" in done.reason
    assert "a login page or a proxy stands before it" in done.reason


def test_an_html_file_of_a_model_is_a_file(bring: Callable[..., Done]) -> None:
    headers = {"Content-Type": "text/html", "Content-Disposition": 'attachment; filename="plot.html"'}
    fake = FakeMlflow(files={"MLmodel": b"x", "plot.html": PAGE})
    fake.answers = {f"{LISTING}/{ROOT}/plot.html": only((200, headers, PAGE))}
    assert bring(fake).files()["plot.html"] == PAGE


@pytest.mark.parametrize(
    ("sent", "announced", "words"),
    [
        (4000, True, "the server sends 4000 bytes, its listing says 5000"),
        (4000, False, "only 4000 of 5000 bytes arrived"),
        (6000, True, "the server sends 6000 bytes, its listing says 5000"),
        (6000, False, "more than the 5000 bytes of the listing arrive"),
    ],
)
def test_a_file_of_another_size_than_listed_is_refused(
    bring: Callable[..., Done], sent: int, announced: bool, words: str
) -> None:
    headers = {"Content-Disposition": "attachment", **({"Content-Length": str(sent)} if announced else {})}
    done = bring(FakeMlflow(answers={DATA: only((200, headers, b"z" * sent))}))
    assert done.code == 5
    assert words in done.reason


def test_a_file_without_any_length_is_refused(bring: Callable[..., Done]) -> None:
    fake = FakeMlflow(entries=[{"path": "MLmodel", "is_dir": False}, {"path": "data.bin", "is_dir": False}])
    fake.answers = {DATA: only((200, {"Content-Disposition": "attachment"}, b"z"))}
    done = bring(fake)
    assert done.code == 5
    assert "neither the listing nor the answer says how long it is" in done.reason


def test_another_part_than_asked_for_is_not_put_together(bring: Callable[..., Done]) -> None:
    fake = FakeMlflow()
    content, tag = fake.files["data.bin"], {"ETag": '"one"', "Content-Disposition": "attachment"}

    def answer(headers: dict[str, str]) -> Answer:
        if "range" not in headers:
            first = not any(path == DATA for path, _ in fake.asked[:-1])
            return 200, tag, content[:3000] if first else content
        return 206, {**tag, "Content-Range": "bytes 1000-4999/5000"}, content[1000:]

    fake.answers = {DATA: answer}
    done = bring(fake, retry_seconds=20)
    assert (done.code, done.files()) == (0, fake.files)
    ranges = [(headers.get("range"), headers.get("if-range")) for path, headers in fake.asked if path == DATA]
    assert ranges == [(None, None), ("bytes=3000-", '"one"'), (None, None)]


def test_what_is_over_in_a_moment_is_waited_for(bring: Callable[..., Done]) -> None:
    fake = FakeMlflow()
    busy = iter([(503, {"Retry-After": "1"}, b'{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "database"}')])
    fake.answers = {LISTING: lambda headers: next(busy, None)}
    done = bring(fake, retry_seconds=20)
    assert done.code == 0
    assert f"GET {LISTING}: the server answers 503: database; trying again in 1 s" in done.lines


@pytest.mark.parametrize(
    "name", ["..", ".", "", "../x", "/etc/passwd", "a/b", "a\\..\\b", "x\x00y", "\ud800", 7, None, "a" * 256]
)
@pytest.mark.parametrize("is_dir", [False, True])
def test_a_name_that_leads_elsewhere_ends_it(bring: Callable[..., Done], name: object, is_dir: bool) -> None:
    entries = [{"path": "MLmodel", "is_dir": False, "file_size": 1}, {"path": name, "is_dir": is_dir, "file_size": 1}]
    done = bring(FakeMlflow(entries=entries))
    assert done.code == 5
    assert "the server's listing of the files cannot be used: it holds the name" in done.reason


def test_folders_without_an_end_end_it(bring: Callable[..., Done]) -> None:
    done = bring(FakeMlflow(entries=[{"path": "again", "is_dir": True}]))
    assert done.code == 5
    assert "folders are more than 64 deep" in done.reason


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("s3://bucket/1/models", 4),
        ("file:///etc", 4),
        ("mlflow-artifacts://elsewhere.example.com/1/models", 4),
        ("mlflow-artifacts:/", 4),
        ("", 4),
    ],
)
def test_files_that_this_server_does_not_serve_are_not_asked_for(
    bring: Callable[..., Done], location: str, code: int
) -> None:
    fake = FakeMlflow(location=location)
    done = bring(fake)
    assert done.code == code
    assert "are not served by this MLflow server" in done.reason
    assert not any(path.startswith(LISTING) for path, _ in fake.asked)


RUN_ID = "0123456789abcdef0123456789abcdef"


def test_a_source_by_a_run_is_looked_up_where_the_server_answers_with_it(bring: Callable[..., Done]) -> None:
    """As MLflow without this plugin does."""
    run = {"run": {"info": {"artifact_uri": "mlflow-artifacts:/1/models"}}}
    answer = json.dumps(run).encode()
    told = only((200, {"Content-Type": "application/json", "Content-Length": str(len(answer))}, answer))
    fake = FakeMlflow(location=f"runs:/{RUN_ID}/m-1/artifacts", answers={f"{API}/runs/get": told})
    done = bring(fake)
    assert (done.code, done.files()) == (0, fake.files)


@pytest.mark.parametrize("rest", ["", "/", "/..", "/a/../b", "/a//b", "/./a", "/a\x00"])
def test_a_source_that_names_a_whole_run_or_leads_out_of_it_is_not_asked_for(
    bring: Callable[..., Done], rest: str
) -> None:
    fake = FakeMlflow(location=f"runs:/{RUN_ID}{rest}")
    done = bring(fake)
    assert done.code == 4
    assert "is no path of a run" in done.reason
    assert not any(path.startswith((LISTING, f"{API}/runs")) for path, _ in fake.asked)


def test_a_server_that_is_not_there_is_given_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("STORAGE_INITIALIZER_RETRY_SECONDS", "1")
    log = io.StringIO()
    assert run(["mlflow://models/m/1", str(tmp_path)], os.environ, log) == 5
    last = log.getvalue().splitlines()[-1]
    assert last.endswith("(127.0.0.1:9); gave up after 1 s without progress")


def test_all_mistakes_of_the_settings_are_told_at_once(tmp_path: Path) -> None:
    log = io.StringIO()
    settings = {
        "STORAGE_INITIALIZER_PARALLEL": "many",
        "STORAGE_INITIALIZER_JOBLIB": "maybe",
        "MLFLOW_TRACKING_URI": "/x",
    }
    assert run(["mlflow://models/m/1", str(tmp_path)], settings, log) == 2
    (line,) = log.getvalue().splitlines()
    for name in settings:
        assert name in line


@pytest.mark.parametrize(
    "arguments", [[], ["mlflow://models/m/1"], ["mlflow://models/m/1", "a", "mlflow://models/m/2"]]
)
def test_arguments_come_in_pairs(arguments: list[str]) -> None:
    log = io.StringIO()
    assert run(arguments, {}, log) == 2
    assert f"found {len(arguments)} arguments, expected pairs" in log.getvalue()


def test_a_folder_that_is_a_file_is_said(bring: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "models").write_text("in the way")
    done = bring(FakeMlflow())
    assert done.code == 6
    assert "models cannot be written: File exists" in done.reason


def test_a_link_in_the_folder_leads_nothing_out_of_it(bring: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "models" / "a").symlink_to(tmp_path / "outside")
    fake, log = FakeMlflow(files={"MLmodel": b"x", "a/b": b"y"}), io.StringIO()
    with running_fake(fake):
        settings = {"MLFLOW_TRACKING_URI": fake.url}
        assert run(["mlflow://models/m/1", str(tmp_path / "models")], settings, log) == 6
    assert "models/a is a link; expected a folder" in log.getvalue()
    assert list((tmp_path / "outside").iterdir()) == []


@pytest.mark.parametrize("known", [True, False], ids=["size listed", "size unknown"])
def test_a_full_disk_is_the_reason(tmp_path: Path, known: bool) -> None:
    unshare = shutil.which("unshare")
    small = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)]
    inside = [unshare or "unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    tried = subprocess.run([*inside, *small], capture_output=True, text=True, check=False) if unshare else None
    if tried is None or tried.returncode:
        reason = f"no small file system can be mounted here: {tried.stderr if tried else 'no unshare'}"
        if NEED_EVERYTHING:
            pytest.fail(reason)
        pytest.skip(reason)
    fake = FakeMlflow(files={"MLmodel": b"x", "data.bin": b"z" * (4 << 20)})
    if not known:
        fake.entries = [{"path": name, "is_dir": False} for name in fake.files]
    # The mount is gone with the processes that see it: so what is left is looked at from inside.
    then = f"code=$?; (echo left:; ls -A {tmp_path}) >&3; exit $code"
    script = f"{' '.join(small)} && {SCRIPT} mlflow://models/m/1 {tmp_path}; {then}"
    with running_fake(fake), (tmp_path.parent / f"{tmp_path.name}.left").open("w+b") as left:
        command = [*inside, "bash", "-c", f"exec 3>{left.name}; {script}"]
        environment = clean_environment(MLFLOW_TRACKING_URI=fake.url)
        done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
        assert (done.returncode, left.read()) == (6, b"left:\n"), done.stderr
    words = "free, and the files need 4 MB" if known else "cannot be written: No space left on device"
    assert words in done.stderr.splitlines()[-1]


def test_a_folder_that_may_not_be_written_is_the_reason(bring: Callable[..., Done]) -> None:
    # /proc takes nothing, not even from root.
    log, fake = io.StringIO(), FakeMlflow()
    with running_fake(fake):
        assert run(["mlflow://models/m/1", "/proc/models"], {"MLFLOW_TRACKING_URI": fake.url}, log) == 6
    assert "/proc/models cannot be written" in log.getvalue().splitlines()[-1]


def test_a_record_that_somebody_wrote_makes_nothing_outside_vanish(bring: Callable[..., Done], tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("stays")
    (tmp_path / "models").mkdir()
    evil = {"files": ["../victim", "/etc/hostname", str(victim), "a/../../victim"]}
    (tmp_path / "models" / ".mlflow-storage-initializer.json").write_text(json.dumps(evil))
    assert bring(FakeMlflow()).code == 0
    assert victim.read_text() == "stays"


def test_an_unexpected_error_is_one_line_without_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from mlflow_prokube_auth.kserve import resolve

    def fails(*_: object) -> None:
        raise RuntimeError(f"two\nlines with {KEY} and http://bob:{KEY}@host/")

    monkeypatch.setattr(resolve, "resolve", fails)
    log = io.StringIO()
    assert run(["mlflow://models/m/1", str(tmp_path)], {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}, log) == 1
    last = log.getvalue().splitlines()[-1]
    assert last.startswith("Error: unexpected RuntimeError in test_wrong_servers.py:")
    assert last.endswith("two lines with *** and http://host/")
