//! Every test of the store runs on both engines: SQLite in a temporary folder, PostgreSQL from `ADJUTANT_TEST_POSTGRES` or started here.
//!
//! One server a test binary, one database a test, made from a template that is migrated once. The server stops when the test process ends: its
//! wrapper waits for the end of its own standard input.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use adjutant::clock::ClockMode;
use adjutant::store::{Durability, Store, StoreError};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, SqliteConnection};
use tempfile::TempDir;

/// Writes each test once and runs it on both engines.
#[macro_export]
macro_rules! on_both_engines {
    ($($(#[$attribute:meta])* async fn $name:ident($bench:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports, reason = "some tests need nothing of their file")]
            use super::*;

            async fn run($bench: &$crate::engines::Bench) $body

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_sqlite() {
                let bench = $crate::engines::Bench::sqlite().await;
                run(&bench).await;
                bench.finish().await;
            }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn on_postgres() {
                if let Some(bench) = $crate::engines::Bench::postgres().await {
                    run(&bench).await;
                    bench.finish().await;
                }
            }
        }
    )*};
}

/// A fresh, migrated database on one engine, opened on a manual clock.
pub struct Bench {
    /// The open store.
    pub store: Store,
    /// The address of its database.
    pub url: String,
    folder: Option<TempDir>,
    drop_on: Option<(String, String)>,
}

impl Bench {
    /// On SQLite, in a temporary folder.
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("adjutant.db").display());
        let store = Store::open(&url, ClockMode::Manual, Durability::Required).await.expect("a fresh SQLite database opens");
        Self { store, url, folder: Some(folder), drop_on: None }
    }

    /// On PostgreSQL, in a database of its own; none where there is no PostgreSQL.
    pub async fn postgres() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let server = postgres_server()?;
        let template = template(server).await;
        let name = format!("{template}_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        admin(server, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        let url = server.database(&name);
        let store = Store::open(&url, ClockMode::Manual, Durability::TestOnly).await.expect("a fresh PostgreSQL database opens");
        Some(Self { store, url, folder: None, drop_on: Some((server.database("postgres"), name)) })
    }

    /// Whether this is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.drop_on.is_some()
    }

    /// Opens the same database again, as another daemon would.
    pub async fn open_again(&self, mode: ClockMode) -> Result<Store, StoreError> {
        Store::open(&self.url, mode, Durability::TestOnly).await
    }

    /// Runs a statement past the store, as somebody with a database browser would.
    pub async fn tamper(&self, sql: &str) -> Result<(), sqlx::Error> {
        let sql = AssertSqlSafe(sql.to_owned());
        if self.is_postgres() {
            let mut connection = PgConnection::connect(&self.url).await?;
            connection.execute(sql).await.map(|_| ())
        } else {
            let mut connection = SqliteConnection::connect(&self.url).await?;
            connection.execute(sql).await.map(|_| ())
        }
    }

    /// Lets go of the store and its lock; the database stays as long as the folder.
    pub async fn into_sqlite_folder(self) -> (String, TempDir) {
        self.store.close().await;
        (self.url, self.folder.expect("only SQLite lives in a folder"))
    }

    /// Closes the store and removes its database.
    pub async fn finish(self) {
        self.store.close().await;
        if let Some((url, name)) = self.drop_on {
            let mut connection = PgConnection::connect(&url).await.expect("the server still runs");
            connection.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.expect("the database is ours");
        }
    }
}

struct Server {
    /// The address with `{}` where the name of a database goes.
    address: String,
    _process: Option<Child>,
}

impl Server {
    fn database(&self, name: &str) -> String {
        self.address.replacen("{}", name, 1)
    }
}

async fn admin(server: &Server, sql: &str) {
    let mut connection = PgConnection::connect(&server.database("postgres")).await.expect("the test server takes connections");
    connection.execute(AssertSqlSafe(sql.to_owned())).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// The name of the migrated template, made once.
async fn template(server: &Server) -> &'static str {
    static TEMPLATE: tokio::sync::OnceCell<String> = tokio::sync::OnceCell::const_new();
    TEMPLATE
        .get_or_init(|| async {
            let name = format!("adjutant_test_{}", std::process::id());
            admin(server, &format!("DROP DATABASE IF EXISTS {name}")).await;
            admin(server, &format!("CREATE DATABASE {name}")).await;
            let store = Store::open(&server.database(&name), ClockMode::Manual, Durability::TestOnly).await.expect("the schema applies");
            store.close().await;
            name
        })
        .await
}

fn postgres_server() -> Option<&'static Server> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| match std::env::var("ADJUTANT_TEST_POSTGRES") {
        Ok(url) => Some(given(&url)),
        Err(_) => start(),
    });
    if server.is_none() {
        let how = "PostgreSQL was not found: the PostgreSQL half of this suite did not run; install it (apt-get install postgresql), \
                   or point ADJUTANT_TEST_POSTGRES at a server whose user may create databases";
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{how}");
        eprintln!("{how}");
    }
    server.as_ref()
}

/// `postgres://user:secret@host:port/anything?options` as a pattern for its databases.
fn given(url: &str) -> Server {
    let mut url = url::Url::parse(url).expect("ADJUTANT_TEST_POSTGRES is an address such as postgres://user@localhost/postgres");
    url.set_path("/DATABASE_NAME");
    Server { address: url.to_string().replacen("DATABASE_NAME", "{}", 1), _process: None }
}

/// Initialises a server in a folder of its own, starts it on a socket there, says where, and ends it with this script's standard input.
const WRAPPER: &str = r#"
set -e
bin=$1
trap '' INT
folder=$(mktemp -d /tmp/adjutant-postgres.XXXXXX)
"$bin/initdb" -D "$folder/data" -U postgres --auth=trust --no-sync --locale=C --encoding=UTF8 >"$folder/log" 2>&1
"$bin/pg_ctl" -D "$folder/data" -w -t 60 -l "$folder/log" start >/dev/null \
    -o "-k $folder -c listen_addresses= -c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=400 -c shared_buffers=64MB" || { cat "$folder/log" >&2; exit 1; }
echo "$folder"
cat >/dev/null || true
"$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true
rm -rf "$folder"
"#;

fn start() -> Option<Server> {
    let bin = newest_binaries()?;
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    let mut command = if is_root {
        // PostgreSQL refuses to run as root.
        let has_user = Command::new("id").arg("postgres").output().is_ok_and(|output| output.status.success());
        let mut command = Command::new("runuser");
        command.args(["-u", if has_user { "postgres" } else { "nobody" }, "--", "sh"]);
        command
    } else {
        Command::new("sh")
    };
    let command = command.args(["-c", WRAPPER, "adjutant-test-postgres"]).arg(&bin).current_dir("/");
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a shell can be started");
    let mut folder = String::new();
    let output = process.stdout.take().expect("the output is piped");
    BufReader::new(output).read_line(&mut folder).expect("the wrapper says where the server is");
    let folder = folder.trim();
    assert!(!folder.is_empty(), "PostgreSQL in {} did not start; its log is above", bin.display());
    Some(Server { address: format!("postgres://postgres@localhost/{{}}?host={folder}"), _process: Some(process) })
}

fn newest_binaries() -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let version = path.file_name()?.to_str()?.parse().ok()?;
            let bin = path.join("bin");
            bin.join("initdb").exists().then_some((version, bin))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin).or_else(|| {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
    })
}
