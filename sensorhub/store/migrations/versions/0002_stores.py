"""Second schema: shapes of assets; rollups of the history; forwarding; downlinks."""

from alembic import op

revision = "0002"
down_revision = "0001"

REGISTER = (
    # distance and volume of assets that are not straight, "1200:0 700:90 150:240"
    "ALTER TABLE assets ADD COLUMN volumes TEXT NOT NULL DEFAULT ''",
)
HISTORY = (
    # what a device measured in four weeks, by hours and by days
    "CREATE TABLE rollups_hour ("
    " device INTEGER NOT NULL, block INTEGER NOT NULL, checksum INTEGER NOT NULL,"
    " body BLOB NOT NULL, PRIMARY KEY (device, block))",
    "CREATE TABLE rollups_day ("
    " device INTEGER NOT NULL, block INTEGER NOT NULL, checksum INTEGER NOT NULL,"
    " body BLOB NOT NULL, PRIMARY KEY (device, block))",
)
FORWARD = (
    # transitions that InfluxDB has not got yet, in the order they were written
    "CREATE TABLE forward_events ("
    " no INTEGER PRIMARY KEY AUTOINCREMENT, transition_ TEXT NOT NULL)",
    # lines that InfluxDB refused
    "CREATE TABLE forward_letters ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, line TEXT NOT NULL,"
    " readings INTEGER NOT NULL, reason TEXT NOT NULL, retry INTEGER NOT NULL)",
    # the latest time sent of each device, as of a journal row
    "CREATE TABLE forward_marks ("
    " no INTEGER PRIMARY KEY, cursor INTEGER NOT NULL, checksum INTEGER NOT NULL,"
    " body BLOB NOT NULL)",
)
RULES = (
    # why a version of the rules came to be
    "ALTER TABLE rule_versions ADD COLUMN note TEXT NOT NULL DEFAULT ''",
)

DOWNLINKS = (
    "CREATE TABLE downlinks (id TEXT PRIMARY KEY, device INTEGER NOT NULL,"
    " kind TEXT NOT NULL, said TEXT NOT NULL, topic TEXT NOT NULL, by_ TEXT NOT NULL,"
    " asked_at INTEGER NOT NULL, sent_at INTEGER, passed_at INTEGER,"
    " obeyed_at INTEGER, note TEXT NOT NULL) WITHOUT ROWID",
    "CREATE INDEX downlinks_asked ON downlinks (asked_at)",
    # a device's ChirpStack application, learned from its uplinks
    "CREATE TABLE applications (device INTEGER PRIMARY KEY, application TEXT NOT NULL)",
)


def upgrade() -> None:
    """Add what is new."""
    for statement in (*REGISTER, *HISTORY, *FORWARD, *RULES, *DOWNLINKS):
        op.execute(statement)


def downgrade() -> None:
    """A copy of the older database stands beside the new one."""
    raise NotImplementedError("put the copy sensorhub-0001.db back")
