-- Links that confirm a new address of an account. Programs of before compare purposes and never read them out.
ALTER TABLE email_tokens
  MODIFY COLUMN purpose ENUM('verify_email','reset_password','change_email') NOT NULL;
