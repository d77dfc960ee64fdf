CREATE TABLE IF NOT EXISTS user (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  username TEXT NOT NULL UNIQUE COLLATE NOCASE,
  display_name TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  role TEXT NOT NULL DEFAULT 'mechanic' CHECK (role IN ('mechanic', 'lead')),
  token_hash TEXT UNIQUE,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  last_login_at TIMESTAMP
);

CREATE TABLE IF NOT EXISTS airport (
  code TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  city TEXT NOT NULL,
  state TEXT NOT NULL,
  latitude REAL NOT NULL,
  longitude REAL NOT NULL
);

CREATE TABLE IF NOT EXISTS aircraft (
  tail_number TEXT PRIMARY KEY,
  year INTEGER,
  type TEXT NOT NULL,
  manufacturer TEXT NOT NULL,
  model TEXT NOT NULL,
  engines INTEGER NOT NULL,
  seats INTEGER NOT NULL,
  speed INTEGER,
  engine TEXT NOT NULL,
  base TEXT REFERENCES airport (code),
  updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX IF NOT EXISTS aircraft_by_manufacturer ON aircraft (manufacturer, model);
CREATE INDEX IF NOT EXISTS aircraft_by_base ON aircraft (base);

CREATE TABLE IF NOT EXISTS watch (
  user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
  tail_number TEXT NOT NULL REFERENCES aircraft (tail_number) ON DELETE CASCADE,
  PRIMARY KEY (user_id, tail_number)
);

CREATE TABLE IF NOT EXISTS work_order (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tail_number TEXT NOT NULL REFERENCES aircraft (tail_number),
  number INTEGER NOT NULL,
  title TEXT NOT NULL,
  description TEXT NOT NULL DEFAULT '',
  category TEXT NOT NULL,
  priority TEXT NOT NULL DEFAULT 'routine',
  status TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
  due_on DATE,
  opened_by INTEGER NOT NULL REFERENCES user (id),
  opened_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  closed_by INTEGER REFERENCES user (id),
  closed_at TIMESTAMP,
  UNIQUE (tail_number, number)
);

CREATE INDEX IF NOT EXISTS work_order_by_status ON work_order (status, due_on);

CREATE TABLE IF NOT EXISTS note (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  order_id INTEGER NOT NULL REFERENCES work_order (id) ON DELETE CASCADE,
  author_id INTEGER NOT NULL REFERENCES user (id),
  body TEXT NOT NULL,
  created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX IF NOT EXISTS note_by_order ON note (order_id);

CREATE TABLE IF NOT EXISTS document (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tail_number TEXT NOT NULL REFERENCES aircraft (tail_number),
  title TEXT NOT NULL,
  filename TEXT NOT NULL,
  stored_as TEXT NOT NULL UNIQUE,
  mimetype TEXT NOT NULL,
  size INTEGER NOT NULL,
  sha256 TEXT NOT NULL,
  uploaded_by INTEGER NOT NULL REFERENCES user (id),
  uploaded_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
);

CREATE INDEX IF NOT EXISTS document_by_aircraft ON document (tail_number);

CREATE TABLE IF NOT EXISTS audit_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  happened_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  user_id INTEGER REFERENCES user (id),
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail TEXT NOT NULL DEFAULT '',
  remote_addr TEXT
);
