-- Searches that people keep.
CREATE TABLE saved_searches (
  id            BINARY(16)   NOT NULL PRIMARY KEY,
  user_id       BINARY(16)   NOT NULL,
  name          VARCHAR(100) NOT NULL,
  criteria      JSON         NOT NULL,
  alerts        BOOLEAN      NOT NULL, -- whether its owner is told of new nanos that match
  watched_since DATETIME(6)  NOT NULL, -- of what was published before nobody is told
  alerted_on    DATE         NULL,     -- the day (UTC) on which it last told of something
  revision      INT UNSIGNED NOT NULL DEFAULT 1,
  created_at    DATETIME(6)  NOT NULL,
  updated_at    DATETIME(6)  NOT NULL,
  KEY saved_searches_user (user_id, id),
  KEY saved_searches_alerts (alerts, user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
