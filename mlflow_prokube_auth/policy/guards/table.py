"""The one table of what MLflow's engine leaves open, a row for each hole: a row goes when MLflow closes it.

A guard runs after the engine has let the request through, and can only refuse. It asks the engine whether the caller
may read or change what the request refers to; it holds no rule of its own on who may what.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import SpecifierSet

from ...model import Person
from ..artifacts import ModelArtifacts
from . import admin_only, destinations, locations, models, presigned, references, schedules, traces
from .asked import AuthorizationQueries, GuardContext

Check = Callable[[GuardContext], None]
ANY = "any"


@dataclass(frozen=True)
class Guard:
    """One hole. ``route`` is MLflow's rule without static prefix and ``/api/<version>``; ``{}`` is any parameter."""

    methods: str
    route: str
    check: Check
    refuses: str
    # What MLflow does otherwise.
    reason: str
    # The releases of MLflow that need it, as a specifier (PEP 440); empty for all that are supported.
    releases: str = ""
    # Whether it holds for administrators, too: what nobody can mean does, what others may not do does not.
    admins: bool = False

    def holds_for(self, method: str) -> bool:
        """Whether it guards requests of this method."""
        return self.methods == ANY or method in self.methods.split()

    def is_needed_by(self, release: str) -> bool:
        """Whether this release of MLflow leaves the hole open."""
        return not self.releases or SpecifierSet(self.releases).contains(release, prereleases=True)

    def row(self) -> tuple[str, str, str, str, str]:
        """It in the words of ``docs/guards.md``: request, refused, why, releases, who."""
        who = "everybody" if self.admins else "all but administrators"
        return f"`{self.methods} {self.route}`", self.refuses, self.reason, self.releases or "all", who


_PLACE = ("a tag that says where the trace's files are", "reads, and deletes, a trace's files where its tags say")
_SOURCE = ("a source run or model that one may not read", "asks for the experiment alone")
_SCHEDULE = (
    "a schedule of issue detection with a gateway endpoint or secret that one may not use, or one that cannot be read",
    "runs it with the server's rights and asks nobody; a tag of before 3.18 counts after the upgrade",
)
_PARENT = ("a parent run that one may not read", "asks for the run alone")
_PROMPT = ("to make a model a prompt, or back", "asks for EDIT; the owner's grants on the other kind do not count")
_LONG = (
    "an expiration of more than an hour",
    "lets the asker choose how long an address works that no withdrawn right ends: up to seven days",
)
_ASSESSED = ("an issue or a source run that one may not read", "asks for the trace alone")
_BUDGETS = ("everything", "shows what others may spend and have spent to any login")
_USAGE = ("an experiment that one may not change", "lets an endpoint write the traces of its calls to any experiment")
_JOB = ("a job of another kind", "takes any job that names an experiment, where others' jobs are their own")
_HOST = (
    "an option that chooses a host (`api_base` and the like), at any depth",
    "sends the server's own keys there, where the library for it is installed",
)

FLASK: tuple[Guard, ...] = (
    Guard("PATCH DELETE", "/mlflow/traces/{}/tags", traces.storage_tag, *_PLACE),
    Guard("PATCH", "/mlflow/traces/{}", traces.storage_tags, *_PLACE),
    Guard("POST", "/mlflow/traces", traces.storage_tags, *_PLACE),
    Guard(
        "POST",
        "/mlflow/traces",
        traces.plain_id,
        "an id that can be read as a path",
        "makes the id a part of a path",
        admins=True,
    ),
    Guard(
        "POST",
        "/mlflow/traces",
        traces.own_id,
        "the id of a trace that one may not change",
        "overwrites that trace, and moves it to the experiment of the request",
    ),
    Guard(
        "POST",
        "/mlflow/traces",
        traces.own_assessments,
        "the id of another trace's assessment",
        "overwrites that assessment, and moves it to the trace",
    ),
    Guard("POST", "/mlflow/traces", traces.noted, *_SOURCE),
    Guard("PATCH", "/mlflow/traces/{}", traces.noted, *_SOURCE),
    Guard(
        "POST",
        "/mlflow/traces/link-prompts",
        traces.linked_prompts,
        "prompts that one may not read",
        "asks for the trace alone",
    ),
    Guard(
        "POST",
        "/mlflow/experiments/create",
        locations.experiment_location,
        "an artifact location, but below `PROKUBE_AUTH_ARTIFACT_LOCATIONS` and away from others' artifacts",
        "reads and writes there with the server's rights",
    ),
    Guard("POST", "/mlflow/experiments/create", schedules.detection, *_SCHEDULE),
    Guard("POST", "/mlflow/experiments/set-experiment-tag", schedules.detection, *_SCHEDULE),
    Guard(
        "POST",
        "/mlflow/model-versions/create",
        models.source,
        "a source that is not among the artifacts of the named run or logged model",
        "reads addresses such as `s3://` with the server's rights",
    ),
    Guard(
        "GET",
        "/model-versions/get-artifact",
        models.version_files,
        "a version that does not count (see [request-flow](request-flow.md)), of a source that one may not read",
        "reads what the row says with the server's rights; rows from before this plugin may say anything",
    ),
    Guard("POST", "/mlflow/registered-models/set-tag", models.prompt_tag, *_PROMPT),
    Guard("DELETE", "/mlflow/registered-models/delete-tag", models.prompt_tag, *_PROMPT),
    Guard("POST", "/mlflow/model-versions/set-tag", models.prompt_tag, *_PROMPT),
    Guard("DELETE", "/mlflow/model-versions/delete-tag", models.prompt_tag, *_PROMPT),
    Guard("POST", "/mlflow/runs/create", references.parent_run, *_PARENT),
    Guard("POST", "/mlflow/runs/set-tag", references.parent_run, *_PARENT),
    Guard("POST", "/mlflow/runs/log-batch", references.parent_run, *_PARENT),
    Guard("POST", "/mlflow/runs/create-promptlab-run", references.parent_run, *_PARENT),
    Guard("POST", "/mlflow/traces/{}/assessments", references.assessed, *_ASSESSED),
    Guard("PATCH", "/mlflow/traces/{}/assessments/{}", references.assessed, *_ASSESSED),
    Guard("POST", "/mlflow/issues", references.source_run, "a source run that one may not read", _SOURCE[1]),
    Guard("POST", "/mlflow/gateway/endpoints/create", references.usage_experiment, *_USAGE),
    Guard("POST", "/mlflow/gateway/endpoints/update", references.usage_experiment, *_USAGE),
    Guard(
        "POST",
        "/mlflow/scorers/register",
        references.asked_endpoint,
        "a gateway endpoint that one may not use",
        "asks for the experiment alone, and tells whether there is such an endpoint",
    ),
    Guard(
        "POST",
        "/mlflow/issues/invoke",
        references.called_endpoint,
        "a gateway endpoint that one may not use",
        "starts a job that calls any",
    ),
    Guard(
        "POST",
        "/mlflow/prompt-optimization/jobs",
        references.optimized,
        "a prompt that one may not change, a dataset that one may not read, a gateway endpoint that one may not use",
        "starts a job that reads and calls any, and writes a new version of the prompt",
    ),
    Guard("GET DELETE", "/mlflow/prompt-optimization/jobs/{}", references.optimization, *_JOB),
    Guard("POST", "/mlflow/prompt-optimization/jobs/{}/cancel", references.optimization, *_JOB),
    Guard("POST", "/mlflow/prompt-optimization/jobs", destinations.chosen_host, *_HOST),
    Guard("POST", "/mlflow/scorers/register", destinations.chosen_host, *_HOST),
    Guard("POST", "/mlflow/scorer/invoke", destinations.chosen_host, *_HOST),
    Guard(
        "POST",
        "/mlflow/gateway/secrets/update",
        destinations.secrets_destination,
        "another destination for a secret that one does not manage, unless its value is set anew",
        "asks for EDIT, which so reveals the secret",
    ),
    Guard(
        "POST",
        "/mlflow/genai/evaluate/invoke",
        admin_only.evaluation,
        "everything",
        "gives the job the server's own token, which would have to count as a password for everything",
        admins=True,
    ),
    Guard("POST", "/mlflow/artifacts/presigned-upload-url", presigned.short_lived, *_LONG, admins=True),
    Guard("POST", "/mlflow/artifacts/presigned-download-url", presigned.short_lived, *_LONG, admins=True),
    Guard("GET", "/mlflow/gateway/budgets/get", admin_only.budgets, *_BUDGETS),
    Guard("GET", "/mlflow/gateway/budgets/list", admin_only.budgets, *_BUDGETS),
    Guard("GET", "/mlflow/gateway/budgets/windows", admin_only.budgets, *_BUDGETS),
    Guard(
        "POST",
        "/mlflow/demo/generate",
        admin_only.demo_data,
        "everything",
        "makes an experiment and prompts that belong to nobody",
    ),
)
# Routes that FastAPI serves itself; the engine lets administrators pass before anything of ours is asked.
NATIVE: tuple[Guard, ...] = (
    Guard(
        "POST",
        "/v1/traces",
        traces.sent,
        "spans of a trace that one may not change, a run that one may not change, a tag of a place",
        "asks for the experiment alone, and adds spans to any trace with their id",
    ),
    Guard(
        "POST",
        "/jobs/search",
        admin_only.job_search,
        "lists of more than 1,000 entries",
        "has the database look for each entry, as many as there may be",
    ),
    Guard(
        "POST",
        "/jobs",
        admin_only.jobs,
        "everything",
        "runs any job with any parameters for any login",
        releases="<3.18",
    ),
    Guard(
        ANY,
        "/mlflow/assistant/{}",
        admin_only.assistant,
        "everything",
        "runs programs on the server for any login whose peer is loopback, as a proxy beside the server is",
    ),
)
_VERSION = re.compile(r"/(?:ajax-)?api/\d+\.\d+")
_PARAMETER = re.compile(r"<[^>]*>")


@functools.lru_cache(maxsize=1024)
def _guards_on(rule: str, release: str) -> tuple[Guard, ...]:
    """The guards of a rule for any method; kept by rules, which are MLflow's, and by nothing that somebody sends."""
    route = _PARAMETER.sub("{}", _VERSION.sub("", rule, count=1) if _VERSION.match(rule) else rule)
    return tuple(guard for guard in FLASK if guard.route == route and guard.is_needed_by(release))


def flask_guards(method: str, rule: str, release: str) -> tuple[Guard, ...]:
    """The guards of a route of Flask's on a release of MLflow, by its rule without the static prefix."""
    return tuple(guard for guard in _guards_on(rule, release) if guard.holds_for(method))


class Guards:
    """Runs the guards of a request."""

    def __init__(
        self, answers: AuthorizationQueries, models: ModelArtifacts, allowed: tuple[str, ...], contact: str
    ) -> None:
        """``allowed`` are the prefixes below which people choose the locations of their experiments."""
        self._answers = answers
        self._models = models
        self._locations = allowed
        self._contact = contact

    def check(
        self,
        guards: tuple[Guard, ...],
        method: str,
        params: Mapping[str, Any],
        path: Mapping[str, Any],
        person: Person,
    ) -> None:
        """Let a request through that the engine has let through.

        Raises:
            Refusal: a guard refuses it.
        """
        asked = GuardContext(method, params, path, person, self._answers, self._models, self._locations, self._contact)
        for guard in guards:
            if guard.admins or not person.is_admin:
                guard.check(asked)
