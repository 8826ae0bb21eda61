-- The marketplace: people, nanos, uploads, moderation, audit.
-- Runs on MySQL 8 / Aurora and on MariaDB >= 10.6. Ids are UUID v7 as BINARY(16); times are UTC.

CREATE TABLE users (
  id                    BINARY(16)    NOT NULL PRIMARY KEY,
  email                 VARCHAR(254)  NOT NULL,
  username              VARCHAR(32)   NOT NULL,
  password_hash         VARCHAR(255)  NOT NULL,
  name                  VARCHAR(100)  NOT NULL DEFAULT '',
  bio                   VARCHAR(500)  NOT NULL DEFAULT '',
  role                  ENUM('consumer','creator','moderator','operator','admin') NOT NULL DEFAULT 'consumer',
  status                ENUM('active','inactive','suspended','deleted') NOT NULL DEFAULT 'active',
  language              ENUM('de','en') NOT NULL DEFAULT 'de',
  email_verified_at     DATETIME(6)   NULL,
  creator_terms_version VARCHAR(16)   NULL,
  creator_terms_at      DATETIME(6)   NULL,
  last_login_at         DATETIME(6)   NULL,
  created_at            DATETIME(6)   NOT NULL,
  updated_at            DATETIME(6)   NOT NULL,
  UNIQUE KEY users_email (email),
  UNIQUE KEY users_username (username)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Single-use, hashed links sent by mail.
CREATE TABLE email_tokens (
  token_hash BINARY(32)  NOT NULL PRIMARY KEY,
  user_id    BINARY(16)  NOT NULL,
  purpose    ENUM('verify_email','reset_password') NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  used_at    DATETIME(6) NULL,
  created_at DATETIME(6) NOT NULL,
  KEY email_tokens_user (user_id, purpose),
  CONSTRAINT email_tokens_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE refresh_tokens (
  token_hash BINARY(32)   NOT NULL PRIMARY KEY,
  family_id  BINARY(16)   NOT NULL,
  user_id    BINARY(16)   NOT NULL,
  device     VARCHAR(200) NOT NULL DEFAULT '',
  expires_at DATETIME(6)  NOT NULL,
  rotated_at DATETIME(6)  NULL,
  revoked_at DATETIME(6)  NULL,
  created_at DATETIME(6)  NOT NULL,
  KEY refresh_tokens_family (family_id),
  KEY refresh_tokens_user (user_id),
  CONSTRAINT refresh_tokens_user_fk FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE categories (
  id        BINARY(16)   NOT NULL PRIMARY KEY,
  parent_id BINARY(16)   NULL,
  slug      VARCHAR(64)  NOT NULL,
  name_de   VARCHAR(100) NOT NULL,
  name_en   VARCHAR(100) NOT NULL,
  active    BOOLEAN      NOT NULL DEFAULT TRUE,
  UNIQUE KEY categories_slug (slug),
  CONSTRAINT categories_parent_fk FOREIGN KEY (parent_id) REFERENCES categories (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE nanos (
  id                 BINARY(16)    NOT NULL PRIMARY KEY,
  creator_id         BINARY(16)    NOT NULL,
  title              VARCHAR(255)  NOT NULL,
  description        VARCHAR(1000) NOT NULL,
  duration_minutes   INT UNSIGNED  NOT NULL,
  level              TINYINT UNSIGNED NOT NULL,
  language           ENUM('de','en') NOT NULL,
  format             ENUM('video','text','quiz','interactive','mixed') NOT NULL,
  license            ENUM('CC-BY','CC-BY-SA','CC0','proprietary') NOT NULL,
  status             ENUM('draft','processing','pending_review','published','rejected','archived','deleted') NOT NULL DEFAULT 'draft',
  archived_by_moderator BOOLEAN    NOT NULL DEFAULT FALSE,
  current_version_id BINARY(16)    NULL, -- the published one
  latest_version_id  BINARY(16)    NULL, -- the newest upload, in whatever state
  thumbnail_key      VARCHAR(255)  NULL, -- prefix; <key>/320.webp, /640.webp, /1280.webp
  download_count     INT UNSIGNED  NOT NULL DEFAULT 0,
  rating_count       INT UNSIGNED  NOT NULL DEFAULT 0,
  average_rating     DECIMAL(3,2)  NOT NULL DEFAULT 0,
  index_version      BIGINT UNSIGNED NOT NULL DEFAULT 0, -- external version of the search document
  event_seq          BIGINT UNSIGNED NOT NULL DEFAULT 0, -- last number in nano_events
  published_at       DATETIME(6)   NULL,
  created_at         DATETIME(6)   NOT NULL,
  updated_at         DATETIME(6)   NOT NULL,
  KEY nanos_creator (creator_id, created_at, id),
  KEY nanos_public (status, published_at, id),
  CONSTRAINT nanos_creator_fk FOREIGN KEY (creator_id) REFERENCES users (id),
  CONSTRAINT nanos_duration CHECK (duration_minutes > 0),
  CONSTRAINT nanos_level CHECK (level BETWEEN 1 AND 3)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE nano_categories (
  nano_id     BINARY(16) NOT NULL,
  category_id BINARY(16) NOT NULL,
  PRIMARY KEY (nano_id, category_id),
  KEY nano_categories_category (category_id, nano_id),
  CONSTRAINT nano_categories_nano_fk FOREIGN KEY (nano_id) REFERENCES nanos (id),
  CONSTRAINT nano_categories_category_fk FOREIGN KEY (category_id) REFERENCES categories (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE uploads (
  id            BINARY(16)   NOT NULL PRIMARY KEY,
  owner_id      BINARY(16)   NOT NULL,
  nano_id       BINARY(16)   NOT NULL,
  filename      VARCHAR(255) NOT NULL,
  declared_size BIGINT UNSIGNED NULL,
  object_key    VARCHAR(255) NOT NULL,
  multipart_id  VARCHAR(255) NULL,
  state         ENUM('receiving','received','finished','aborted','expired') NOT NULL DEFAULT 'receiving',
  size          BIGINT UNSIGNED NULL,
  sha256        BINARY(32)   NULL,
  s3_version_id VARCHAR(255) NULL,
  job_id        BINARY(16)   NULL, -- the validate_archive job once finished
  expires_at    DATETIME(6)  NOT NULL,
  created_at    DATETIME(6)  NOT NULL,
  updated_at    DATETIME(6)  NOT NULL,
  KEY uploads_nano (nano_id, created_at),
  KEY uploads_expiry (state, expires_at),
  CONSTRAINT uploads_owner_fk FOREIGN KEY (owner_id) REFERENCES users (id),
  CONSTRAINT uploads_nano_fk FOREIGN KEY (nano_id) REFERENCES nanos (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE nano_versions (
  id               BINARY(16)   NOT NULL PRIMARY KEY,
  nano_id          BINARY(16)   NOT NULL,
  number           INT UNSIGNED NOT NULL, -- 1, 2, 3 … per nano
  semver           VARCHAR(32)  NOT NULL,
  changelog        VARCHAR(1000) NOT NULL DEFAULT '',
  upload_id        BINARY(16)   NOT NULL,
  state            ENUM('processing','pending_review','published','rejected','withdrawn','superseded') NOT NULL DEFAULT 'processing',
  uploaded_key     VARCHAR(255) NOT NULL,
  uploaded_sha256  BINARY(32)   NOT NULL,
  uploaded_size    BIGINT UNSIGNED NOT NULL,
  canonical_key    VARCHAR(255) NULL,
  canonical_sha256 BINARY(32)   NULL,
  canonical_size   BIGINT UNSIGNED NULL,
  manifest         JSON         NULL, -- entries with type and size
  report           JSON         NULL, -- findings of the archive check
  scan             JSON         NULL, -- findings of the content scan
  thumbnail_key    VARCHAR(255) NULL, -- NULL until made; '' when there was nothing to make one from
  metadata         JSON         NULL, -- pages, duration, text extract, language
  published_at     DATETIME(6)  NULL,
  created_at       DATETIME(6)  NOT NULL,
  updated_at       DATETIME(6)  NOT NULL,
  UNIQUE KEY nano_versions_number (nano_id, number),
  UNIQUE KEY nano_versions_upload (upload_id),
  CONSTRAINT nano_versions_nano_fk FOREIGN KEY (nano_id) REFERENCES nanos (id),
  CONSTRAINT nano_versions_upload_fk FOREIGN KEY (upload_id) REFERENCES uploads (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE nano_events (
  nano_id    BINARY(16)  NOT NULL,
  seq        BIGINT UNSIGNED NOT NULL, -- taken under the nano's row lock: commit order
  kind       VARCHAR(64) NOT NULL,
  data       JSON        NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nano_id, seq),
  CONSTRAINT nano_events_nano_fk FOREIGN KEY (nano_id) REFERENCES nanos (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE downloads (
  nano_id    BINARY(16)  NOT NULL,
  user_id    BINARY(16)  NOT NULL,
  day        DATE        NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (nano_id, user_id, day)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

CREATE TABLE moderation_cases (
  id          BINARY(16)   NOT NULL PRIMARY KEY,
  nano_id     BINARY(16)   NOT NULL,
  version_id  BINARY(16)   NOT NULL,
  cause       ENUM('first_upload','always','flagged') NOT NULL,
  state       ENUM('pending','investigating','resolved','dismissed') NOT NULL DEFAULT 'pending',
  decision    ENUM('no_action','approve','reject','warn','archive','delete') NULL,
  reason      VARCHAR(1000) NULL,
  reviewer_id BINARY(16)   NULL,
  decided_at  DATETIME(6)  NULL,
  created_at  DATETIME(6)  NOT NULL,
  UNIQUE KEY moderation_cases_version (version_id),
  KEY moderation_cases_queue (state, created_at, id),
  CONSTRAINT moderation_cases_nano_fk FOREIGN KEY (nano_id) REFERENCES nanos (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- Append-only. `hash` = SHA-256 over the previous row's hash and this row's content (domain::audit).
CREATE TABLE audit_log (
  seq         BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  id          BINARY(16)   NOT NULL,
  action      VARCHAR(64)  NOT NULL,
  actor_id    BINARY(16)   NULL,
  target_type VARCHAR(32)  NOT NULL,
  target_id   BINARY(16)   NULL,
  details     JSON         NOT NULL,
  ip_prefix   VARCHAR(43)  NULL, -- /24 or /48, never the full address
  user_agent  VARCHAR(255) NULL,
  result      ENUM('ok','denied','failed') NOT NULL,
  request_id  VARCHAR(64)  NULL,
  created_at  DATETIME(6)  NOT NULL,
  prev_hash   BINARY(32)   NOT NULL,
  hash        BINARY(32)   NOT NULL,
  KEY audit_log_actor (actor_id, seq),
  KEY audit_log_action (action, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;

-- One row: the end of the chain, locked while a row is appended.
CREATE TABLE audit_head (
  id   TINYINT UNSIGNED NOT NULL PRIMARY KEY,
  seq  BIGINT UNSIGNED  NOT NULL,
  hash BINARY(32)       NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, UNHEX(REPEAT('00', 32)));

-- The intent to send a mail, committed before SMTP is spoken.
CREATE TABLE email_deliveries (
  id              BINARY(16)   NOT NULL PRIMARY KEY,
  idempotency_key VARCHAR(128) NOT NULL,
  template        VARCHAR(64)  NOT NULL,
  language        ENUM('de','en') NOT NULL,
  user_id         BINARY(16)   NULL,
  recipient       VARCHAR(254) NOT NULL,
  params          JSON         NOT NULL,
  message_id      VARCHAR(255) NOT NULL,
  state           ENUM('queued','sending','sent','failed','ambiguous') NOT NULL DEFAULT 'queued',
  error           VARCHAR(500) NULL,
  sent_at         DATETIME(6)  NULL,
  created_at      DATETIME(6)  NOT NULL,
  updated_at      DATETIME(6)  NOT NULL,
  UNIQUE KEY email_deliveries_key (idempotency_key),
  KEY email_deliveries_state (state, created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci;
