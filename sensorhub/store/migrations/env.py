"""Alembic's entry: runs on the connection that `store.open` hands over."""

from alembic import context

# one transaction for all migrations: SQLite takes back a half-made schema, too
context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
