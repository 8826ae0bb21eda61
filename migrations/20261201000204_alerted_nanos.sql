-- Which nanos saved searches have told somebody of, so that none tells them again. Kept for longer than searches look back.
CREATE TABLE alerted_nanos (
  user_id    BINARY(16)  NOT NULL,
  nano_id    BINARY(16)  NOT NULL,
  alerted_at DATETIME(6) NOT NULL,
  PRIMARY KEY (user_id, nano_id),
  KEY alerted_nanos_age (alerted_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
