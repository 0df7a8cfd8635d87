"""Run by the Python of an environment with mlflow-oidc-auth: fills its database through its own store, asks its rules.

Reads from standard input what is to be there (:class:`tests.support.oidc_auth.OldServer`) and writes to standard output
what the release itself decides. Nothing of ours is imported.
"""

import json
import os
import sys
from datetime import datetime, timedelta, timezone

wanted = json.load(sys.stdin)
os.environ.update(wanted["environment"])

from mlflow.server.handlers import _get_model_registry_store, _get_tracking_store  # noqa: E402
from mlflow_oidc_auth.store import store  # noqa: E402

store.populate_groups(list(wanted["groups"]))
secrets = {}
for user in wanted["users"]:
    values = {"username": user["name"], "display_name": user["name"], "is_admin": user["is_admin"]}
    values["is_service_account"] = user["is_service"]
    if hasattr(store, "create_user_token"):
        store.create_user(**values)
        if user["password"]:
            expires = datetime.now(timezone.utc).replace(tzinfo=None) + timedelta(days=30)
            made = store.create_user_token(user["name"], "laptop", expires, None)
            secrets[user["name"]] = made[1] if isinstance(made[1], str) else made[0]
    else:
        store.create_user(password=user["password"] or "unknown-to-anybody", **values)
        secrets[user["name"]] = user["password"]
for name in sorted({each for members in wanted["groups"].values() for each in members}):
    store.set_user_groups(name, sorted(group for group in wanted["groups"] if name in wanted["groups"][group]))

ids = {}
for name in wanted["experiments"]:
    ids[name] = _get_tracking_store().create_experiment(name)
for name in wanted["models"]:
    _get_model_registry_store().create_registered_model(name, [], None)
if wanted["prompts"]:
    from mlflow.entities.model_registry import RegisteredModelTag

    for name in wanted["prompts"]:
        _get_model_registry_store().create_registered_model(
            name, [RegisteredModelTag("mlflow.prompt.is_prompt", "true")]
        )

# Kind -> (a user's, a group's, a user's pattern, a group's pattern).
WRITERS = {
    "experiment": (
        store.create_experiment_permission,
        store.create_group_experiment_permission,
        store.create_experiment_regex_permission,
        store.create_group_experiment_regex_permission,
    ),
    "registered_model": (
        store.create_registered_model_permission,
        store.create_group_model_permission,
        store.create_registered_model_regex_permission,
        store.create_group_registered_model_regex_permission,
    ),
    "prompt": (
        store.create_registered_model_permission,
        store.create_group_prompt_permission,
        store.create_prompt_regex_permission,
        store.create_group_prompt_regex_permission,
    ),
}
for kind, name, user, level in wanted["user_grants"]:
    WRITERS[kind][0](ids.get(name, name) if kind == "experiment" else name, user, level)
for kind, name, group, level in wanted["group_grants"]:
    WRITERS[kind][1](group, ids.get(name, name) if kind == "experiment" else name, level)
for kind, regex, priority, user, level in wanted["user_patterns"]:
    WRITERS[kind][2](regex=regex, priority=priority, permission=level, username=user)
for kind, regex, priority, group, level in wanted["group_patterns"]:
    WRITERS[kind][3](regex=regex, priority=priority, permission=level, group_name=group)

from mlflow_oidc_auth.utils import permissions as rules  # noqa: E402

decisions = []
for user in wanted["asked"]:
    for kind in ("experiment", "model", "prompt"):
        ask = getattr(rules, f"effective_{'registered_model' if kind == 'model' else kind}_permission")
        for name in wanted[f"{kind}s"]:
            decided = ask(ids[name] if kind == "experiment" else name, user)
            decisions.append([user, "registered_model" if kind == "model" else kind, name, decided.permission.name])
json.dump({"decisions": decisions, "ids": ids, "secrets": secrets}, sys.stdout)
