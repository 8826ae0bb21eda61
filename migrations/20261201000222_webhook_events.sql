-- What endpoints are told of, written with what it tells about. An event without an endpoint is not written.
CREATE TABLE webhook_events (
  id         BINARY(16)   NOT NULL PRIMARY KEY,
  user_id    BINARY(16)   NOT NULL,
  event_key  VARCHAR(150) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- the same thing is told once
  kind       VARCHAR(40)  CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  body       TEXT         NOT NULL, -- the message as it is signed and sent
  created_at DATETIME(6)  NOT NULL,
  UNIQUE KEY webhook_events_key (event_key),
  KEY webhook_events_user (user_id),
  KEY webhook_events_age (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
