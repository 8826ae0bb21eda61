-- What people are told of in the app. Without foreign keys, like ratings: whoever gives the cause must not wait for whoever holds the
-- rows that it is about.
CREATE TABLE notifications (
  id              BINARY(16)    NOT NULL PRIMARY KEY,
  user_id         BINARY(16)    NOT NULL,
  kind            VARCHAR(64)   NOT NULL,
  subject         BINARY(32)    NOT NULL, -- a hash of kind and cause: nobody is told of the same twice
  nano_id         BINARY(16)    NULL,
  rating_id       BINARY(16)    NULL,
  saved_search_id BINARY(16)    NULL,
  found           INT UNSIGNED  NULL,     -- how many nanos that search has found
  reason          VARCHAR(1000) NULL,     -- of whoever has decided
  read_at         DATETIME(6)   NULL,
  created_at      DATETIME(6)   NOT NULL,
  UNIQUE KEY notifications_subject (user_id, subject),
  KEY notifications_newest (user_id, id),
  KEY notifications_unread (user_id, read_at, id),
  KEY notifications_age (created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
