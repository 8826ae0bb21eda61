-- A run whose child process died.
ALTER TABLE job_attempts
  MODIFY COLUMN outcome ENUM('completed','retry','snoozed','cancelled','discarded','lost','handed_back','parked','crashed') NOT NULL,
  ALGORITHM=INSTANT;
