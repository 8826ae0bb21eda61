-- What people say of themselves beside name and bio, which stand in users. Whoever has said nothing has no row.
CREATE TABLE profiles (
  user_id    BINARY(16)     NOT NULL PRIMARY KEY,
  company    VARCHAR(100)   NOT NULL DEFAULT '',
  job_title  VARCHAR(100)   NOT NULL DEFAULT '',
  phone      VARBINARY(255) NULL, -- sealed with DATA_KEY
  revision   INT UNSIGNED   NOT NULL DEFAULT 0, -- how often its owner has edited it
  updated_at DATETIME(6)    NOT NULL,
  CONSTRAINT profiles_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- At most five categories a person is interested in.
CREATE TABLE profile_interests (
  user_id     BINARY(16) NOT NULL,
  category_id BINARY(16) NOT NULL,
  PRIMARY KEY (user_id, category_id),
  KEY profile_interests_category (category_id),
  CONSTRAINT profile_interests_user_fk FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT profile_interests_category_fk FOREIGN KEY (category_id) REFERENCES categories (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Words about themselves that people want to be public, until the scan has found nothing in them.
CREATE TABLE profile_edits (
  user_id    BINARY(16)   NOT NULL PRIMARY KEY,
  name       VARCHAR(100) NOT NULL,
  bio        VARCHAR(500) NOT NULL,
  company    VARCHAR(100) NOT NULL,
  job_title  VARCHAR(100) NOT NULL,
  findings   JSON         NULL, -- why they do not become public; absent until the scan has run
  created_at DATETIME(6)  NOT NULL,
  CONSTRAINT profile_edits_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
