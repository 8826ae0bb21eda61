-- What is on the lists. A nano that is taken off the shelf stays where it is, unseen, until it comes back or is gone for good.
CREATE TABLE saved_list_nanos (
  list_id  BINARY(16)   NOT NULL,
  nano_id  BINARY(16)   NOT NULL,
  position INT UNSIGNED NOT NULL,
  added_at DATETIME(6)  NOT NULL,
  PRIMARY KEY (list_id, nano_id),
  KEY saved_list_nanos_order (list_id, position),
  KEY saved_list_nanos_nano (nano_id),
  CONSTRAINT saved_list_nanos_list_fk FOREIGN KEY (list_id) REFERENCES saved_lists (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
