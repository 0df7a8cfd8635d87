"""Our static files: every script and import is there, and addresses hold a version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest

from mlflow_prokube_auth.errors import BadRequest
from mlflow_prokube_auth.web import assets

WEB = Path(assets.__file__).parent
SCRIPTS = sorted(WEB.glob("assets/*.js"))
TEMPLATES = sorted(WEB.glob("templates/**/*.html"))
NO_WEB = cast(Any, None)


def test_what_a_script_imports_is_there() -> None:
    imports = {name for script in SCRIPTS for name in re.findall(r'from "([^"]+)"', script.read_text())}
    assert "./http.js" in imports
    assert imports <= {f"./{script.name}" for script in SCRIPTS}


def test_what_a_script_imports_is_exported_there() -> None:
    missing = []
    for script in SCRIPTS:
        for names, source in re.findall(r'import \{([^}]+)\} from "\./([^"]+)"', script.read_text()):
            there = set(
                re.findall(
                    r"(?m)^export (?:async )?(?:function|const|class) (\w+)", (WEB / "assets" / source).read_text()
                )
            )
            asked = {each.split(" as ")[0].strip() for each in names.split(",") if each.strip()}
            missing += [f"{script.name}: {name} of {source}" for name in sorted(asked - there)]
    assert missing == []


def test_pages_load_modules_that_are_there_and_one_script_that_comes_before_the_first_paint() -> None:
    tags = {
        tag for template in TEMPLATES for tag in re.findall(r"<script.*?</script>", template.read_text(), re.DOTALL)
    }
    module = re.compile(r'<script type="module" src="\{\{ assets \}\}(\w+\.js)"></script>')
    modules = {found[1] for tag in tags if (found := module.fullmatch(tag))}
    assert [tag for tag in tags if not module.fullmatch(tag)] == ['<script src="{{ assets }}early.js"></script>']
    assert modules <= {script.name for script in SCRIPTS}


def test_scripts_share_nothing_by_the_window() -> None:
    assert [script.name for script in SCRIPTS if re.search(r"window\.prokube", script.read_text())] == []


def test_a_file_of_this_version_is_kept_for_good_and_one_of_another_is_not_kept() -> None:
    now = assets.asset(NO_WEB, assets.version(), "http.js")
    other = assets.asset(NO_WEB, "0123456789abcdef", "http.js")
    assert now.data == other.data == (WEB / "assets" / "http.js").read_bytes()
    assert (now.mimetype, other.mimetype) == ("text/javascript", "text/javascript")
    assert now.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert other.headers["Cache-Control"] == "no-store"


def test_the_version_follows_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    before = assets.version()
    known = assets._load()
    body, kind = known["http.js"]
    monkeypatch.setattr(assets, "_load", lambda: {**known, "http.js": (body + b"\n", kind)})
    assets.version.cache_clear()
    changed = assets.version()
    monkeypatch.undo()
    assets.version.cache_clear()
    assert changed != before
    assert assets.version() == before


def test_what_is_no_asset_is_refused() -> None:
    with pytest.raises(BadRequest, match=r"There is no file 'assets\.py'"):
        assets.asset(NO_WEB, assets.version(), "assets.py")
