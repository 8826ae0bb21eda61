-- Addresses and usernames are compared letter by letter: the collation before took accents and widths for the same, so that
-- `lèö@` was `leo@`. And several people may have registered with one address as long as none of them has confirmed it: each
-- registration is an account of its own, and the one whose link is followed gets the address.
ALTER TABLE users
  MODIFY COLUMN email VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  MODIFY COLUMN username VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  ADD COLUMN confirmed_email VARCHAR(254) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
    GENERATED ALWAYS AS (CASE WHEN email_verified_at IS NOT NULL THEN email END) STORED,
  ADD UNIQUE KEY users_confirmed_email (confirmed_email),
  ADD KEY users_address (email),
  DROP KEY users_email;
