-- By which channels people are told, where they have said so; domain::notification has what holds otherwise.
CREATE TABLE notification_preferences (
  user_id    BINARY(16)  NOT NULL,
  kind       VARCHAR(64) NOT NULL,
  in_app     BOOLEAN     NOT NULL,
  mail       BOOLEAN     NOT NULL,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (user_id, kind)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
