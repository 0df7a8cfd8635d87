"""From an address to the place of its files on the server. Asks, and downloads nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from .failures import Exit, Failure
from .server import API, MISSING, Refused, Server
from .uris import LATEST, STAGES, ModelUri, RunUri, is_run_id, is_safe_name

SERVED, RUNS = "mlflow-artifacts:", "runs:/"
# What MLflow answers where an alias is not there.
_NO_ALIAS = frozenset({MISSING, "INVALID_PARAMETER_VALUE"})


@dataclass(frozen=True)
class Place:
    """Where files are: folders that the server serves, of which a later one wins where both have a file."""

    label: str
    roots: tuple[str, ...]
    is_model: bool


def resolve(server: Server, wanted: ModelUri | RunUri, tracking_uri: str) -> Place:
    """Find the files.

    Raises:
        Failure: there is no such version or run, or not for the caller, or its files are not served.
    """
    if isinstance(wanted, ModelUri):
        version = _version(server, wanted)
        number, status = str(version.get("version", "")), str(version.get("status") or "READY")
        label = f"version {number} of model '{wanted.name}'"
        if status != "READY":
            raise Failure(Exit.NOT_FOUND, f"{label} is {status}, expected READY: register it again")
        where = server.get(f"{API}/model-versions/get-download-uri", name=wanted.name, version=number)
        location = str(where.get("artifact_uri", ""))
        if location.startswith(RUNS):  # as MLflow itself answers for a version with such a source
            return replace(_run(server, _run_of(location, label), tracking_uri), label=label, is_model=True)
        return Place(label, (served_path(location, tracking_uri, label),), is_model=True)
    return _run(server, wanted, tracking_uri)


def served_path(location: str, tracking_uri: str, label: str) -> str:
    """The path below the server's artifacts, of a location as MLflow keeps it.

    A location may name a host of its own: only the server that was asked gets our credentials.

    Raises:
        Failure: the files are elsewhere.
    """
    scheme, _, rest = location.partition(":")
    path = rest
    if rest.startswith("//"):
        host, _, path = rest[2:].partition("/")
        if host and host != urlsplit(tracking_uri).netloc.rpartition("@")[2]:
            scheme = "another server's mlflow-artifacts"
    if f"{scheme}:" != SERVED or not path.strip("/"):
        raise Failure(
            Exit.NOT_FOUND,
            f"the files of {label} are not served by this MLflow server (they are at {scheme or 'no'} addresses): "
            "expected artifacts that it proxies (mlflow server --artifacts-destination ...)",
        )
    return path.strip("/")


def _version(server: Server, wanted: ModelUri) -> dict[str, Any]:
    if wanted.version is not None:
        answer = server.get(f"{API}/model-versions/get", name=wanted.name, version=str(wanted.version))
        return dict(answer.get("model_version") or {})
    if wanted.alias is not None:
        return _by_alias(server, wanted.name, wanted.alias, "")
    label = wanted.label or ""
    if label.lower() == LATEST:
        return _newest(server, wanted.name, None)
    stage = next((stage for stage in STAGES if stage.lower() == label.lower()), None)
    try:
        return _by_alias(server, wanted.name, label, f", and '{label}' is no number and no stage either")
    except Refused as refused:
        if refused.error_code not in _NO_ALIAS or stage is None:
            raise
    return _newest(server, wanted.name, stage)


def _by_alias(server: Server, name: str, alias: str, nor: str) -> dict[str, Any]:
    try:
        answer = server.get(f"{API}/registered-models/alias", name=name, alias=alias)
    except Refused as refused:
        if refused.error_code != "INVALID_PARAMETER_VALUE":
            raise
        raise Refused(Exit.NOT_FOUND, f"model '{name}' has no alias '{alias}'{nor}", refused.error_code) from None
    return dict(answer.get("model_version") or {})


def _newest(server: Server, name: str, stage: str | None) -> dict[str, Any]:
    """As ``models:/<name>/latest`` means it: the highest number, archived versions too, unless a stage is named."""
    body: dict[str, Any] = {"name": name, **({"stages": [stage]} if stage else {})}
    found = server.post(f"{API}/registered-models/get-latest-versions", body).get("model_versions") or []
    if not found:
        where = f"in stage {stage}, and no alias of that name" if stage else "yet"
        raise Failure(Exit.NOT_FOUND, f"model '{name}' has no version {where}")
    return dict(max(found, key=lambda version: int(version["version"])))


def _run(server: Server, wanted: RunUri, tracking_uri: str) -> Place:
    run = dict(server.get(f"{API}/runs/get", run_id=wanted.run_id).get("run") or {})
    label = f"'{'/'.join(wanted.path)}' of run {wanted.run_id}"
    location = str((run.get("info") or {}).get("artifact_uri", ""))
    roots = [f"{served_path(location, tracking_uri, label)}/{'/'.join(wanted.path)}"]
    logged = _logged_model(server, run, wanted.path[0])
    if logged:
        roots.append("/".join((served_path(logged, tracking_uri, label), *wanted.path[1:])))
    return Place(label, tuple(roots), is_model=False)


def _run_of(source: str, label: str) -> RunUri:
    run_id, *path = source.removeprefix(RUNS).strip("/").split("/")
    if not path or not is_run_id(run_id) or not all(map(is_safe_name, path)):
        raise Failure(Exit.NOT_FOUND, f"the source of {label} is no path of a run: register it again")
    return RunUri(run_id, tuple(path))


def _logged_model(server: Server, run: dict[str, Any], name: str) -> str | None:
    """Where the files of the newest model are that the run logged by this name.

    MLflow 3 keeps them beside the run's artifacts; ``runs:/<run id>/<name>`` means them all the same.
    """
    outputs = (run.get("outputs") or {}).get("model_outputs") or []
    found = []
    for model_id in dict.fromkeys(str(output["model_id"]) for output in outputs):
        try:
            info = dict((server.get(f"{API}/logged-models/{model_id}").get("model") or {}).get("info") or {})
        except Refused as refused:
            if refused.error_code != MISSING:
                raise
            continue
        if info.get("name") == name:
            found.append((int(info.get("creation_timestamp_ms") or 0), str(info.get("artifact_uri", ""))))
    return max(found)[1] if found else None
