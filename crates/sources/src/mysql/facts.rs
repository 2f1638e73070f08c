//! What a running instance says about itself.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use mysql::prelude::Queryable;
use mysql::{Conn, Row};

use super::{Access, MysqlError, Trouble};

/// Whose server it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// MariaDB.
    MariaDb,
    /// Oracle's MySQL, or one that calls itself so.
    MySql,
}

/// A place in the binary log: what was changed up to there is in the backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinlogPosition {
    /// The log file's name.
    pub file: String,
    /// The place in it, in bytes.
    pub position: u64,
    /// The transactions up to there by their global ids, where the instance counts them.
    pub gtid: Option<String>,
}

/// What a running instance says about itself.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Whose server it is.
    pub product: Product,
    /// Its version, as it says it.
    pub version: String,
    /// The folder that it keeps its data in.
    pub data_dir: PathBuf,
    /// Where it writes its process id.
    pub pid_file: Option<PathBuf>,
    /// Its error log, where that is a file.
    pub error_log: Option<PathBuf>,
    /// Where its binary log ends, if it writes one.
    pub binlog: Option<BinlogPosition>,
    /// Its settings that name files, by their names in lower case.
    pub(super) settings: BTreeMap<String, String>,
    /// Files of tables and table spaces as it lists them, where it does.
    pub(super) table_files: Vec<PathBuf>,
}

/// Settings that say where files are. Those that one of the two products does not know are not answered.
const SETTINGS: [&str; 17] = [
    "aria_log_dir_path",
    "datadir",
    "innodb_data_file_path",
    "innodb_data_home_dir",
    "innodb_directories",
    "innodb_doublewrite_dir",
    "innodb_log_group_home_dir",
    "innodb_redo_log_archive_dirs",
    "innodb_undo_directory",
    "log_bin_basename",
    "log_bin_index",
    "log_error",
    "pid_file",
    "relay_log_basename",
    "relay_log_index",
    "version",
    "version_comment",
];

const PATIENCE: Duration = Duration::from_secs(30);

impl Facts {
    /// Asks an instance about itself.
    ///
    /// # Errors
    /// When it does not answer, does not let the user in, or does not say where its data is.
    pub fn ask(access: &Access) -> Result<Self, MysqlError> {
        let mut connection = access.connect(PATIENCE)?;
        let names = SETTINGS.map(|name| format!("'{name}'")).join(",");
        let told: Vec<(String, String)> = connection
            .query(format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names})"))
            .map_err(|error| MysqlError::of("asking where the instance keeps its files", &error))?;
        let settings: BTreeMap<_, _> =
            told.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        let setting = |name: &str| settings.get(name).filter(|value| !value.is_empty()).cloned();
        let data_dir = setting("datadir").ok_or_else(|| {
            MysqlError::new(
                Trouble::Refused,
                "asking for the data directory",
                "the instance does not name it",
            )
        })?;
        let data_dir = PathBuf::from(data_dir);
        let version = setting("version").unwrap_or_default();
        let says = |text: Option<String>| text.is_some_and(|text| text.to_lowercase().contains("mariadb"));
        let is_mariadb = says(Some(version.clone())) || says(setting("version_comment"));
        let product = if is_mariadb { Product::MariaDb } else { Product::MySql };
        let in_data_dir = |path: String| data_dir.join(path);
        Ok(Self {
            product,
            version,
            pid_file: setting("pid_file").map(in_data_dir),
            error_log: setting("log_error").filter(|path| path != "stderr").map(in_data_dir),
            binlog: binlog(&mut connection, product),
            table_files: table_files(&mut connection),
            data_dir,
            settings,
        })
    }
}

/// Where the binary log ends. A user who may not see that, and an instance that writes none, leave it out.
fn binlog(connection: &mut Conn, product: Product) -> Option<BinlogPosition> {
    // The newer statement is MySQL's from 8.2 on, which lost the older one in 8.4.
    let statements = ["SHOW MASTER STATUS", "SHOW BINARY LOG STATUS"];
    let row =
        statements.iter().find_map(|statement| connection.query_first::<Row, _>(statement).ok().flatten())?;
    let file = row.get_opt::<String, _>("File")?.ok().filter(|file| !file.is_empty())?;
    let position = row.get_opt::<u64, _>("Position")?.ok()?;
    let gtid = match product {
        Product::MySql => row.get_opt::<String, _>("Executed_Gtid_Set").and_then(Result::ok),
        Product::MariaDb => connection.query_first("SELECT @@GLOBAL.gtid_binlog_pos").ok().flatten(),
    };
    Some(BinlogPosition { file, position, gtid: gtid.filter(|gtid| !gtid.trim().is_empty()) })
}

/// The files of InnoDB's table spaces, where the instance lists them (MySQL does, MariaDB 10.6 and later does not) and the user may
/// see that. Tables elsewhere are found in the data directory too, which names them.
fn table_files(connection: &mut Conn) -> Vec<PathBuf> {
    let statement = "SELECT FILE_NAME FROM INFORMATION_SCHEMA.FILES WHERE FILE_TYPE IN ('TABLESPACE', 'UNDO LOG') \
                     AND FILE_NAME IS NOT NULL";
    let told: Vec<String> = connection.query(statement).unwrap_or_default();
    told.into_iter().map(PathBuf::from).collect()
}
