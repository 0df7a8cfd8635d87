"""Every name that a file's owner can log and download, a reader of the model and the storage initializer can, too."""

from __future__ import annotations

import io
import os
import uuid
from pathlib import Path
from unittest import mock
from urllib.parse import quote

import pytest

from ..support.journeys import found_by, ran
from ..support.kserve.initializer import Done, clean_environment, run
from ..support.readers import REFUSED, Served
from ..support.unusual_names import UNUSUAL_NAMES
from ..support.world import ALICE, BOB

EXPECTED = {
    "MLmodel": "flavors: {}\n",
    "folders;\u202f\\/file": "inside",
    **{f"files/{name}": name for name in UNUSUAL_NAMES.values()},
}


@pytest.fixture(scope="module")
def model(served: Served) -> tuple[str, str]:
    """Its name, and where version 1 is."""
    name = f"m{uuid.uuid4().hex[:8]}"
    owned = found_by(ran("unusual_names.py", ["own", name], served.place.world.url, credentials(served, ALICE)))
    assert owned["brought"] == {"1": EXPECTED, "2": EXPECTED}
    served.grant(name)
    return name, f"{owned['experiment_id']}/{owned['run_id']}/artifacts/model"


def credentials(served: Served, email: str) -> dict[str, str]:
    return {"MLFLOW_TRACKING_USERNAME": email, "MLFLOW_TRACKING_PASSWORD": served.place.keys[email]}


def test_a_reader_brings_what_the_owner_brings(served: Served, model: tuple[str, str]) -> None:
    brought = found_by(ran("unusual_names.py", ["read", model[0]], served.place.world.url, credentials(served, BOB)))
    assert brought["brought"] == {"1": EXPECTED, "2": EXPECTED}


@pytest.mark.parametrize("version", ["1", "2"])
def test_the_storage_initializer_brings_it(
    served: Served, model: tuple[str, str], version: str, tmp_path: Path
) -> None:
    environment = clean_environment(MLFLOW_TRACKING_URI=served.place.world.url, **credentials(served, BOB))
    log = io.StringIO()
    with mock.patch.dict(os.environ, environment, clear=True):
        code = run([f"mlflow://models/{model[0]}/{version}", str(tmp_path)], os.environ, log)
    done = Done(code, log.getvalue().splitlines(), tmp_path)
    assert code == 0, done.lines
    assert {name: content.decode() for name, content in done.files().items()} == EXPECTED


@pytest.mark.parametrize(
    "escape",
    [
        "../note.txt", "..;/note.txt", "..\\note.txt", "\\..\\note.txt", "a;/../../note.txt", "%2e%2e/note.txt",
        "..%3b/note.txt", "\u202f/../../note.txt", "?/../../note.txt", "..?", "..\u00a0/note.txt", ".;/../note.txt",
        "files/why?.txt/../../../note.txt", "..%5cnote.txt", "\uff0e\uff0e/note.txt", "..\u2215note.txt",
    ],
)  # fmt: skip
def test_no_unusual_name_leads_out_of_the_version(served: Served, model: tuple[str, str], escape: str) -> None:
    root = model[1]
    with served.client(ALICE) as alice:
        note = f"{served.bases[0]}/mlflow-artifacts/artifacts/{root.removesuffix('/model')}/note.txt"
        assert alice.put(note, content=b"SECRET").status_code == 200
    for rest in (escape, quote(escape), quote(escape, safe=""), quote(quote(escape, safe=""), safe="")):
        line = quote(rest, safe="/%;?:@&=+$,.~")
        assert (line, served.raw(BOB, served.bases[0], f"/{root}/{line}") in REFUSED) == (line, True)
        assert served.raw(BOB, served.bases[0], f"?path={quote(f'{root}/{rest}', safe='')}") in (*REFUSED, 200)
        with served.client(BOB) as bob:
            answer = bob.get(f"{served.bases[0]}/mlflow-artifacts/artifacts", params={"path": f"{root}/{rest}"})
        assert "note.txt" not in answer.text
