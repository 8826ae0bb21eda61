//! The schema, and databases that have known other texts of its migrations.

use tests::{TestApp, database};

/// Of `20261122000005_crashes.sql` as it was before it ran on MySQL 8.0.28.
const OLD: &str = "fb0f088a29e9e41badbc93d813675cc4f5c8e83bf8149295f867f9df02f960373daec0138434baf80449f79deee5a707";

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_ran_an_amended_migration_goes_on_and_any_other_text_is_refused() {
    let app = TestApp::start().await;
    let changed = "SELECT COUNT(*) FROM _sqlx_migrations WHERE version = 20261122000005 AND checksum = x'OLD'";
    let changed = changed.replace("OLD", OLD);
    let record = async |checksum: &str| {
        let update = format!("UPDATE _sqlx_migrations SET checksum = x'{checksum}' WHERE version = 20261122000005");
        database::execute(&app.db, &update).await.unwrap();
    };
    record(OLD).await;
    assert_eq!(database::number(&app.db, &changed).await.unwrap(), 1);
    app.db.migrate().await.unwrap();
    assert_eq!(database::number(&app.db, &changed).await.unwrap(), 0);
    app.db.migrate().await.unwrap();

    record("00").await;
    let refused = app.db.migrate().await.unwrap_err().to_string();
    assert!(refused.contains("20261122000005"), "{refused}");
    app.finish().await;
}
