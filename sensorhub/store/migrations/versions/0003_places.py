"""Third schema: gateways and zones that alerts can be about."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what is new."""
    op.execute(
        "CREATE TABLE places (no INTEGER PRIMARY KEY, kind TEXT NOT NULL,"
        " id TEXT NOT NULL, UNIQUE (kind, id))"
    )


def downgrade() -> None:
    """A copy of the older database stands beside the new one."""
    raise NotImplementedError("put the copy sensorhub-0002.db back")
