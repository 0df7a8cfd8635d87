"""A walk over all of MLflow's pages, as a reader, as who made it all, and as an administrator: no page asks for what is
refused to who opens it, but for what is listed here with its reason.
"""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path

import mlflow.server
import pytest
from playwright.sync_api import Browser, Page, Request, Response

from ..support.chromium import log_in, open_page
from ..support.demo import Demo
from ..support.personas import owned_things
from ..support.releases import HAS_SKILLS
from ..support.tenants import API, API3, Tenant, trace_id

PEOPLE = ("bob", "alice", "admin")
EXPERIMENT, RUN = "experiments/{experiment}", "experiments/{experiment}/runs/{run}"
# What stands in braces is alice's, and bob may read it.
PAGES = (
    "", "experiments", EXPERIMENT,
    *(f"{EXPERIMENT}/{tab}" for tab in (
        "overview/usage", "runs", "traces", "traces/{trace}", "chat-sessions", "chat-sessions/{session}", "judges",
        "review-queue", "datasets", "datasets/{dataset}", "evaluation-runs", "models", "models/{logged}",
        "models/{logged}/artifacts", "playground", "prompts", "prompts/{prompt}",
        *(("evaluation-runs/{run}/details", "issues", "issues/runs", "overview", "dashboard/usage") if HAS_SKILLS
          else ("evaluation-runs/{run}", "evaluation-runs/{run}/details")),
    )),
    RUN, *(f"{RUN}/{tab}" for tab in ("model-metrics", "artifacts", "traces", "artifactPath/model/MLmodel")),
    "runs/{run}",
    "compare-runs?runs=[%22{run}%22,%22{other}%22]&experiments=[%22{experiment}%22]",
    "compare-experiments/s?experiments=[%22{experiment}%22,%22{experiment}%22]",
    "metric/loss?runs=[%22{run}%22]&metric=%22loss%22&experiments=[%22{experiment}%22]",
    "models", "models/{model}", "models/{model}/versions/1",
    "compare-model-versions?name=%22{model}%22&runs={{%221%22:%22{run}%22}}",
    "prompts", "prompts/{prompt}", "mcp-registry", "mcp-registry/{server}",
    "gateway", "gateway/usage", "gateway/api-keys", "gateway/endpoints/create", "gateway/endpoints/{endpoint}",
    "settings", "settings/llm-connections", "account",
    *(("skills", "skills/{skill_organization}/{skill_name}", "skills/{skill_alone}") if HAS_SKILLS else ()),
)  # fmt: skip
# Pages that people without administrator's rights are shown no link to.
ADMINISTRATORS = (
    "gateway/budgets", "settings/webhooks", "admin", "admin/ws", "admin/users/alice@example.com", "admin/roles/{role}",
)  # fmt: skip
# Addresses of MLflow's that show no page of their own.
NO_PAGES = {
    "/createModel": "leads to the list of models",
    "/experiments/:experimentId/s": "the beginning of an address with a search",
    "/models/:modelName/:subpage": "an old address of a model's page",
    "/compare-experiments": "the beginning of the address that is walked",
}
# What MLflow's pages ask for and is refused: status, method, path as a regular expression -> by whom, and why it stays.
KNOWN: dict[tuple[int, str, str], tuple[tuple[str, ...], str]] = {
    (403, "GET", r"/ajax-api/3\.0/mlflow/gateway/endpoints/bindings/list\?$"): (
        ("bob", "alice"),
        "MLflow's engine tells what uses all endpoints to administrators alone: others' column 'Used by' stays empty",
    ),
}
MLMODEL = b"artifact_path: model\nflavors:\n  python_function:\n    loader_module: m\n    python_version: 3.11.0\n"


@pytest.fixture(scope="module")
def things(demo: Demo) -> dict[str, str]:
    """What alice has made and bob may read."""
    turn = uuid.uuid4().hex[:6]
    with Tenant(base_url=demo.url, auth=demo.auth("alice"), timeout=60) as alice:
        made = owned_things(alice, HAS_SKILLS)
        made |= {"other": alice.run(made["experiment"]), "session": f"session-{turn}", "server": f"io.x/s{turn}"}
        alice.file(made["experiment"], made["run"], "model/MLmodel", MLMODEL)
        point = {"run_id": made["run"], "key": "loss", "value": 1.0, "timestamp": int(time.time() * 1000)}
        alice.made(f"{API}/runs/log-metric", point)
        marked = [{"key": "mlflow.prompt.is_prompt", "value": "true"}]
        text = [*marked, {"key": "mlflow.prompt.text", "value": "Say {{it}}"}]
        version = {"name": made["prompt"], "source": "prompt-template", "tags": text}
        alice.made(f"{API}/model-versions/create", version)
        spoken, said = {"mlflow.trace.session": made["session"]}, trace_id()
        assert alice.trace(made["experiment"], said, trace_metadata=spoken).status_code == 200
        for trace in (made["trace"], said):
            assert alice.export(made["experiment"], trace).status_code == 200
        dataset = {"name": f"d-{turn}", "experiment_ids": [made["experiment"]]}
        made["dataset"] = alice.made(f"{API3}/datasets/create", dataset)["dataset"]["dataset_id"]
        alice.made(f"{API3}/mcp-servers", {"name": made["server"]})
        secret = {"secret_name": f"s-{turn}", "provider": "openai", "secret_value": {"api_key": "x"}}
        kept = alice.made(f"{API3}/gateway/secrets/create", secret)["secret"]["secret_id"]
        defined = {"name": f"m-{turn}", "secret_id": kept, "provider": "openai", "model_name": "m"}
        definition = alice.made(f"{API3}/gateway/model-definitions/create", defined)["model_definition"]
        linked = {"model_definition_id": definition["model_definition_id"], "linkage_type": "PRIMARY"}
        endpoint = {"name": f"ep-{turn}", "model_configs": [linked]}
        made["endpoint"] = alice.made(f"{API3}/gateway/endpoints/create", endpoint)["endpoint"]["endpoint_id"]
        shared = [
            ("experiment", "experiment"), ("registered_model", "model"), ("prompt", "prompt"), ("mcp_server", "server"),
            ("gateway_endpoint", "endpoint"),
        ]  # fmt: skip
        if HAS_SKILLS:
            made["skill_alone"] = f"s-{turn}"
            alice.made(f"{API3}/skills", {"name": made["skill_alone"]})
            shared += [("skill", "skill"), ("skill", "skill_alone")]
        for kind, key in shared:
            share = {"kind": kind, "id": made[key], "user": "bob@example.com", "level": "READ"}
            alice.made("/prokube-auth/api/sharing", share)
    with Tenant(base_url=demo.url, auth=demo.auth("admin"), timeout=60) as admin:
        role = {"name": f"r-{turn}", "workspace": "default"}
        made["role"] = str(admin.made(f"{API3}/roles/create", role)["role"]["id"])
    return made


class Watched:
    """A page whose requests are counted and whose refusals are kept."""

    def __init__(self, page: Page, base: str) -> None:
        self.page, self._base = page, base
        self._pending: set[Request] = set()
        self.refused: set[tuple[int, str, str]] = set()
        page.on("request", lambda sent: self._pending.add(sent))
        page.on("requestfinished", lambda sent: self._pending.discard(sent))
        page.on("requestfailed", lambda sent: self._pending.discard(sent))
        page.on("response", self._answered)

    def _answered(self, response: Response) -> None:
        if 400 <= response.status < 500:
            path = response.url.removeprefix(self._base)
            self.refused.add((response.status, response.request.method, path))

    def open(self, where: str) -> None:
        """Open a page and let it ask for all that it wants to know."""
        self.page.goto(f"{self._base}/#/{where}")
        self.page.wait_for_selector("main")
        quiet = 0
        for _ in range(100):
            self.page.wait_for_timeout(350)
            quiet = 0 if self._pending else quiet + 1
            if quiet == 2:
                return


@pytest.mark.parametrize("who", PEOPLE)
def test_no_page_asks_for_what_is_refused(demo: Demo, chromium: Browser, things: dict[str, str], who: str) -> None:
    page = open_page(chromium, 1366)
    log_in(page, demo, who)
    page.wait_for_selector("aside")
    watched = Watched(page, demo.url)
    found: dict[tuple[int, str, str], str] = {}
    for where in (*PAGES, *(ADMINISTRATORS if who == "admin" else ())):
        watched.refused.clear()
        watched.open(where.format(**things))
        for refusal in watched.refused:
            found.setdefault(refusal, where)
    page.context.close()
    known = [(status, method, path) for (status, method, path), (whom, _) in KNOWN.items() if who in whom]
    met = {each: [one for one in found if one[:2] == each[:2] and re.match(each[2], one[2])] for each in known}
    listed = {one for each in met.values() for one in each}
    assert {one: where for one, where in found.items() if one not in listed} == {}
    assert [each for each, ones in met.items() if not ones] == [], "these rows of KNOWN are no longer needed"


def test_the_walk_leaves_out_no_page_of_this_release() -> None:
    scripts = Path(mlflow.server.__file__).parent.glob("js/build/static/js/main.*.js")
    text = "".join(script.read_text("utf-8") for script in scripts)
    routes = set(re.findall(r'\(0,[\w$]+\.[\w$]+\)\("(/[A-Za-z][^"]*)"\)', text))
    assert {"/experiments/:experimentId", "/models/:modelName", "/prompts/:promptName"} <= routes
    walked = ["/" + page.partition("?")[0] for page in (*PAGES, *ADMINISTRATORS)]
    patterns = {route: re.compile(re.sub(r":\w+", "[^/]+", route).replace("*", ".+")) for route in routes}
    left = {route for route, pattern in patterns.items() if not any(pattern.fullmatch(page) for page in walked)}
    assert left - set(NO_PAGES) == set()
