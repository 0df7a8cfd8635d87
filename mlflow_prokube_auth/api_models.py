"""What our JSON routes take: a model for each query and each body.

Validation, its refusals, the OpenAPI document and docs/api.md come from these models. Commands read what operators
type by the same models, so that both refuse in the same words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictInt,
    StrictStr,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from .api_fields import (
    LARGEST_PAGE,
    Description,
    Expected,
    Id,
    Input,
    NameAsSent,
    Note,
    Prefix,
    Raw,
    Row,
    Seconds,
    Secret,
    ServiceName,
    Subject,
    TeamName,
    Text,
    Words,
    digits,
    flag,
    page_size,
)
from .policy import kinds, workloads

KindField = Field(description="experiment, registered_model, prompt, gateway_endpoint, gateway_secret, ...")
IdField = Field(description="the id; of a model, a prompt or an MCP server its name")
UserField = Field(description="a user name")
TeamField = Field(description="the name of a team")
LevelField = Field(description="READ, USE (gateway only), EDIT or MANAGE")
Successor = Annotated[StrictStr | None, Expected("the name of an account")]
SuccessorField = Field(None, description="the account that gets MANAGE on resources that no one else manages")


def check_level(kind: str, level: str) -> None:
    """Whether a level may be given on a kind.

    Raises:
        ValueError: it may not.
    """
    levels = kinds.of(kind).levels
    if level not in levels:
        raise ValueError(f"'level' is '{level[:40]}', expected one of {', '.join(levels)}.")


def check_named(kind: str, info: ValidationInfo) -> None:
    """Whether a kind has names of its own; ``named`` of the context are those of the MLflow that runs.

    Raises:
        ValueError: it has none, or is no kind.
    """
    named = [each.type for each in (info.context or {}).get("named", kinds.NAMED)]
    if kind not in named:
        raise ValueError(f"'kind' is '{kind[:40]}', expected one of {', '.join(named)}.")


class Page(Input):
    """A part of a list."""

    first: Annotated[int, BeforeValidator(digits), Expected("a number from 0")] = Field(0, description="from 0")
    size: Annotated[int, BeforeValidator(digits), AfterValidator(page_size), Expected("a number from 0")] = Field(
        50, description=f"at most {LARGEST_PAGE}"
    )

    def of(self, rows: Sequence[Row]) -> Sequence[Row]:
        """This part of all rows."""
        return rows[self.first : self.first + self.size]


class Search(Page):
    """A part of a list of what has words in its name."""

    search: Words = Field("", description="words in the name")


class NewKey(Input):
    """How long an access key lives, by one of both, and its note.

    How long it may live is a setting: ``web.access_key.expiry`` judges.
    """

    days: Annotated[Any, WithJsonSchema({"type": "integer"})] = Field(
        None, description="life in days; this or `expires_on`"
    )
    expires_on: Annotated[Any, WithJsonSchema({"type": "string", "format": "date"})] = Field(
        None, description="its last day"
    )
    note: Note = Field("", description='what it is for, such as "laptop" or "CI"')


class Reference(Input):
    """A resource."""

    kind: Text = KindField
    id: Id = IdField


class Who(Reference):
    """A resource, and a person or a team."""

    user: Annotated[StrictStr | None, Expected("a user name")] = Field(None, description="a user name; this or `team`")
    team: Annotated[StrictStr | None, Expected("the name of a team")] = Field(None, description="this or `user`")

    @model_validator(mode="after")
    def _one(self) -> Who:
        if (self.user is None) == (self.team is None):
            raise ValueError("Expected either 'user', a user name, or 'team', the name of a team.")
        return self


class Share(Who):
    """What a person or a team is to have on a resource."""

    level: Text = LevelField

    @model_validator(mode="after")
    def _fits(self) -> Share:
        check_level(self.kind, self.level)
        return self


class HandOver(Reference):
    """A resource, and who is to manage it."""

    user: Text = UserField


class Account(Input):
    """An account."""

    user: NameAsSent = Field(description="the name of the account")


class Deletion(Account):
    """An account that is to be deleted."""

    successor: Successor = SuccessorField


class Rebind(Input):
    """The new identity of an account at the configured issuer."""

    subject: Annotated[Subject | None, Expected("the claim 'sub' of an identity, or null")] = Field(
        None,
        description="the subject (`sub`) of the identity; without it, the next login with the account's verified "
        "address brings it, for 30 days",
    )


class UsesOfName(Page):
    """A user name, and a part of the list of its uses."""

    name: NameAsSent = Field(description="a user name")


class KeptName(Input):
    """A kept name that is to be released."""

    name: NameAsSent = Field(description="the former name")
    anyway: Annotated[bool, BeforeValidator(flag), Expected("true or false")] = Field(
        False, description="release it although jobs, review queues or budgets may still hold the name"
    )


class NewServiceAccount(Input):
    """A service account."""

    name: ServiceName
    description: Description = ""


def _claims(value: dict[str, str]) -> dict[str, str]:
    workloads.check_claims(value)
    return value


class NewWorkload(Input):
    """Whose tokens are a service account."""

    issuer: Text = Field(description="one of PROKUBE_AUTH_TRUSTED_ISSUERS, exactly")
    audience: Annotated[StrictStr | None, Expected("a name of this server")] = Field(
        None, description="the name of this server in `aud`; by default the first of the settings"
    )
    claims: Annotated[
        dict[StrictStr, StrictStr],
        AfterValidator(_claims),
        Expected("an object of claims and the texts that they must be"),
    ] = Field(
        description="claims that a token must have, one that identifies the workload (such as `sub`) among them; a "
        "`*` at the end of a value stands for anything"
    )
    expires_on: Annotated[
        StrictStr | None, Expected("a day such as 2027-01-31"), WithJsonSchema({"type": "string", "format": "date"})
    ] = Field(None, description="its last day; without, the binding does not expire")


class WorkloadId(Account):
    """A binding of an account."""

    id: Annotated[int, BeforeValidator(digits), Expected("the number of a binding")] = Field(description="its number")


class NewTeam(Input):
    """A team made by hand."""

    team: TeamName = TeamField


class Team(Input):
    """A team."""

    team: Text = TeamField


class EndOfTeam(Team):
    """A team that is to be ended."""

    successor: Successor = SuccessorField


class Membership(Team):
    """A team, and a member of it."""

    user: Text = UserField


class NewRule(Team):
    """A rule on names."""

    kind: Text = KindField
    prefix: Prefix
    level: Text = LevelField

    @model_validator(mode="after")
    def _fits(self, info: ValidationInfo) -> NewRule:
        check_named(self.kind, info)
        check_level(self.kind, self.level)
        return self


class RuleId(Input):
    """A rule."""

    id: Annotated[StrictInt, Expected("the number of a rule")]


class Grants(Page):
    """Which grants are asked for."""

    user: Words = Field("", description="a user name, or a part of user names")
    team: Words = Field("", description="the name of a team, or a part of such names")
    kind: Words = ""
    id: Words = Field("", description="the id, or a part of the name")


class Question(Input):
    """What somebody may do on a resource."""

    user: Text = UserField
    kind: Text = KindField
    id: Id = Field(description="the id, or the name")


class Unowned(Search):
    """Of which kind; of all where none is given."""

    kind: Words = ""

    @model_validator(mode="after")
    def _known(self, info: ValidationInfo) -> Unowned:
        if self.kind:
            check_named(self.kind, info)
        return self


class Assignment(Input):
    """The new owner of many resources."""

    user: Text = UserField
    resources: Annotated[list[Reference], Field(min_length=1), Expected("a list of objects with 'kind' and 'id'")]


class Experiment(Input):
    """An experiment."""

    id: Id = IdField


class AuditFilter(Input):
    """Which events of the audit trail are asked for."""

    actor: Words = Field("", description="words in it")
    action: Words = Field("", description="words in it")
    target: Words = Field("", description="words in it")
    since: Seconds = Field(None, description="UTC seconds since 1970")
    until: Seconds = Field(None, description="the same")


class Events(Page, AuditFilter):
    """A part of them."""


class Consent(Input):
    """What a command asks for; ``web.cli_login.parse``, which reads the page's query too, says what each may be."""

    port: Raw = Field(None, description="where it listens on 127.0.0.1; without, the code is shown for pasting")
    state: Raw
    challenge: Raw = Field(description="S256")
    days: Raw
    name: Raw = Field(description="of the computer")
    note: Raw = Field(None, description="that of the key; at most 60 characters")

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, given: Any) -> Any:
        return {name: given.get(name) for name in cls.model_fields}


class LogoutToken(Input):
    """What Keycloak sends (OpenID Connect Back-Channel Logout 1.0, section 2.5)."""

    logout_token: Secret = Field(description="signed by the identity provider; the only credential")


class Code(Input):
    """What a command trades for a key: a code, and the verifier of RFC 7636."""

    one_refusal = (
        "This code does not hold: it was used before, is older than five minutes, or belongs to another login. "
        "Run `mlflow-prokube-auth login` again."
    )

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, given: Any) -> Any:
        """Any try uses the code up, one without a verifier as well."""
        sent = {name: given.get(name) for name in cls.model_fields}
        return {name: value if isinstance(value, str) else "" for name, value in sent.items()}

    code: Secret
    verifier: Secret
