-- When an address may be asked again to confirm itself, whether or not anybody has registered with it. The address is a
-- SHA-256: most of those typed in here are nobody's.
CREATE TABLE verification_pauses (
  address BINARY(32)  NOT NULL PRIMARY KEY,
  next_at DATETIME(6) NOT NULL,
  KEY verification_pauses_next (next_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
