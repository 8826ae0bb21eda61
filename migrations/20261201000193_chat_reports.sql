-- What people find wrong with messages, one report of a person about a message.
CREATE TABLE chat_reports (
  id          BINARY(16)   NOT NULL PRIMARY KEY,
  session_id  BINARY(16)   NOT NULL,
  seq         INT UNSIGNED NOT NULL,
  reporter_id BINARY(16)   NOT NULL,
  reason      ENUM('copyright','spam','inappropriate','malware','other') NOT NULL,
  note        VARCHAR(500) NOT NULL,
  state       ENUM('pending','resolved','dismissed') NOT NULL DEFAULT 'pending',
  decided_at  DATETIME(6)  NULL,
  created_at  DATETIME(6)  NOT NULL,
  UNIQUE KEY chat_reports_message (session_id, seq, reporter_id),
  KEY chat_reports_queue (state, id),
  KEY chat_reports_reporter (reporter_id),
  CONSTRAINT chat_reports_message_fk FOREIGN KEY (session_id, seq) REFERENCES chat_messages (session_id, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
