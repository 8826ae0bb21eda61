//! Migrations whose text was changed after they had run somewhere. A migration is known by the checksum of its text, so a
//! database that ran the old text would be refused for ever. Only texts that lead to the very same schema may stand here.

use sqlx::{AssertSqlSafe, MySqlConnection, migrate::Migrator};

use crate::{DbError, literal};

/// (version, SHA-384 of the old text in hexadecimal digits)
const AMENDED: [(i64, &str); 1] = [
    // It said ALGORITHM=INSTANT, which MySQL before 8.0.29 refuses for a column that is not the last one.
    (
        20_261_122_000_005,
        "fb0f088a29e9e41badbc93d813675cc4f5c8e83bf8149295f867f9df02f960373daec0138434baf80449f79deee5a707",
    ),
];

/// Where the old text ran, it counts as the new one.
pub(crate) async fn accept(migrations: &Migrator, connection: &mut MySqlConnection) -> Result<(), DbError> {
    let recorded: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM information_schema.tables
         WHERE table_schema = DATABASE() AND table_name = '_sqlx_migrations'",
    )
    .fetch_one(&mut *connection)
    .await?;
    if recorded == 0 {
        return Ok(());
    }
    for (version, old) in AMENDED {
        if let Some(migration) = migrations.iter().find(|migration| migration.version == version) {
            let new = literal::binary(&migration.checksum);
            let update = format!(
                "UPDATE _sqlx_migrations SET checksum = {new} WHERE version = {version} AND checksum = 0x{old}"
            );
            sqlx::query(AssertSqlSafe(update)).execute(&mut *connection).await?;
        }
    }
    Ok(())
}
