-- What people think of a nano. Neither nano nor person is a foreign key: a rating must not wait for whoever holds the nano's
-- row, and `retention` takes both away by hand.
CREATE TABLE ratings (
  id             BINARY(16)       NOT NULL PRIMARY KEY,
  nano_id        BINARY(16)       NOT NULL,
  user_id        BINARY(16)       NOT NULL,
  score          TINYINT UNSIGNED NOT NULL,
  comment        VARCHAR(500)     NOT NULL DEFAULT '', -- what everybody reads; see rating_words
  reply          VARCHAR(500)     NOT NULL DEFAULT '', -- of the nano's creator; the same
  replied_at     DATETIME(6)      NULL,
  status         ENUM('published','removed') NOT NULL DEFAULT 'published',
  removal_reason VARCHAR(500)     NULL,                -- of the moderator who removed it
  helpful_count  INT UNSIGNED     NOT NULL DEFAULT 0,
  revision       INT UNSIGNED     NOT NULL DEFAULT 1,  -- raised by every edit
  created_at     DATETIME(6)      NOT NULL,
  updated_at     DATETIME(6)      NOT NULL,
  UNIQUE KEY ratings_person (nano_id, user_id),
  KEY ratings_user (user_id),
  KEY ratings_newest (nano_id, status, id),
  KEY ratings_helpful (nano_id, status, helpful_count, id),
  KEY ratings_by_score (nano_id, status, score, id),
  CONSTRAINT ratings_score CHECK (score BETWEEN 1 AND 5)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
