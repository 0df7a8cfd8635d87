"""The one database: its engine, its transactions and its migrations."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from alembic.command import downgrade, upgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, Executable, RowMapping, Select, create_engine, event, func, select, text
from sqlalchemy.engine import Dialect, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.sql.compiler import ExpandedState

from . import audit_log, role_versions

Result = TypeVar("Result")
VERSION_TABLE = "alembic_version_prokube_auth"
# The database is down, as SQLAlchemy tells it.
DATABASE_DOWN = (OperationalError, PoolTimeoutError)
# The execution option that tells our engines from MLflow's.
OURS = "prokube_auth"
CONNECT_SECONDS = 3
UNANSWERED_MILLISECONDS = 4000
# A transaction that others keep overtaking is begun so many times.
ATTEMPTS = 5
# PostgreSQL's serialization_failure and deadlock_detected: nothing was written, and the next attempt may be.
CONFLICTS = ("40001", "40P01")
TAKES_NO_WRITES = (
    "The server's database is read-only at the moment. You can read, but not change anything. Try again later."
)
READ_ONLY = "25006"  # read_only_sql_transaction, PostgreSQL's appendix A
_MIGRATION_LOCK = 0x70726F6B756265  # "prokube", the key of PostgreSQL's advisory lock


class SchemaOutdated(Exception):
    """The tables are not those that this version works with."""


class DatabaseReadOnly(OperationalError):
    """A standby, or a database that an administrator has shut to writes."""


def why_down(error: Exception) -> str:
    """What a caller is told of one of :data:`DATABASE_DOWN`."""
    if isinstance(error, DatabaseReadOnly):
        return TAKES_NO_WRITES
    return "The server's database does not answer. Try again in a few seconds."


def open_engine(uri: str, *, one_question: bool = False) -> Engine:
    """An engine on ``uri`` that gives up within seconds when the database is away.

    One for single questions begins and ends no transaction, and asks no connection beforehand whether it lives.
    """
    url = make_url(uri)
    options: dict[str, Any] = {"pool_timeout": 4, "hide_parameters": True, "execution_options": {OURS: True}}
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": 20}
    else:
        # A single question is answered within milliseconds: few connections do for all of a worker's threads.
        overflow = 0 if one_question else 10
        options |= {"pool_size": 5, "max_overflow": overflow, "pool_recycle": 1800, "pool_pre_ping": True}
        if url.get_backend_name() == "postgresql":
            # A host that is gone answers nothing at all: give up on what was sent to it, too.
            options["connect_args"] = {"connect_timeout": CONNECT_SECONDS, "tcp_user_timeout": UNANSWERED_MILLISECONDS}
            if url.get_driver_name() == "psycopg":
                # A pooler that gives each transaction another connection loses what was prepared on the one before.
                options["connect_args"]["prepare_threshold"] = None
    if one_question:
        options |= {"isolation_level": "AUTOCOMMIT", "pool_reset_on_return": None, "pool_pre_ping": False}
    engine = create_engine(url, **options)
    audit_log.listen(engine)
    event.listen(engine, "handle_error", _name_read_only)
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _sqlite_foreign_keys)
    return engine


def _sqlite_foreign_keys(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA foreign_keys = ON")


def _name_read_only(context: ExceptionContext) -> None:
    error: Any = context.original_exception
    # PostgreSQL's code, by psycopg and by psycopg2.
    if READ_ONLY in (getattr(error, "sqlstate", None), getattr(error, "pgcode", None)):
        raise DatabaseReadOnly(context.statement, None, error, hide_parameters=True)


class PreparedQuery:
    """A query that nearly every request asks: turned into SQL once, not each time.

    Its parameters have default values.
    """

    def __init__(self, query: Select[Any]) -> None:
        self._query = query
        self._compiled: tuple[Dialect, ExpandedState] | None = None

    def on(self, dialect: Dialect, values: Mapping[str, Any]) -> tuple[str, Any]:
        """The statement and its parameters, as the driver takes them."""
        kept = self._compiled
        if kept is None or kept[0] is not dialect:
            compiled: Any = self._query.compile(dialect=dialect)
            kept = self._compiled = (dialect, compiled.construct_expanded_state())
        state = kept[1]
        parameters, order = {**state.parameters, **values}, state.positiontup
        return state.statement, parameters if order is None else tuple(parameters[name] for name in order)


class Database:
    """Transactions on one engine."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.engine = open_engine(uri)
        self._questions = open_engine(uri, one_question=True)

    def __repr__(self) -> str:
        return f"Database({self.engine.url.render_as_string(hide_password=True)})"

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction, committed at the end."""
        with self.engine.begin() as connection:
            yield connection

    def settle(self, work: Callable[[Connection], Result]) -> Result:
        """What ``work`` makes of one transaction; anew from its beginning where another transaction was faster.

        The constraints decide who was faster: the loser finds the winner's rows.

        Raises:
            IntegrityError: a constraint holds against it each time.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                with self.write() as connection:
                    return work(connection)
            except DBAPIError as error:
                if not _was_slower(error):
                    raise
        with self.write() as connection:
            return work(connection)

    def rehearse(self, work: Callable[[Connection], Result]) -> Result:
        """What ``work`` makes of one transaction, of which nothing stays."""
        with self.engine.connect() as connection, connection.begin() as transaction:
            try:
                return work(connection)
            finally:
                transaction.rollback()

    def answer(self, question: PreparedQuery, **values: Any) -> RowMapping | None:
        """The first row that a question finds, None where there is none; else as :meth:`ask`."""
        try:
            return self._answer(question, values)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._answer(question, values)

    def _answer(self, question: PreparedQuery, values: Mapping[str, Any]) -> RowMapping | None:
        statement, parameters = question.on(self._questions.dialect, values)
        with self._questions.connect() as connection:
            return connection.exec_driver_sql(statement, parameters).mappings().first()

    def ask(self, query: Executable) -> Sequence[RowMapping]:
        """The rows that one query finds; a connection that has died meanwhile is replaced by a new one."""
        try:
            return self._ask(query)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        return self._ask(query)

    def _ask(self, query: Executable) -> Sequence[RowMapping]:
        with self._questions.connect() as connection:
            return connection.execute(query).mappings().all()

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read with."""
        with self.engine.connect() as connection:
            yield connection


def _was_slower(error: DBAPIError) -> bool:
    """Whether a transaction failed for what another one did meanwhile."""
    # psycopg calls it sqlstate, psycopg2 pgcode.
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
    return isinstance(error, IntegrityError) or state in CONFLICTS


def _scripts() -> Path:
    here = Path(__file__).resolve().parent.parent
    packaged = here / "migrations"
    return packaged if packaged.is_dir() else here.parent / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_scripts()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def current_revision(engine: Engine) -> str | None:
    """The revision that the database is at, or None where it has none of our tables."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return context.get_current_revision()


@functools.cache
def head_revision() -> str | None:
    """The revision that this version works with."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def revisions() -> list[str]:
    """All revisions that this version knows, the oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


# The second is PostgreSQL 17's.
_NEVER_IDLE_TOO_LONG = text(
    "SELECT set_config(name, '0', true) FROM pg_settings "
    "WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')"
)


@contextlib.contextmanager
def migration_lock(engine: Engine) -> Iterator[None]:
    """Hold every other migration off: an advisory lock in PostgreSQL (across hosts), a locked file else.

    The advisory lock is a transaction's, not a session's: a pooler may give the session to somebody else in between.
    """
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            # This transaction idles while others do the work, for as long as that takes.
            connection.execute(_NEVER_IDLE_TOO_LONG)
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            yield
        return
    import fcntl

    name = engine.url.database or "mlflow-prokube-auth"
    descriptor = os.open(f"{name}.migration-lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def migrate(engine: Engine, migrate_mlflow: Callable[[Engine], None], revision: str = "head") -> None:
    """Bring MLflow's auth tables and ours up to date, under one lock.

    Raises:
        SchemaOutdated: our tables are another version's; nothing is changed.
    """
    with migration_lock(engine):
        _refuse_unknown(current_revision(engine))
        migrate_mlflow(engine)
        if current_revision(engine) != head_revision():
            _run(engine, upgrade, revision)
        if current_revision(engine) == head_revision():
            with engine.begin() as connection:
                role_versions.make_triggers(connection)


def _refuse_unknown(found: str | None) -> None:
    if found is not None and found not in (known := revisions()):
        raise SchemaOutdated(
            f"the auth tables are at revision {found}, expected one of {', '.join(known)}: another version of "
            "mlflow-prokube-auth made them; use that version, or a backup"
        )


def migrate_down(engine: Engine, revision: str) -> None:
    """Take our tables back to ``revision`` (``base`` drops them all)."""
    with migration_lock(engine):
        _run(engine, downgrade, revision)


def _run(engine: Engine, command: Callable[[Config, str], None], revision: str) -> None:
    config = _config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command(config, revision)


def check_schema(engine: Engine) -> None:
    """Refuse to work on tables of another version.

    Raises:
        SchemaOutdated: saying what was found, what is expected and what to run.
    """
    try:
        found = current_revision(engine)
    except DBAPIError as error:
        raise SchemaOutdated(
            f"the auth database does not answer ({type(error.orig).__name__}): "
            "check PROKUBE_AUTH_DATABASE_URI or --backend-store-uri"
        ) from None
    if found != head_revision():
        _refuse_unknown(found)
        raise SchemaOutdated(
            f"the auth tables are at revision {found}, expected {head_revision()}: run `mlflow-prokube-auth db upgrade`"
        )
    with engine.connect() as connection:
        triggers_installed = role_versions.triggers_installed(connection)
    if not triggers_installed:
        raise SchemaOutdated(
            "the triggers that bump prokube_role_versions are missing or disabled: run `mlflow-prokube-auth db upgrade`"
        )


def is_writable(engine: Engine) -> bool:
    """Whether PostgreSQL takes writes: a standby does not; other databases are not asked."""
    if engine.dialect.name != "postgresql":
        return True
    with engine.connect() as connection:
        return bool(connection.execute(text("SELECT current_setting('transaction_read_only') = 'off'")).scalar())
