-- What all migrations make of an empty database, in one step: written by `make schema`
-- after a new migration, never by hand. A test compares both.
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
CREATE TABLE zones (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, crew TEXT NOT NULL,
  contractor TEXT NOT NULL, contact TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sites (
  id TEXT PRIMARY KEY, name TEXT NOT NULL, zone TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE assets (
  no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
  kind TEXT NOT NULL, zone TEXT NOT NULL, site TEXT NOT NULL,
  latitude REAL, longitude REAL, capacity_l REAL, empty_mm REAL, full_mm REAL,
  tags TEXT NOT NULL, out_from INTEGER, out_until INTEGER,
  out_reason TEXT NOT NULL, retired INTEGER, volumes TEXT NOT NULL DEFAULT '');
CREATE TABLE devices (
  no INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, profile TEXT NOT NULL,
  interval_s REAL);
CREATE TABLE mountings (
  no INTEGER PRIMARY KEY, device INTEGER NOT NULL, asset INTEGER NOT NULL,
  from_at INTEGER, until_at INTEGER);
CREATE INDEX mountings_device ON mountings (device);
CREATE INDEX mountings_asset ON mountings (asset);
CREATE TABLE availability (
  device INTEGER PRIMARY KEY, state TEXT NOT NULL, firmware TEXT NOT NULL,
  interval_s REAL, at INTEGER NOT NULL);
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE journal (
  id INTEGER PRIMARY KEY AUTOINCREMENT, received_at INTEGER NOT NULL,
  uplinks INTEGER NOT NULL,
  checksum INTEGER NOT NULL, versions TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE damaged (
  id INTEGER PRIMARY KEY, found_at INTEGER NOT NULL, uplinks INTEGER NOT NULL,
  checksum INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE checkpoints (
  block INTEGER PRIMARY KEY, cursor INTEGER NOT NULL, checksum INTEGER NOT NULL,
  body BLOB NOT NULL);
CREATE TABLE segments (
  id INTEGER PRIMARY KEY, first_row INTEGER NOT NULL, last_row INTEGER NOT NULL,
  first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,
  received_at INTEGER NOT NULL, readings INTEGER NOT NULL,
  level INTEGER NOT NULL, chunked INTEGER NOT NULL);
CREATE TABLE slices (
  id INTEGER PRIMARY KEY, segment INTEGER NOT NULL, first_device INTEGER NOT NULL,
  last_device INTEGER NOT NULL, readings INTEGER NOT NULL,
  checksum INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX slices_place ON slices (segment, first_device, last_device, readings);
CREATE TABLE chunks (
  device INTEGER NOT NULL, week INTEGER NOT NULL, checksum INTEGER NOT NULL,
  readings INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (device, week));
CREATE TABLE dead_letters (
  id INTEGER PRIMARY KEY, received_at INTEGER NOT NULL, topic TEXT NOT NULL,
  payload BLOB NOT NULL, flags INTEGER NOT NULL, device TEXT NOT NULL,
  reason TEXT NOT NULL, detail TEXT NOT NULL, replayed_at INTEGER);
CREATE INDEX dead_letters_device ON dead_letters (device, id);
CREATE TABLE alerts (
  id TEXT PRIMARY KEY, rule TEXT NOT NULL, category TEXT NOT NULL,
  asset INTEGER NOT NULL, zone TEXT NOT NULL, severity INTEGER NOT NULL,
  state TEXT NOT NULL, started_at INTEGER NOT NULL, resolved_at INTEGER,
  acknowledged_by TEXT, acknowledged_at INTEGER, assigned_to TEXT,
  notes TEXT NOT NULL, cause TEXT NOT NULL, told TEXT NOT NULL) WITHOUT ROWID;
CREATE UNIQUE INDEX alerts_open ON alerts (rule, asset) WHERE state = 'firing';
CREATE INDEX alerts_asset ON alerts (asset, started_at);
CREATE INDEX alerts_started ON alerts (started_at);
CREATE TABLE transitions (
  id TEXT PRIMARY KEY, alert TEXT NOT NULL, at INTEGER NOT NULL, from_ TEXT,
  to_ TEXT NOT NULL, severity INTEGER NOT NULL, cause TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX transitions_alert ON transitions (alert, at);
CREATE TABLE services (
  id INTEGER PRIMARY KEY, asset INTEGER NOT NULL, kind TEXT NOT NULL,
  at INTEGER NOT NULL, by_ TEXT NOT NULL, cause TEXT NOT NULL);
CREATE INDEX services_asset ON services (asset, at);
CREATE TABLE silences (
  id INTEGER PRIMARY KEY, zone TEXT, asset TEXT, rule TEXT, from_at INTEGER NOT NULL,
  until_at INTEGER NOT NULL, by_ TEXT NOT NULL, comment TEXT NOT NULL,
  ended_at INTEGER);
CREATE TABLE subscriptions (
  id TEXT PRIMARY KEY, channel TEXT NOT NULL, target TEXT NOT NULL,
  choice TEXT NOT NULL, created_at INTEGER NOT NULL, disabled TEXT) WITHOUT ROWID;
CREATE TABLE outbox (
  no INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
  subscription TEXT NOT NULL, alert TEXT NOT NULL, transition_ TEXT NOT NULL,
  created_at INTEGER NOT NULL, body BLOB NOT NULL, attempts INTEGER NOT NULL,
  next_at REAL NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL);
CREATE INDEX outbox_due ON outbox (subscription, next_at) WHERE state = 'pending';
CREATE INDEX outbox_alert ON outbox (subscription, alert)
  WHERE subscription <> 'mqtt';
CREATE TABLE commands (
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, by_ TEXT NOT NULL, kind TEXT NOT NULL,
  arguments TEXT NOT NULL, applied_at INTEGER, result TEXT);
CREATE INDEX commands_waiting ON commands (id) WHERE applied_at IS NULL;
CREATE TABLE rule_versions (
  version INTEGER PRIMARY KEY, at INTEGER NOT NULL, author TEXT NOT NULL,
  checksum TEXT NOT NULL, text TEXT NOT NULL, note TEXT NOT NULL DEFAULT '');
CREATE TABLE rollups_hour ( device INTEGER NOT NULL, block INTEGER NOT NULL, checksum INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (device, block));
CREATE TABLE rollups_day ( device INTEGER NOT NULL, block INTEGER NOT NULL, checksum INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (device, block));
CREATE TABLE forward_events ( no INTEGER PRIMARY KEY AUTOINCREMENT, transition_ TEXT NOT NULL);
CREATE TABLE forward_letters ( id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, line TEXT NOT NULL, readings INTEGER NOT NULL, reason TEXT NOT NULL, retry INTEGER NOT NULL);
CREATE TABLE forward_marks ( no INTEGER PRIMARY KEY, cursor INTEGER NOT NULL, checksum INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE downlinks (id TEXT PRIMARY KEY, device INTEGER NOT NULL, kind TEXT NOT NULL, said TEXT NOT NULL, topic TEXT NOT NULL, by_ TEXT NOT NULL, asked_at INTEGER NOT NULL, sent_at INTEGER, passed_at INTEGER, obeyed_at INTEGER, note TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX downlinks_asked ON downlinks (asked_at);
CREATE TABLE applications (device INTEGER PRIMARY KEY, application TEXT NOT NULL);
CREATE TABLE places (no INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, UNIQUE (kind, id));
INSERT INTO alembic_version VALUES ('0003');
