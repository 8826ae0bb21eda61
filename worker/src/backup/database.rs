//! The database's own client programs: they dump, and bring back.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, anyhow, bail};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use infra::{
    env::login,
    sealed_file::{FileKey, Opening, Sealing},
};
use secrecy::{ExposeSecret, SecretString};
use tempfile::NamedTempFile;
use url::Url;

use super::{
    counted::Counted,
    folder::{DATABASE, Dump},
};

const DUMP: [&str; 2] = ["mariadb-dump", "mysqldump"];
const CLIENT: [&str; 2] = ["mariadb", "mysql"];
/// Of what a program says when it fails.
const SAID_AT_MOST: usize = 2_000;

/// A client program with its login, which stands in a file that nobody else may read: arguments are seen by everybody.
pub(super) struct Program {
    path: PathBuf,
    /// What it says of itself.
    version: String,
    options: NamedTempFile,
    database: String,
}

impl Program {
    /// The program that dumps.
    pub(super) fn dump(url: &SecretString, server: &str) -> anyhow::Result<Self> {
        Self::find(DUMP, url, server)
    }

    /// The program that runs statements.
    pub(super) fn client(url: &SecretString, server: &str) -> anyhow::Result<Self> {
        Self::find(CLIENT, url, server)
    }

    /// `server` is what the server says it is. Each make takes its own programs' dumps only: MariaDB's write values of generated
    /// columns, which MySQL refuses.
    fn find(names: [&str; 2], url: &SecretString, server: &str) -> anyhow::Result<Self> {
        let of_mariadb = server.contains("MariaDB");
        let mut of_the_other = None;
        let mut fits = None;
        for path in on_path(&names) {
            let said = Command::new(&path).arg("--version").stdin(Stdio::null()).output();
            let said = said.with_context(|| format!("cannot run {}", path.display()))?;
            let version = String::from_utf8_lossy(&said.stdout).trim().to_owned();
            if version.contains("MariaDB") == of_mariadb {
                fits = Some((path, version));
                break;
            }
            of_the_other = Some(path);
        }
        let (path, version) = fits.ok_or_else(|| missing(names, of_mariadb, of_the_other.as_deref()))?;
        let url = Url::parse(url.expose_secret())?;
        let mut options = tempfile::Builder::new().prefix("nano-backup-").suffix(".cnf").tempfile()?;
        options.write_all(option_file(&url, version.contains("MariaDB"))?.as_bytes())?;
        options.flush()?;
        Ok(Self { path, version, options, database: url.path().trim_start_matches('/').to_owned() })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        // It has to be the first argument. No other file is read: what an account has set up for itself is not meant here.
        command.arg(format!("--defaults-file={}", self.options.path().display()));
        command.args(arguments).arg(&self.database).stderr(Stdio::piped());
        command
    }

    fn is_of_mysql(&self) -> bool {
        !self.version.contains("MariaDB")
    }

    /// Writes all rows, as they are at one moment, compressed and sealed. Nobody is locked out meanwhile.
    pub(super) fn write_dump(&self, file: File, key: &FileKey) -> anyhow::Result<Dump> {
        let mut arguments = vec![
            "--single-transaction",
            "--quick",
            "--skip-lock-tables",
            // The right to lock tables is more than a restore into an empty database needs.
            "--skip-add-locks",
            "--hex-blob",
            "--triggers",
            "--no-tablespaces",
            "--default-character-set=utf8mb4",
        ];
        if self.is_of_mysql() {
            // Positions of replication are another server's matter, and MariaDB has no statistics of columns.
            arguments.extend(["--set-gtid-purged=OFF", "--column-statistics=0"]);
        }
        let mut child = self.command(&arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let said = listen(&mut child)?;
        let mut rows = child.stdout.take().context("no pipe")?;
        let sealing = Sealing::begin(BufWriter::new(file), key, DATABASE)?;
        let mut into = Counted::new(GzEncoder::new(sealing, Compression::fast()));
        let copied = io::copy(&mut rows, &mut into);
        // It ends when nobody reads.
        drop(rows);
        self.ended(child, said)?;
        copied?;
        let (encoder, size, sha256) = into.done();
        let file = encoder.finish()?.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(Dump { by: self.version.clone(), size, sha256 })
    }

    /// Runs the statements of a dump.
    pub(super) fn read_dump(&self, path: &Path, key: &FileKey) -> anyhow::Result<()> {
        let mut statements = statements(path, key)?;
        let arguments = ["--batch", "--binary-mode", "--max-allowed-packet=1G", "--default-character-set=utf8mb4"];
        let mut child = self.command(&arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
        let said = listen(&mut child)?;
        let mut into = child.stdin.take().context("no pipe")?;
        let copied = io::copy(&mut statements, &mut into);
        drop(into);
        self.ended(child, said)?;
        copied?;
        Ok(())
    }

    fn ended(&self, mut child: Child, said: JoinHandle<String>) -> anyhow::Result<()> {
        let status = child.wait()?;
        let said = said.join().unwrap_or_default();
        if !status.success() {
            bail!("{} ended with {status}: {}", self.path.display(), said.trim());
        }
        Ok(())
    }
}

/// The statements of a dump.
pub(super) fn statements(path: &Path, key: &FileKey) -> anyhow::Result<impl Read + use<>> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    Ok(GzDecoder::new(Opening::begin(file, key, DATABASE)?))
}

/// Reads the dump whole and compares it with what was written down of it.
pub(super) fn check(path: &Path, key: &FileKey, expected: &Dump) -> anyhow::Result<()> {
    let mut statements = Counted::new(statements(path, key)?);
    io::copy(&mut statements, &mut io::sink()).with_context(|| path.display().to_string())?;
    let (_, size, sha256) = statements.done();
    if (size, &sha256) != (expected.size, &expected.sha256) {
        bail!("{}: it is not what was written", path.display());
    }
    Ok(())
}

/// Takes what the program says about errors, beside whatever else goes on.
fn listen(child: &mut Child) -> anyhow::Result<JoinHandle<String>> {
    let mut said = child.stderr.take().context("no pipe")?;
    Ok(thread::spawn(move || {
        let mut text = Vec::new();
        // What it said until then is better than nothing.
        let _ = said.by_ref().take(SAID_AT_MOST as u64).read_to_end(&mut text);
        let _ = io::copy(&mut said, &mut io::sink());
        String::from_utf8_lossy(&text).into_owned()
    }))
}

fn on_path(names: &[&str]) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names.iter().flat_map(|name| folders.iter().map(move |dir| dir.join(name))).filter(|file| file.is_file()).collect()
}

fn missing(names: [&str; 2], of_mariadb: bool, of_the_other: Option<&Path>) -> anyhow::Error {
    let install = if of_mariadb {
        "install the package mariadb-client (Debian, Ubuntu) or mariadb (Fedora)"
    } else {
        "install MySQL's own client programs: the package mysql-client or mysql-community-client"
    };
    match of_the_other {
        Some(path) if of_mariadb => anyhow!("the server is MariaDB, and {} is MySQL's: {install}", path.display()),
        Some(path) => {
            anyhow!("the server is MySQL, which does not take what {} of MariaDB dumps: {install}", path.display())
        }
        None => anyhow!("neither {} is on PATH: {install}", names.join(" nor ")),
    }
}

/// The options of a client program for this address; those of TLS have different names in the two makes.
fn option_file(url: &Url, of_mariadb: bool) -> anyhow::Result<String> {
    let mut lines = vec!["[client]".to_owned()];
    let parameter = |names: &[&str]| {
        url.query_pairs().find(|(name, _)| names.contains(&name.as_ref())).map(|(_, value)| value.into_owned())
    };
    match parameter(&["socket"]) {
        Some(socket) => lines.push(format!("socket={}", quoted(&socket))),
        None => {
            let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
            lines.push("protocol=tcp".to_owned());
            lines.push(format!("host={}", quoted(host)));
            lines.push(format!("port={}", url.port().unwrap_or(3306)));
        }
    }
    if let Some((user, password)) = login(url).map_err(|what| anyhow!("DATABASE_URL {what}"))? {
        lines.push(format!("user={}", quoted(&user)));
        lines.push(format!("password={}", quoted(password.expose_secret())));
    }
    if let Some(file) = parameter(&["ssl-ca", "sslca"]) {
        lines.push(format!("ssl-ca={}", quoted(&file)));
    }
    let mode = parameter(&["ssl-mode", "sslmode"]).map(|mode| mode.to_ascii_uppercase().replace('-', "_"));
    match (mode.as_deref(), of_mariadb) {
        (Some("DISABLED"), true) => lines.push("skip-ssl".to_owned()),
        (Some("VERIFY_CA" | "VERIFY_IDENTITY"), true) => {
            lines.extend(["ssl".to_owned(), "ssl-verify-server-cert".to_owned()])
        }
        (Some("REQUIRED"), true) => lines.extend(["ssl".to_owned(), "skip-ssl-verify-server-cert".to_owned()]),
        // As the other programs do: encrypted if the server can.
        (_, true) => lines.push("skip-ssl-verify-server-cert".to_owned()),
        (Some(mode), false) => lines.push(format!("ssl-mode={mode}")),
        (None, false) => {}
    }
    lines.push(String::new());
    Ok(lines.join("\n"))
}

/// A value in an option file.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, of_mariadb: bool) -> Vec<String> {
        let text = option_file(&url.parse().unwrap(), of_mariadb).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn logins_and_tls_are_written_for_the_program_that_is_there() {
        assert_eq!(
            of("mysql://na%40no:p%22a%5C%23s@db.internal/nano?ssl-mode=VERIFY_IDENTITY&ssl-ca=/etc/ca.pem", true),
            [
                "[client]",
                "protocol=tcp",
                "host=\"db.internal\"",
                "port=3306",
                "user=\"na@no\"",
                "password=\"p\\\"a\\\\#s\"",
                "ssl-ca=\"/etc/ca.pem\"",
                "ssl",
                "ssl-verify-server-cert",
            ]
        );
        let mysql = of("mysql://nano:x@[::1]:3307/nano?ssl-mode=REQUIRED", false);
        assert!(
            mysql.contains(&"host=\"::1\"".to_owned()) && mysql.contains(&"ssl-mode=REQUIRED".to_owned()),
            "{mysql:?}"
        );
        let plain = of("mysql://nano:x@127.0.0.1/nano", true);
        assert_eq!(plain.last().map(String::as_str), Some("skip-ssl-verify-server-cert"));
        assert_eq!(
            of("mysql://nano:x@localhost/nano?socket=/run/mysqld.sock", false)[1],
            "socket=\"/run/mysqld.sock\""
        );
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let error = missing(["no-such-program", "nor-this-one"], true, None).to_string();
        assert!(error.contains("no-such-program nor nor-this-one") && error.contains("mariadb-client"), "{error}");
    }
}
