-- Comments and replies that are not public yet. They become it once the scan, or a person, has found nothing against them.
CREATE TABLE rating_words (
  rating_id  BINARY(16)   NOT NULL,
  part       ENUM('comment','reply') NOT NULL,
  text       VARCHAR(500) NOT NULL,
  findings   JSON         NULL, -- of the scan, when a person has to look; absent until it has run
  created_at DATETIME(6)  NOT NULL,
  PRIMARY KEY (rating_id, part),
  CONSTRAINT rating_words_rating_fk FOREIGN KEY (rating_id) REFERENCES ratings (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
