"""Installed alone, as the image installs it: without the server, for a user without a home."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.kserve.fake_mlflow import FakeMlflow, running_fake
from ..support.kserve.initializer import clean_environment

ROOT = Path(__file__).parents[2]
NEED_EVERYTHING = bool(os.environ.get("PROKUBE_TESTS_NEED_EVERYTHING"))
KUBERNETES_UID = 1337
DOCKERFILE = (ROOT / "Dockerfile.storage-initializer").read_text()


def python_for_everybody() -> str:
    """One that another user may run; the tests' own may stand in root's home."""
    for found in (sys.executable, "/usr/bin/python3"):
        real = Path(found).resolve()
        if real.exists() and all(parent.stat().st_mode & 0o005 == 0o005 for parent in real.parents):
            return str(real)
    return sys.executable


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """pytest's folders are for their owner alone."""
    with tempfile.TemporaryDirectory(prefix="storage-initializer-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    """Built from nothing but what the Dockerfile's first stage copies."""
    source = folder / "src"
    source.mkdir()
    for copied in re.findall(r"^COPY (?!--|deploy)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for name in copied.split():
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", str(folder), str(source)], check=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def script(wheel: Path, folder: Path) -> Path:
    """The command, in an environment that holds the wheel with the extra `kserve`."""
    subprocess.run([python_for_everybody(), "-m", "venv", str(folder / "venv")], check=True)
    home = folder / "venv" / "bin"
    install = [str(home / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, f"{wheel}[kserve]"], check=True, env=alone())
    return home / "mlflow-storage-initializer"


def alone(**settings: str) -> dict[str, str]:
    """Without a PYTHONPATH that names this checkout."""
    environment = {name: text for name, text in clean_environment(**settings).items() if name != "PYTHONPATH"}
    return {**environment, "PIP_NO_COMPILE": "1"}  # half of the time, for files that nobody loads here


def test_no_server_is_installed_or_loaded(script: Path, folder: Path) -> None:
    fake = FakeMlflow(files={"MLmodel": b"flavors: {}", "a/b": b"c"})
    # The command itself, and what it has loaded when it becomes the next program.
    program = (
        "import json, os, runpy, sys\n"
        "become = os.execve\n"
        "os.execve = lambda *more: (print(json.dumps(sorted(sys.modules))), sys.stdout.flush(), become(*more))\n"
        f"sys.argv = ['x', 'mlflow://models/m/1', {str(folder / 'loaded')!r}]\n"
        f"runpy.run_path({str(script)!r}, run_name='__main__')\n"
    )
    with running_fake(fake):
        done = subprocess.run(
            [str(script.with_name("python")), "-c", program], env=alone(MLFLOW_TRACKING_URI=fake.url),
            capture_output=True, text=True, check=False, cwd=folder,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    modules = json.loads(done.stdout)
    assert (folder / "loaded" / "MLmodel").is_file()
    ours = {name.partition(".")[2] for name in modules if name.startswith("mlflow_prokube_auth.")}
    # The format of access keys is told without a server and without its libraries.
    assert {name for name in ours if name.split(".")[0] != "kserve"} == {
        "identity", "identity.key_format", "model", "token_file",
    }  # fmt: skip
    tops = {name.split(".")[0] for name in modules}
    # FastAPI is one of mlflow-skinny's own needs, and MLflow's client imports it.
    assert not tops & {"flask", "sqlalchemy", "alembic", "authlib", "uvicorn", "sklearn", "skops", "pandas"}
    assert not [name for name in modules if name.startswith("mlflow.server")]
    probe = "import mlflow.server"
    tried = subprocess.run(
        [str(script.with_name("python")), "-c", probe], capture_output=True, text=True, check=False, env=alone()
    )
    assert "No module named 'flask'" in tried.stderr


def test_any_user_without_a_home_may_run_it(script: Path, folder: Path) -> None:
    if os.geteuid() != 0:
        reason = "only root can run it as another user"
        if NEED_EVERYTHING:
            pytest.fail(reason)
        pytest.skip(reason)
    target = folder / "of-1337"
    target.mkdir()
    os.chown(target, KUBERNETES_UID, KUBERNETES_UID)
    unwritable = folder / "home"
    unwritable.mkdir(mode=0o555)
    fake = FakeMlflow(files={"MLmodel": b"flavors: {}", "a/b": b"c"})
    with running_fake(fake):
        for home in (str(unwritable), "/nonexistent", ""):
            # A umask that would keep the model from the model server, which is yet another user.
            done = subprocess.run(
                [str(script), "mlflow://models/m/1", str(target)],
                env=alone(MLFLOW_TRACKING_URI=fake.url, HOME=home, TMPDIR="/nonexistent"), cwd="/",
                capture_output=True, text=True, check=False,
                user=KUBERNETES_UID, group=KUBERNETES_UID, extra_groups=[], umask=0o077,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
            assert {(target / name).stat().st_mode & 0o777 for name in ("MLmodel", "a/b")} == {0o644}
            assert (target / "a").stat().st_mode & 0o777 == 0o755
            shutil.rmtree(target / "a")
    assert list(unwritable.iterdir()) == []


def test_without_what_it_needs_it_says_what_to_install(wheel: Path, folder: Path) -> None:
    bare = folder / "bare"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(bare), str(wheel)], check=True
    )
    program = "import sys; sys.modules['mlflow'] = None; from mlflow_prokube_auth.kserve.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "mlflow://models/m/1", str(folder / "x")],
        env={**alone(MLFLOW_TRACKING_URI="http://127.0.0.1:9"), "PYTHONPATH": str(bare)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "Error: mlflow is missing: pip install 'mlflow-prokube-auth[kserve]'"


def test_the_image_runs_the_command_as_an_ordinary_user() -> None:
    lines = DOCKERFILE.splitlines()
    assert [line.split()[1] for line in lines if line.startswith("USER")] == ["10001"]
    assert lines[-1] == 'ENTRYPOINT ["mlflow-storage-initializer"]'
    # One Python for both images.
    server = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == re.findall(r"^FROM (\S+)", server, re.MULTILINE)


@pytest.mark.skipif(
    not NEED_EVERYTHING, reason="installs scikit-learn from scratch; set PROKUBE_TESTS_NEED_EVERYTHING=1 to run it"
)
def test_the_images_commands_install_it_into_an_empty_environment(wheel: Path, folder: Path) -> None:
    python = folder / "full" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(folder / "full")], check=True)
    install: list[str | Path] = [ROOT / "deploy" / "install-storage-initializer.sh", wheel, python, "threadpoolctl"]
    done = subprocess.run(install, cwd=folder, env=alone(), stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.splitlines()[-1].startswith("mlflow-storage-initializer ")
