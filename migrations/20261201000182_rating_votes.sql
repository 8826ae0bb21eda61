-- Who found a rating helpful.
CREATE TABLE rating_votes (
  rating_id  BINARY(16)  NOT NULL,
  user_id    BINARY(16)  NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (rating_id, user_id),
  KEY rating_votes_user (user_id),
  CONSTRAINT rating_votes_rating_fk FOREIGN KEY (rating_id) REFERENCES ratings (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
