-- What the links in somebody's mails are signed with. A link works as long as its key is here.
CREATE TABLE mail_link_keys (
  user_id    BINARY(16)  NOT NULL PRIMARY KEY,
  secret     BINARY(32)  NOT NULL,
  created_at DATETIME(6) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
