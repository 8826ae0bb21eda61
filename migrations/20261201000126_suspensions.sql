-- Why an account is suspended, for those who administer it; and who has a role, for the rule that one admin stays.
ALTER TABLE users
  ADD COLUMN suspension_reason VARCHAR(500) NULL,
  ADD KEY users_role (role, status, id);
