-- What people have given a nano, counted, in a row of its own: whoever rates waits for nobody who uploads, edits or downloads, and
-- nobody of them for whoever rates. The counts are signed, so that a wrong one refuses nobody's rating until it is mended.
-- They take the place of nanos.rating_count and nanos.average_rating, which nothing reads any more.
CREATE TABLE nano_totals (
  nano_id            BINARY(16) NOT NULL PRIMARY KEY,
  score_1            INT NOT NULL DEFAULT 0, -- how often this score was given
  score_2            INT NOT NULL DEFAULT 0,
  score_3            INT NOT NULL DEFAULT 0,
  score_4            INT NOT NULL DEFAULT 0,
  score_5            INT NOT NULL DEFAULT 0,
  rating_count       INT GENERATED ALWAYS AS (score_1 + score_2 + score_3 + score_4 + score_5) STORED,
  average_hundredths INT GENERATED ALWAYS AS (
    (100 * (score_1 + 2 * score_2 + 3 * score_3 + 4 * score_4 + 5 * score_5)
      + ((score_1 + score_2 + score_3 + score_4 + score_5) DIV 2))
    DIV NULLIF(score_1 + score_2 + score_3 + score_4 + score_5, 0)) STORED,
  favorite_count     INT NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
