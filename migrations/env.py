"""Alembic's environment: runs on the connection that the caller hands over."""

from alembic import context

VERSION_TABLE = "alembic_version_prokube_auth"

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
