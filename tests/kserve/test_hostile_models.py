"""A model that runs a program when it is loaded: what of it runs, and what that finds. No access key, ever."""

from __future__ import annotations

import ctypes
import json
import os
import platform
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sklearn.linear_model import LinearRegression

from mlflow_prokube_auth.kserve import confine, handover
from mlflow_prokube_auth.kserve import sklearn as ours
from mlflow_prokube_auth.kserve.failures import Failure
from mlflow_prokube_auth.kserve.place import Destination

from ..support.kserve.fake_mlflow import LISTING, ROOT, Answer, FakeMlflow, running_fake
from ..support.kserve.hostile import (
    WAYS,
    children_of,
    holds,
    hostile_files,
    python_whose_skops_trusts_everything,
    sees_all_memory,
    skops_file,
)
from ..support.kserve.initializer import SCRIPT, clean_environment, finished, start
from ..support.kserve.models import X, saved

NEED_EVERYTHING = bool(os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"))
KEY = "pkt_0123456789ab_" + "k" * 49
STEAL = "import os; open({found!r}, 'wb').write(open(f'/proc/{{os.getppid()}}/environ', 'rb').read())"
PR_CAPBSET_DROP = 24
# What lets root read any process: CAP_SYS_PTRACE, CAP_SYS_ADMIN, CAP_PERFMON. Containers do not have them.
OF_THE_HOST = (19, 21, 38)
A_WAY = WAYS["a constructor"]


def environment(fake: FakeMlflow, **settings: str) -> dict[str, str]:
    credentials = {"MLFLOW_TRACKING_USERNAME": "bob@example.com", "MLFLOW_TRACKING_PASSWORD": KEY}
    return clean_environment(MLFLOW_TRACKING_URI=fake.url, **credentials, **settings)


def need(fits: bool, reason: str) -> None:
    if not fits and NEED_EVERYTHING:
        pytest.fail(reason)
    if not fits:
        pytest.skip(reason)


@pytest.mark.parametrize("way", WAYS)
def test_the_crafted_file_steals_a_key_where_it_is_trusted(way: str, tmp_path: Path) -> None:
    found = tmp_path / "found"
    (tmp_path / "model.skops").write_bytes(skops_file(WAYS[way], STEAL.format(found=str(found))))
    load = f"import skops.io; skops.io.load('model.skops', trusted={list(WAYS[way].trusted)})"
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {load!r}], env={{}})"
    subprocess.run([sys.executable, "-c", child], env={"MLFLOW_TRACKING_PASSWORD": KEY}, cwd=tmp_path, check=True)
    assert KEY.encode() in found.read_bytes()


@pytest.mark.parametrize("way", WAYS)
def test_a_model_that_trusts_its_own_program_is_not_loaded(way: str, tmp_path: Path) -> None:
    found, folder = tmp_path / "found", tmp_path / "models"
    fake = FakeMlflow(files=hostile_files(WAYS[way], STEAL.format(found=str(found))))
    with running_fake(fake):
        done = finished(start(environment(fake), "mlflow://models/m/1", str(folder)), folder)
    assert not found.exists()
    assert (done.code, set(done.files())) == (0, {"MLmodel", "model.skops"}), done.lines
    (warning,) = [line for line in done.lines if line.startswith("WARNING")]
    assert "builtins.exec" in warning
    assert "Only skops and the operator say what is trusted (STORAGE_INITIALIZER_SKOPS_TRUSTED)" in warning


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("operator.call", "which is never trusted"), ("builtins.exec", "which is never trusted"),
        ("subprocess.Popen", "which is never trusted"), ("functools.partial", "which is never trusted"),
        ("joblib.numpy_pickle.NumpyUnpickler", "which is never trusted"), ("__main__.x", "which is never trusted"),
        ("mlflow.pyfunc.load_model", "which is never trusted"), ("exec", "expected the full names of classes"),
        ("sklearn.tree._tree.Tree;x", "expected the full names of classes"),
        # What only importing it tells.
        ("numpy.load", "which is no class: functions are never trusted"),
        ("sklearn.datasets.load_files", "which is no class: functions are never trusted"),
        ("numpy.random._pickle.__randomstate_ctor", "which is no class: functions are never trusted"),
        ("sklearn.tree.DecisionTreeClassifier", "the class itself has: sklearn.tree._classes.DecisionTreeClassifier"),
        ("sklearn.utils._bunch.nobody", "which is not installed"),
    ],
)  # fmt: skip
def test_the_operator_cannot_trust_what_runs_programs(name: str, words: str, tmp_path: Path) -> None:
    model = A_WAY, "raise SystemExit"
    fake = FakeMlflow(files=hostile_files(*model))
    with running_fake(fake):
        settings = environment(fake, STORAGE_INITIALIZER_SKOPS_TRUSTED=f"sklearn.tree._tree.Tree, {name}")
        done = finished(start(settings, "mlflow://models/m/1", str(tmp_path)), tmp_path)
    assert (done.code, done.files()) == (2, {}), done.lines
    assert done.reason.startswith(f"Error: STORAGE_INITIALIZER_SKOPS_TRUSTED: found '{name}', ")
    assert words in done.reason


@pytest.fixture(scope="module")
def holed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command, with a skops that loads everything."""
    python = python_whose_skops_trusts_everything(tmp_path_factory.mktemp("holed"))
    script = python.with_name("mlflow-storage-initializer")
    script.write_text(f"#!{python}\n" + SCRIPT.read_text().partition("\n")[2])
    script.chmod(0o755)
    return script


def started(
    script: Path, fake: FakeMlflow, folder: Path, before: Callable[[], None] | None = None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(script), "mlflow://models/m/1", str(folder)], env=environment(fake),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, preexec_fn=before,
    )  # fmt: skip


def until(true: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not true():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def test_while_a_model_runs_its_program_no_process_holds_the_key(holed: Path, tmp_path: Path) -> None:
    go_on, folder = threading.Event(), tmp_path / "models"
    fake = FakeMlflow(files=hostile_files(A_WAY, "import time; print('it runs', flush=True); time.sleep(600)"))

    def slow(_: dict[str, str]) -> Answer | None:
        go_on.wait(120)
        return None

    fake.answers = {f"{LISTING}/{ROOT}/model.skops": slow}
    with running_fake(fake):
        process = started(holed, fake, folder)
        try:
            until(lambda: any(path.endswith("/model.skops") for path, _ in fake.asked), process)
            if sees_all_memory():
                assert holds(process.pid, KEY.encode()), "the test needs eyes that see the key where it is"
            else:
                with pytest.raises(PermissionError):
                    holds(process.pid, KEY.encode())
            go_on.set()
            said = ".mlflow-storage-initializer-*/.mlflow-storage-initializer.answer"
            until(lambda: any("it runs" in file.read_text() for file in folder.glob(said)), process)
            (child,) = children_of(process.pid)
            for pid in (process.pid, child):
                if sees_all_memory():
                    assert not holds(pid, KEY.encode())
                assert KEY.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
        finally:
            go_on.set()
            process.terminate()
            done = finished(process, folder)
    assert (done.code, done.reason, done.files()) == (143, "Error: stopped by SIGTERM", {})


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_another_process_of_the_same_user_reads_no_memory_while_it_downloads(tmp_path: Path) -> None:
    go_on = threading.Event()

    def hold(_headers: dict[str, str]) -> None:
        assert go_on.wait(120)

    fake = FakeMlflow(answers={f"{LISTING}/{ROOT}/data.bin": hold})

    def as_in_a_container() -> None:
        for capability in OF_THE_HOST:
            ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)

    def looks(pid: int, what: str) -> str:
        command = [sys.executable, "-c", f"open('/proc/{pid}/{what}', 'rb').read(1)"]
        done = subprocess.run(command, preexec_fn=as_in_a_container, stderr=subprocess.PIPE, text=True, check=False)
        return done.stderr.strip().rpartition("\n")[2]

    waits = [sys.executable, "-c", "input()"]
    ordinary = subprocess.Popen(waits, stdin=subprocess.PIPE, preexec_fn=as_in_a_container)
    with running_fake(fake):
        process = started(SCRIPT, fake, tmp_path, as_in_a_container)
        try:
            until(lambda: any(path.endswith("/data.bin") for path, _ in fake.asked), process)
            assert looks(ordinary.pid, "environ") == ""
            for what in ("environ", "mem"):
                assert looks(process.pid, what).startswith("PermissionError")
        finally:
            go_on.set()
            ordinary.kill()
            ordinary.communicate()
            assert finished(process, tmp_path).code == 0


# What a program that runs within a model tries, and what it gets.
TRIES = """
import json, os, socket, signal, subprocess
parent, got = os.getppid(), {}
def attempt(name, do):
    try:
        got[name] = do() is None
    except OSError as error:
        got[name] = type(error).__name__
attempt("socket", lambda: socket.socket().close())
attempt("fork", lambda: os._exit(0) if os.fork() == 0 else None)
attempt("program", lambda: os.execv("/bin/true", ["true"]))
attempt("subprocess", lambda: subprocess.run(["/bin/true"]).args and None)
for name in ("environ", "mem", "maps", "cmdline"):
    attempt(name, lambda: open(f"/proc/{parent}/{name}", "rb").close())
attempt("secret", lambda: open("/etc/passwd").close())
attempt("write", lambda: open("FOLDER/left", "w").close())
attempt("link", lambda: os.symlink("/etc/passwd", "FOLDER/link"))
attempt("delete", lambda: os.unlink("FOLDER/victim"))
attempt("signal", lambda: os.kill(parent, 0))
raise RuntimeError(json.dumps([sorted(os.environ), got]))
"""
BY_THE_FILTER = dict.fromkeys(("socket", "fork", "program", "subprocess"), "PermissionError")
BY_LANDLOCK = dict.fromkeys(
    ("environ", "mem", "maps", "cmdline", "secret", "write", "link", "delete", "signal"), "PermissionError"
)


def test_a_models_program_reaches_no_network_no_process_and_no_file(holed: Path, tmp_path: Path) -> None:
    need(confine.landlock_version() >= 6, "this kernel has no Landlock that knows signals")
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "victim").write_text("stays")
    fake = FakeMlflow(files=hostile_files(A_WAY, TRIES.replace("FOLDER", str(folder))))
    with running_fake(fake):
        done = finished(started(holed, fake, folder), folder)
    (warning,) = [line for line in done.lines if line.startswith("WARNING")]
    said = warning.partition("(RuntimeError: ")[2].removesuffix(")")
    seen, got = json.loads(said)
    assert got == {**BY_THE_FILTER, **BY_LANDLOCK}
    # Python sets LC_CTYPE by itself, scikit-learn the others.
    assert {name for name in seen if not name.startswith("KMP_")} <= {*handover.KEPT, "LC_CTYPE"}
    assert done.code == 0
    assert set(done.files()) == {"MLmodel", "model.skops", "victim"}


def test_without_landlock_the_filter_alone_keeps_it_from_network_and_processes(tmp_path: Path) -> None:
    program = """
    from mlflow_prokube_auth.kserve import confine
    confine._landlock = lambda *_: None
    confine.confine(1 << 20, 60)
    """
    program = textwrap.dedent(program) + TRIES.replace("FOLDER", str(tmp_path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    _, got = json.loads(done.stderr.strip().rpartition("RuntimeError: ")[2])
    assert {name: got[name] for name in BY_THE_FILTER} == BY_THE_FILTER


CALLS = {
    "ptrace": "16, PARENT, 0, 0", "process_vm_readv": "PARENT, 0, 0, 0, 0, 0",
    "process_vm_writev": "PARENT, 0, 0, 0, 0, 0", "pidfd_getfd": "0, 0, 0", "io_uring_setup": "1, 0",
    "socketpair": "1, 1, 0, 0", "execveat": "0, 0, 0, 0, 0", "vfork": "", "clone": "17, 0, 0, 0, 0",
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_the_filter_refuses_the_call_itself(call: str) -> None:
    machine = os.uname().machine
    need(machine in confine.MACHINES, f"no filter for {machine}")
    numbers = {**confine.REFUSED, "clone": confine.CLONE}[call]
    number = numbers[confine.MACHINES[machine].column]
    need(number is not None, f"{machine} has no {call}")
    program = f"""
    import ctypes, os
    from mlflow_prokube_auth.kserve import confine
    confine._landlock = lambda *_: None
    confine.confine(1 << 20, 60)
    libc = ctypes.CDLL(None, use_errno=True)
    PARENT = os.getppid()
    if libc.syscall({number}, {CALLS[call]}) == 0: os._exit(0)
    print(os.strerror(ctypes.get_errno()))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    assert done.stdout == "Operation not permitted\n", done.stderr


def test_threads_go_on_to_work_and_limits_hold(tmp_path: Path) -> None:
    program = f"""
    import resource, threading
    file = open({str(tmp_path / "file")!r}, "wb", buffering=0)
    from mlflow_prokube_auth.kserve import confine
    confine.confine(1000, 60)
    thread = threading.Thread(target=print, args=("a thread",))
    thread.start(); thread.join()
    print(resource.getrlimit(resource.RLIMIT_CPU), resource.getrlimit(resource.RLIMIT_CORE))
    try:
        file.write(b"x" * 2000); file.write(b"x" * 2000)
    except OSError as error:
        print(error.strerror)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["a thread", "(60, 60) (0, 0)", "File too large"]
    assert (tmp_path / "file").stat().st_size == 1000


@pytest.mark.parametrize("machine", confine.MACHINES)
def test_the_numbers_of_the_calls_are_the_kernels(machine: str) -> None:
    headers = {
        "x86_64": ["/usr/include/x86_64-linux-gnu/asm/unistd_64.h"],
        "aarch64": ["/usr/include/asm-generic/unistd.h", "/usr/include/aarch64-linux-gnu/asm/unistd_64.h"],
    }[machine]
    text = "\n".join(Path(path).read_text() for path in headers if Path(path).exists())
    need(bool(text), "the kernel's headers are not installed")
    known = {
        words[1].removeprefix("__NR_").removeprefix("__NR3264_"): int(words[2])
        for words in (line.split() for line in text.splitlines())
        if len(words) == 3 and words[0] == "#define" and words[1].startswith("__NR") and words[2].isdigit()
    }
    column = confine.MACHINES[machine].column
    ours = {**confine.REFUSED, "clone": confine.CLONE, "clone3": confine.CLONE3}
    assert {name: known.get(name) for name in ours} == {name: numbers[column] for name, numbers in ours.items()}


def test_where_nothing_can_be_confined_nothing_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "s390x")
    said: list[str] = []
    assert ours.add_joblib(saved(tmp_path / "model", LinearRegression().fit(X, X[:, 0])), "auto", (), said.append) == []
    assert "found linux on s390x, expected 64-bit Linux on x86_64 or aarch64" in said[0]


def test_a_link_among_the_staged_files_is_not_placed(tmp_path: Path) -> None:
    destination = Destination(tmp_path / "models", print)
    staging = destination.stage()
    (staging.path / "MLmodel").symlink_to("/etc/passwd")
    with pytest.raises(Failure, match="MLmodel is no file any more"):
        destination.place(staging.path, [("MLmodel",)], {})
    staging.drop()
    assert not (tmp_path / "models" / "MLmodel").exists()


@pytest.mark.parametrize(
    "metadata", ["[" * 5000, "a: &a [x]\nflavors: {sklearn: *a}", "flavors: !!python/object/apply:os.system ['true']"]
)
def test_metadata_of_any_shape_is_no_flavor(metadata: str, tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(metadata)
    assert ours.add_joblib(tmp_path, "auto", (), print) == []
