-- What became of each attempt to deliver.
CREATE TABLE webhook_attempts (
  delivery_id BINARY(16)        NOT NULL,
  number      INT UNSIGNED      NOT NULL, -- from 1
  started_at  DATETIME(6)       NOT NULL,
  duration_ms INT UNSIGNED      NOT NULL,
  status      SMALLINT UNSIGNED NULL,     -- of the answer, if one came
  error       VARCHAR(300)      NULL,     -- why none came
  answer      VARCHAR(1000)     NOT NULL, -- the first bytes of the answer, as text
  PRIMARY KEY (delivery_id, number),
  KEY webhook_attempts_age (started_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
