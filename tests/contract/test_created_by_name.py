"""Where MLflow's server gets or creates something by name on the fly, and whose that is.

Found in the source of the installed MLflow: a release with one more place fails here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import mlflow

from ..support.releases import HAS_SKILLS

ROOT = Path(mlflow.__file__).parent
# What the server's process, its stores and its jobs are made of; clients create with their own rights.
FOLDERS = (
    "server", "gateway", "store/tracking", "store/model_registry", "store/jobs", "genai/optimize", "genai/scorers",
    "genai/discovery", "genai/judges", "genai/review_queues", "demo", "genai/evaluation",
)  # fmt: skip
CREATES = {
    "create_experiment", "create_registered_model", "create_mcp_server", "create_prompt", "register_prompt",
    "set_experiment", "get_or_create_user_queue", "_get_or_create_experiment_id", "create_gateway_endpoint",
    "create_gateway_secret", "create_dataset", "create_mcp_server_version", "register_scorer", "create_prompt_version",
    "create_skill", "create_skill_version", "bulk_register_skills", "_get_or_create_skill_for_version",
    "_create_skill_version",
}  # fmt: skip
REQUEST = "the request itself: the name is reserved before (policy/named.py), or is one within an experiment"
CLIENT = "runs in clients, or in a store that is none of the server's"
DEMO = "only administrators generate demo data (policy/guards/closed.py)"
PLACES = {
    "server/handlers.py _create_dataset_handler create_dataset": REQUEST,
    "server/handlers.py _create_experiment create_experiment": REQUEST,
    "server/handlers.py _create_gateway_endpoint create_gateway_endpoint": REQUEST,
    "server/handlers.py _create_gateway_secret create_gateway_secret": REQUEST,
    "server/handlers.py _create_registered_model create_registered_model": REQUEST,
    "server/handlers.py _get_or_create_user_queue get_or_create_user_queue":
        "a queue within an experiment, which the engine asks for",
    "server/handlers.py _register_scorer register_scorer": REQUEST,
    "server/mcp_server_api.py _ensure_version_create_parent_access create_mcp_server":
        "claimed where there is none of the name (mlflow_auth/native_names.py)",
    "server/mcp_server_api.py create_mcp_server create_mcp_server": REQUEST,
    "server/mcp_server_api.py create_mcp_server_version create_mcp_server_version": REQUEST,
    "store/tracking/gateway/sqlalchemy_mixin.py create_gateway_endpoint _get_or_create_experiment_id":
        "claimed beside the endpoint (catalog.beside)",
    "store/tracking/gateway/sqlalchemy_mixin.py update_gateway_endpoint _get_or_create_experiment_id":
        "claimed beside the endpoint (catalog.beside)",
    "store/tracking/gateway/sqlalchemy_mixin.py _get_or_create_experiment_id create_experiment": "by these two",
    "store/tracking/sqlalchemy_workspace_store.py create_experiment create_experiment": "the same method of its base",
    "store/model_registry/abstract_store.py copy_model_version create_registered_model": CLIENT,
    "store/model_registry/abstract_store.py create_prompt create_registered_model": CLIENT,
    "genai/optimize/job.py optimize_prompts_job set_experiment": "by the id that the request was let through for",
    "genai/optimize/optimize.py optimize_prompts register_prompt":
        "a version of the prompt, which the submitter may change (policy/guards/references.py)",
    "genai/scorers/base.py register register_scorer": CLIENT,
    "genai/scorers/registry.py register_scorer register_scorer": CLIENT,
    "demo/generators/evaluation.py _create_evaluation_dataset create_dataset": DEMO,
    "demo/generators/evaluation.py _create_evaluation_run set_experiment": DEMO,
    "demo/generators/judges.py generate set_experiment": DEMO,
    "demo/generators/prompts.py _create_prompt_with_versions register_prompt": DEMO,
    "demo/generators/prompts.py generate set_experiment": DEMO,
    "demo/generators/review_queues.py generate get_or_create_user_queue": DEMO,
    "demo/generators/traces.py generate set_experiment": DEMO,
}  # fmt: skip

CLAIMED = "claimed where there is none of the name (mlflow_auth/native_names.py)"
BELOW = "by one of the routes above"
if HAS_SKILLS:
    PLACES |= {
        "server/skill_registry_api.py create_skill create_skill": REQUEST,
        "server/skill_registry_api.py create_skill_version _create_skill_version": CLAIMED,
        "server/skill_registry_api.py create_organization_skill_version _create_skill_version": CLAIMED,
        "server/skill_registry/registration.py bulk_register_skill_versions bulk_register_skills": CLAIMED,
        "server/skill_registry/registration.py _register_remote create_skill_version": BELOW,
        "server/skill_registry/registration.py _register_uploaded create_skill_version": BELOW,
        **{
            f"store/tracking/skill_registry/sqlalchemy_mixin.py {name} _get_or_create_skill_for_version": BELOW
            for name in ("_persist_skill_version", "_bulk_register_skills_once")
        },
    }


def places(path: Path) -> Iterator[str]:
    """Calls of methods that create by name, with the function in which they stand."""

    def walk(node: ast.AST, function: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
            if isinstance(child, ast.Call):
                called = getattr(child.func, "attr", getattr(child.func, "id", ""))
                if called in CREATES:
                    yield f"{path.relative_to(ROOT)} {inside} {called}"
            yield from walk(child, inside)

    yield from walk(ast.parse(path.read_text()), "<module>")


def test_every_place_that_creates_by_name_is_known() -> None:
    found = {
        each for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") for each in places(path)
        if not path.name.startswith(("rest_", "databricks_", "_databricks"))
    }  # fmt: skip
    assert found == PLACES.keys()
