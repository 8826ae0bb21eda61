-- A case may be about words of a rating instead of a version.
ALTER TABLE moderation_cases
  MODIFY COLUMN version_id BINARY(16) NULL,
  ADD COLUMN rating_id BINARY(16) NULL,
  MODIFY COLUMN cause ENUM('first_upload','always','flagged','edited','comment','reply') NOT NULL,
  ADD UNIQUE KEY moderation_cases_rating_cause (rating_id, cause);
