-- A case may be about words of a rating: version_id has the rating's id then. Programs of the release before show such a case as one
-- of the cause "unknown", find no such version, and decide nothing about it.
ALTER TABLE moderation_cases
  MODIFY COLUMN cause ENUM('first_upload','always','flagged','edited','comment','reply') NOT NULL;
