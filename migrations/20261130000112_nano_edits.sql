-- What a creator wants a published nano's title and description to be. It becomes public once the scan, or a person, has found
-- nothing against it.
CREATE TABLE nano_edits (
  nano_id     BINARY(16)    NOT NULL PRIMARY KEY,
  title       VARCHAR(255)  NOT NULL,
  description VARCHAR(1000) NOT NULL,
  findings    JSON          NULL, -- of the scan, when a person has to look; absent until it has run
  created_at  DATETIME(6)   NOT NULL,
  CONSTRAINT nano_edits_nano_fk FOREIGN KEY (nano_id) REFERENCES nanos (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- A published version may have a case of its own for an edit of its words.
ALTER TABLE moderation_cases
  MODIFY COLUMN cause ENUM('first_upload','always','flagged','edited') NOT NULL,
  ADD UNIQUE KEY moderation_cases_version_cause (version_id, cause),
  DROP KEY moderation_cases_version;
