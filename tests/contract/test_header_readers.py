"""Which functions of MLflow's server read credentials or headers for themselves, and why none of them is misled.

Found in the source of the installed MLflow: a release with one more fails here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import mlflow.server
from mlflow.version import VERSION
from packaging.specifiers import SpecifierSet

from mlflow_prokube_auth.identity import inside

from ..support.releases import HAS_SKILLS

ROOT = Path(mlflow.server.__file__).parent
STRIPPED = "credentials end at the outermost layer; Authorization names the identified account"
GATEWAY = "of the gateway's headers, none that named the caller goes inside (identity/inside.py)"
READS = {
    "auth/__init__.py _authenticate_custom_for_fastapi": "makes the context in which our function answers",
    "auth/__init__.py authenticate_request_basic_auth": "never called: a custom authorization function is set",
    "auth/__init__.py create_user_ui": "a content type; the route is refused (web/users.py)",
    "auth/__init__.py fastapi_permission_middleware": "the workspace, which the engine checks",
    "auth/__init__.py validator": "the experiment of an OTLP export, which the engine checks",
    "fastapi_app.py workspace_context_middleware": "the workspace, which the engine checks",
    "gateway_api.py _get_guardrails_and_auth": "what a guardrail sends is replaced (mlflow_auth/gateway.py)",
    "gateway_api.py _get_request_body": "a content encoding",
    "gateway_api.py wrapper": "who calls, for telemetry, out of a list",
    "handlers.py _invoke_genai_evaluate_handler": STRIPPED,
    "handlers.py _invoke_scorer_handler": STRIPPED,
    "security.py block_cross_origin_state_changes": "Origin",
    "security.py validate_host": "Host",
    "workspace_helpers.py workspace_before_request_handler": "the workspace, which the engine checks",
    **{
        f"gateway_api.py {name}": GATEWAY
        for name in (
            "invocations", "chat_completions", "openai_passthrough_chat", "openai_passthrough_embeddings",
            "typesafe_passthrough_system_one", "_openai_responses_passthrough_unary", "openai_passthrough_responses",
            "anthropic_passthrough_messages", "gemini_passthrough_generate_content",
            "gemini_passthrough_stream_generate_content", "raw_proxy",
        )
    },
}  # fmt: skip
# Of some releases alone.
ONLY = {
    "<3.18": {
        "auth/__init__.py _authenticate_fastapi_request": "never called: a custom authorization function is set",
    },
    ">=3.18": {
        "assistant/api.py _is_localhost": "what proxies add; the assistant is for administrators",
        "assistant/api.py event_generator": "Host and the workspace; the assistant is for administrators",
        "auth/__init__.py _authenticate_flask_delegation_token": "never called: authenticate_request is replaced",
        "auth/__init__.py _authenticate_internal_delegation_token":
            "never called: authenticate_fastapi_request_user is replaced",
        "auth/__init__.py _basic_auth_credentials": "never called: authenticate_fastapi_request_user is replaced",
    },
}  # fmt: skip
if HAS_SKILLS:
    READS |= {
        "skill_registry_api.py _parse_registration_request": "a content type",
        "skill_registry_api.py _request_with_multipart_size_limit": "a content length; what comes is counted as well",
    }
OF_A_REQUEST = {"request", "flask_request", "starlette_request", "req"}


def readers(path: Path) -> Iterator[str]:
    """Functions in which ``request.authorization``, ``.cookies`` or ``.headers`` stands."""

    def walk(node: ast.AST, function: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
            if (
                isinstance(child, ast.Attribute)
                and child.attr in ("authorization", "cookies", "headers")
                and isinstance(child.value, ast.Name)
                and child.value.id in OF_A_REQUEST
            ):
                yield f"{path.relative_to(ROOT)} {inside}"
            yield from walk(child, inside)

    yield from walk(ast.parse(path.read_text()), "<module>")


def test_every_reader_of_headers_in_mlflows_server_is_known() -> None:
    found = {each for path in ROOT.rglob("*.py") for each in readers(path)}
    of_this = [each for releases, reads in ONLY.items() if SpecifierSet(releases).contains(VERSION) for each in reads]
    assert found == READS.keys() | set(of_this)


def test_the_header_by_which_an_assistants_tool_names_a_user_ends_at_the_outermost_layer() -> None:
    provider = ROOT.parent / "tracking" / "request_auth" / "assistant_delegation_request_auth_provider.py"
    if SpecifierSet("<3.18").contains(VERSION):
        assert not provider.exists()
    else:
        assert f'"{inside.ASSISTANT_DELEGATION}"' in provider.read_text().lower()
    assert inside.ASSISTANT_DELEGATION in inside.CREDENTIAL_HEADERS
