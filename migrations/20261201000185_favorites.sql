-- What people want to find again. Like ratings, without foreign keys.
CREATE TABLE favorites (
  user_id    BINARY(16)  NOT NULL,
  nano_id    BINARY(16)  NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (user_id, nano_id),
  KEY favorites_newest (user_id, created_at, nano_id),
  KEY favorites_nano (nano_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
