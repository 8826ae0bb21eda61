-- The answers to requests that made something, for callers who ask again under the same key. A row is written in the
-- transaction of what it stands for, and kept for a day. Neither the key nor the request is in it, only their hashes.
CREATE TABLE idempotency_keys (
  id          BINARY(32)        NOT NULL PRIMARY KEY,
  fingerprint BINARY(32)        NOT NULL,
  status      SMALLINT UNSIGNED NOT NULL,
  location    VARCHAR(255)      NULL,
  body        MEDIUMBLOB        NOT NULL,
  created_at  DATETIME(6)       NOT NULL,
  KEY idempotency_keys_created (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
