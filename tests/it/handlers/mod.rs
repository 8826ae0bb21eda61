//! The marketplace's jobs one by one, and the contract for their authors.
//!
//! Each kind has a test that looks at what its run writes and enqueues:
//!
//! | kind | test |
//! | --- | --- |
//! | `validate_archive`, `make_thumbnails`, `scan_content`, `review_nano` | `steps.rs` |
//! | `scan_edit` | `nanos/edits.rs` |
//! | `scan_profile` | `requests/profiles.rs` |
//! | `scan_rating` | `opinions/ratings.rs`, `opinions/judged.rs` |
//! | `index_rated` | `opinions/ratings.rs` (`the_search_index_follows_the_ratings`) |
//! | `recheck_totals` | `opinions/figures.rs` |
//! | `publish_nano`, `index_nano`, `send_email` | `steps.rs` (`publishing_indexes_and_announces`) |
//! | `expire_uploads`, `remove_object` | `steps.rs` (`an_upload_that_is_not_finished_…`) |
//! | `prune_ledger` | `steps.rs`, `periodic.rs` |
//! | `export_audit_log`, `reconcile_storage`, `roll_up_stats`, `retention`, `remind_moderators` | `periodic.rs` |
//! | `tell_unread`, `archive_chats` | `chat/digests.rs` |
//! | `alert_saved_searches` | `notifications/saved_searches.rs` |
//! | `deliver_webhook` | `webhooks/deliveries.rs`, `webhooks/targets.rs` |
//! | `export_person`, `erase_person`, `tend_data_requests`, `warn_inactive` | `requests/data_requests.rs` |
//! | `reindex` | `reindex.rs` |
//! | `bulk_action`, `tell_given_up` | `given_up.rs` |

mod author;
mod example;
mod given_up;
mod long_work;
mod periodic;
mod reindex;
mod steps;
