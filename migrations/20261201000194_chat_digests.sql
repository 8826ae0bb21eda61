-- When a mail last told somebody of unread messages.
CREATE TABLE chat_digests (
  user_id BINARY(16)  NOT NULL PRIMARY KEY,
  told_at DATETIME(6) NOT NULL,
  CONSTRAINT chat_digests_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
