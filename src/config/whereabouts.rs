//! Where the daemon of a file is found: what a command needs to reach it, and what is in the file even while something else of it is wrong. Whoever
//! pauses must not be kept from it by a typing mistake further down, or by secrets that only the daemon can read.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::reader::{Page, Section};
use super::secret::Surroundings;
use super::workspace::{self, Database, Listen};

/// Where a daemon listens and keeps its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// Where it listens; the default when the file says nothing that can be read.
    pub listen: Listen,
    /// Where it keeps its own files; likewise.
    pub state_dir: PathBuf,
    /// Its ledger; `None` when the file names none that can be read.
    pub database: Option<Database>,
}

impl Whereabouts {
    /// Reads them from a file, whatever else is wrong with it.
    ///
    /// # Errors
    /// When there is no such file, or it cannot be read.
    pub fn of(path: &Path, surroundings: &dyn Surroundings) -> std::io::Result<Self> {
        let text = surroundings.read(path)?;
        let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
        // Faults are collected here and read by nobody: `adjutant check` lists them.
        let mut page = Page::new(&text, path.display().to_string(), folder, surroundings);
        let (document, _) = DeTable::parse_recoverable(&text);
        let mut root = Section::root(document.get_ref());
        let mut section = root.section(&mut page, "workspace");
        let state_dir = workspace::state_dir(&mut page, &mut section);
        let form = workspace::database(&page, state_dir.clone());
        let database = section.optional(&mut page, "database", &form);
        let mut admin = root.section(&mut page, "admin");
        let listen = workspace::listen(&mut page, &mut admin);
        Ok(Self { listen, state_dir, database })
    }
}
