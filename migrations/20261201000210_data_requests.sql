-- What people ask about their own data: a copy of it, or that it is erased. Once a person is erased the row says so without
-- saying who it was.
CREATE TABLE data_requests (
  id          BINARY(16)      NOT NULL PRIMARY KEY,
  user_id     BINARY(16)      NULL, -- until the person is erased
  kind        ENUM('export','erasure') NOT NULL,
  cause       ENUM('person','admin','inactivity') NOT NULL,
  state       ENUM('waiting','running','done','failed','withdrawn','expired') NOT NULL DEFAULT 'waiting',
  due_at      DATETIME(6)     NOT NULL, -- an erasure begins then
  finished_at DATETIME(6)     NULL,
  file_bytes  BIGINT UNSIGNED NULL,     -- of an export
  expires_at  DATETIME(6)     NULL,     -- the export's file goes then
  receipt     JSON            NULL,     -- of an erasure: which steps are done, when, and how much they have erased
  created_at  DATETIME(6)     NOT NULL,
  KEY data_requests_user (user_id, kind, id),
  KEY data_requests_due (kind, state, due_at),
  KEY data_requests_expiry (kind, state, expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
