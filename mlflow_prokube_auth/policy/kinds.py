"""The one table of kinds: what each is called, where its name stands, how it is granted, found and shown. Pure.

MLflow's next kind is a row here, beside its guards (``guards/table.py``), its routes where FastAPI serves them
(``mlflow_auth/native_names.py``) and the engine's function for it (``mlflow_auth/permissions.py``). A test holds the
table to the types that MLflow's engine knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from packaging.specifiers import SpecifierSet

from . import spelling
from .spelling import Spelling

# The levels that may be given, from the least; what is called, such as gateway resources, may be called alone.
LEVELS = ("READ", "EDIT", "MANAGE")
LEVELS_OF_CALLED = ("READ", "USE", "EDIT", "MANAGE")
# Characters of the longest name: as :mod:`store.schema` keeps them, and as MLflow's column of what grants are on does.
LONGEST_NAME, LONGEST_GRANTED = 500, 255
API = r"/(?:ajax-)?api"


@dataclass(frozen=True)
class Parameter:
    """A route, after ``/api/<version>/mlflow/``, and the parameter of it that holds a name."""

    route: str
    name: str


@dataclass(frozen=True)
class Table:
    """Where MLflow keeps a kind: a class of its models, and the attributes that hold name, id and creation time.

    Requests name the id by the attribute's name, too.
    """

    model: str
    name: str
    id: str
    created: str
    # The attribute of an organization, which is a part of the name.
    organization: str = ""
    # Of the model registry's models, which may be in another database; else of the tracking store's.
    registry: bool = False


@dataclass(frozen=True)
class Kind:
    """One kind. ``type`` is MLflow's word for it (``mlflow/server/auth/permissions.py``), ``word`` people's."""

    type: str
    word: str
    # Parameters of requests that hold its id; the first one of all kinds that is there tells what a request is about.
    parameters: tuple[str, ...] = ()
    # How grants write what they are on; None for any text.
    spelling: Spelling | None = None
    levels: tuple[str, ...] = LEVELS
    # Its page in MLflow's UI, below "#/", with "{}" for what grants name it by; empty where it has none.
    page: str = ""
    # Pages there on which the menu offers to share it, as JavaScript's regular expressions; the group is the id.
    shared_on: tuple[str, ...] = ()
    # Whether whoever manages one shares it.
    shared: bool = True
    table: Table | None = None
    # The kind with which it shares its names, and MLflow's table, where that is another one.
    names_of: str = ""
    # The first release of MLflow that has it, where that is not the first one supported.
    since: str = ""
    # Routes of Flask's that give a name, and on which it is looked up. ``delete`` is told of what grants name by its
    # name alone: whoever gets a name would get the grants that were left on it.
    create: Parameter | None = None
    rename: Parameter | None = None
    lookup: Parameter | None = None
    delete: Parameter | None = None
    # Routes, or their beginnings, that name one by its name.
    named_in: tuple[Parameter, ...] = ()
    # Paths of FastAPI's that name one.
    native: re.Pattern[str] | None = None

    @property
    def is_named(self) -> bool:
        """Whether its names are unique across all users and workspaces, so that a team's rule may be on them."""
        return bool(self.table or self.names_of)

    @property
    def is_keyed_by_name(self) -> bool:
        """Whether grants are on its name, rather than on an id."""
        table = of(name_space(self.type)).table
        return table is not None and table.id == table.name

    @property
    def longest_name(self) -> int:
        """In characters."""
        return LONGEST_GRANTED if self.is_keyed_by_name else LONGEST_NAME

    @property
    def is_in_registry(self) -> bool:
        """Whether MLflow keeps it in the model registry."""
        table = of(name_space(self.type)).table
        return table is not None and table.registry

    def is_of(self, release: str) -> bool:
        """Whether a release of MLflow has it."""
        return not self.since or SpecifierSet(f">={self.since}").contains(release, prereleases=True)


# What is granted one by one, as administrators' pages list it.
RESOURCES: tuple[Kind, ...] = (
    Kind(
        "experiment",
        "experiment",
        parameters=("experiment_id",),
        spelling=spelling.EXPERIMENT,
        page="experiments/{}",
        shared_on=(r"experiments/(\d+)(?!/prompts/[^/?])(?:[/?]|$)",),
        table=Table("SqlExperiment", "name", "experiment_id", "creation_time"),
        create=Parameter("experiments/create", "name"),
        rename=Parameter("experiments/update", "new_name"),
        lookup=Parameter("experiments/get-by-name", "experiment_name"),
        named_in=(Parameter("experiments/get-by-name", "experiment_name"),),
    ),
    Kind(
        "registered_model",
        "model",
        page="models/{}",
        shared_on=(r"models/([^/?]+)",),
        table=Table("SqlRegisteredModel", "name", "name", "creation_time", registry=True),
        create=Parameter("registered-models/create", "name"),
        rename=Parameter("registered-models/rename", "new_name"),
        lookup=Parameter("registered-models/get", "name"),
        delete=Parameter("registered-models/delete", "name"),
        named_in=(Parameter("registered-models/", "name"), Parameter("model-versions/", "name")),
    ),
    # To MLflow a registered model with a tag, of the same routes.
    Kind(
        "prompt",
        "prompt",
        page="prompts/{}",
        shared_on=(r"prompts/([^/?]+)", r"experiments/[^/?]+/prompts/([^/?]+)"),
        names_of="registered_model",
    ),
    Kind(
        "gateway_endpoint",
        "gateway endpoint",
        parameters=("endpoint_id",),
        spelling=spelling.ENDPOINT,
        levels=LEVELS_OF_CALLED,
        page="gateway/endpoints/{}",
        table=Table("SqlGatewayEndpoint", "name", "endpoint_id", "created_at"),
        create=Parameter("gateway/endpoints/create", "name"),
        rename=Parameter("gateway/endpoints/update", "name"),
        named_in=(Parameter("gateway/endpoints/get", "name"),),
        native=re.compile(r"/gateway/([^/]+)/mlflow/invocations"),
    ),
    Kind(
        "gateway_secret",
        "gateway secret",
        parameters=("secret_id",),
        spelling=spelling.SECRET,
        levels=LEVELS_OF_CALLED,
        page="gateway/api-keys",
        table=Table("SqlGatewaySecret", "secret_name", "secret_id", "created_at"),
        create=Parameter("gateway/secrets/create", "secret_name"),
    ),
    Kind(
        "gateway_model_definition",
        "gateway model definition",
        parameters=("model_definition_id",),
        spelling=spelling.MODEL_DEFINITION,
        levels=LEVELS_OF_CALLED,
        table=Table("SqlGatewayModelDefinition", "name", "model_definition_id", "created_at"),
        create=Parameter("gateway/model-definitions/create", "name"),
        rename=Parameter("gateway/model-definitions/update", "name"),
    ),
    Kind(
        "mcp_server",
        "MCP server",
        page="mcp-registry/{}",
        table=Table("SqlMCPServer", "name", "name", "created_at"),
        create=Parameter("mcp-servers", "name"),
        native=re.compile(rf"{API}/3\.0/mlflow/mcp-servers/([^/]+/[^/]+)(?:/.*)?"),
    ),
    Kind(
        "skill",
        "skill",
        spelling=spelling.SKILL,
        page="skills/{}",
        table=Table("SqlSkill", "name", "name", "created_at", organization="organization"),
        since="3.18",
        create=Parameter("skills", "name"),  # as named.skill_name makes it
        native=re.compile(rf"{API}/3\.0/mlflow/skills/(?!bulk-register/?$)(@[^/]+/[^/]+|[^@/][^/]*)(?:/.*)?"),
    ),
    # Its names are an experiment's own, so that no rule is on them.
    Kind("scorer", "scorer", spelling=spelling.SCORER_KEY),
    Kind("workspace", "workspace", shared=False),
)


def _part(resource_type: str, word: str, *parameters: str, native: re.Pattern[str] | None = None) -> Kind:
    return Kind(resource_type, word, parameters, shared=False, native=native)


# What MLflow grants all of alone, as a part of what they are in; nobody shares one.
PARTS: tuple[Kind, ...] = (
    _part("run", "run", "run_id", "run_uuid"),
    _part("logged_model", "logged model", "model_id"),
    _part("trace", "trace", "trace_id", "request_id"),
    _part("assessment", "assessment"),
    _part("registered_model_version", "model version"),
    _part("prompt_version", "prompt version"),
    _part("scorer_version", "scorer version"),
    _part("mcp_server_version", "MCP server version"),
)
# These, too, but what they are in tells more of a request that names both; the others are no type of MLflow's grants.
OTHERS: tuple[Kind, ...] = (
    _part("dataset", "dataset", "dataset_id"),
    _part("review_queue", "review queue", "queue_id"),
    _part("job", "job", "job_id", native=re.compile(rf"{API}/3\.0/jobs/(?:cancel/)?([^/]+)")),
    _part(
        "artifact",
        "artifact",
        "artifact_path",
        native=re.compile(rf"{API}/2\.0/mlflow-artifacts/(?:mpu/\w+/|presigned/)?(?:artifacts/)?(.+)"),
    ),
    _part("issue", "issue"),
)
ALL = (*PARTS, *RESOURCES, *OTHERS)
BY_TYPE = {kind.type: kind for kind in ALL}
# What has a unique name.
NAMED = tuple(kind for kind in RESOURCES if kind.is_named)


def of(resource_type: str) -> Kind:
    """The row of a type; of one that is not known here, one that is not shared and is called as MLflow calls it."""
    return BY_TYPE.get(resource_type) or _part(resource_type, resource_type.replace("_", " "))


def of_release(release: str) -> tuple[Kind, ...]:
    """The kinds that a release of MLflow has."""
    return tuple(kind for kind in ALL if kind.is_of(release))


def word_of(resource_type: str) -> str:
    """What people call a type."""
    return of(resource_type).word


def name_space(resource_type: str) -> str:
    """The type under which its names are reserved: the first of those that share them."""
    return of(resource_type).names_of or resource_type


def sharing_names(resource_type: str) -> tuple[str, ...]:
    """The types of which one alone has a name."""
    return tuple(kind.type for kind in ALL if name_space(kind.type) == name_space(resource_type)) or (resource_type,)


def word_of_named(resource_type: str) -> str:
    """The word for a resource with a name, for all kinds that share names."""
    return " or ".join(word_of(each) for each in sharing_names(resource_type))


def page_of(resource_type: str, pattern: str) -> str:
    """Where MLflow's UI shows one, below "#/"; empty where it has no page."""
    return of(resource_type).page.replace("{}", quote(pattern, safe=""))


def is_shared(resource_type: str) -> bool:
    """Whether whoever manages one shares it."""
    return of(resource_type).shared
