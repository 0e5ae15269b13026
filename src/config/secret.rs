//! Secrets never stand in the file: references to them do, and what they name is read when it is needed.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use secrecy::SecretString;

use super::form::{Form, Misfit};
use super::reader::Page;

/// Longest secret that is read, in bytes.
const LONGEST: usize = 64 * 1024;

/// What a configuration may read of the world around it.
pub trait Surroundings: Send + Sync {
    /// An environment variable.
    fn var(&self, name: &str) -> Option<String>;
    /// The text of a small file.
    ///
    /// # Errors
    /// Whatever the file system says.
    fn read(&self, path: &Path) -> std::io::Result<String>;
}

/// The environment and the files of this process.
#[derive(Clone, Copy, Debug)]
pub struct Process;

impl Surroundings for Process {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn read(&self, path: &Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }
}

/// Where a secret is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretRef {
    /// An environment variable: `env:NAME`.
    Env(String),
    /// A file, resolved against the configuration's folder: `file:PATH`.
    File(PathBuf),
    /// A systemd credential: `credential:NAME`, a file in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// Why a secret could not be read. Names the reference, never the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reference} {what}")]
pub struct SecretError {
    /// Where it should have been.
    pub reference: SecretRef,
    /// What is wrong there.
    pub what: String,
}

impl SecretRef {
    /// Reads the secret; white space around it is not part of it.
    ///
    /// # Errors
    /// [`SecretError`] when the variable or file is missing, unreadable, empty or longer than 64 KiB.
    pub fn resolve(&self, surroundings: &dyn Surroundings) -> Result<SecretString, SecretError> {
        let fails = |what: String| SecretError { reference: self.clone(), what };
        let read = |path: &Path| surroundings.read(path).map_err(|error| fails(format!("cannot be read: {}", error.kind())));
        let text = match self {
            Self::Env(name) => surroundings.var(name).ok_or_else(|| fails("is not set".to_owned()))?,
            Self::File(path) => read(path)?,
            Self::Credential(name) => {
                let folder =
                    surroundings.var("CREDENTIALS_DIRECTORY").ok_or_else(|| fails("cannot be read: systemd set no CREDENTIALS_DIRECTORY".to_owned()))?;
                read(&Path::new(&folder).join(name))?
            }
        };
        match text.trim() {
            "" => Err(fails("is empty".to_owned())),
            secret if secret.len() > LONGEST => Err(fails("is longer than 64 KiB".to_owned())),
            secret => Ok(SecretString::from(secret)),
        }
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Credential(name) => write!(f, "credential:{name}"),
        }
    }
}

/// A setting that need not be secret, such as an application's public id: written out, or kept with the secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// As written.
    Written(String),
    /// Kept elsewhere.
    Kept(SecretRef),
}

impl Setting {
    /// The value.
    ///
    /// # Errors
    /// [`SecretError`] as for [`SecretRef::resolve`].
    pub fn resolve(&self, surroundings: &dyn Surroundings) -> Result<SecretString, SecretError> {
        match self {
            Self::Written(text) => Ok(SecretString::from(text.as_str())),
            Self::Kept(reference) => reference.resolve(surroundings),
        }
    }
}

const EXPECTED: &str = "a reference to a secret: \"env:NAME\", \"file:PATH\" or \"credential:NAME\"";

/// `None` when the text is no reference at all.
pub(super) fn reference(text: &str, folder: &Path) -> Option<Result<SecretRef, Misfit>> {
    let (kind, name) = text.split_once(':')?;
    let wrong = |what: &str| Some(Err(Misfit::from(what.to_owned())));
    match kind {
        "env" if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => Some(Ok(SecretRef::Env(name.to_owned()))),
        "env" => wrong("this is not the name of an environment variable"),
        "file" if !name.is_empty() => Some(Ok(SecretRef::File(folder.join(name)))),
        "file" => wrong("the path is empty"),
        "credential" => {
            let mut parts = Path::new(name).components();
            match (parts.next(), parts.next()) {
                (Some(Component::Normal(_)), None) => Some(Ok(SecretRef::Credential(name.to_owned()))),
                (_, _) => wrong("a credential's name is a plain file name"),
            }
        }
        _ => None,
    }
}

/// A reference to a secret that can be read now; what stands in its place is never repeated.
pub(super) fn form<'a>(page: &Page<'a>) -> Form<'a, SecretRef> {
    let (folder, surroundings) = (page.folder.clone(), page.surroundings);
    Form::text(EXPECTED, move |text| {
        let secret = reference(text, &folder).ok_or_else(|| Misfit::from("a secret stands in the file".to_owned()))??;
        secret.resolve(surroundings).map_err(|error| Misfit::from(error.to_string()))?;
        Ok(secret)
    })
}

/// A public setting, or a reference that can be read now.
pub(super) fn setting<'a>(page: &Page<'a>) -> Form<'a, Setting> {
    let (folder, surroundings) = (page.folder.clone(), page.surroundings);
    Form::text(format!("the value itself, or {EXPECTED}"), move |text| match reference(text, &folder) {
        Some(secret) => {
            let secret = secret?;
            secret.resolve(surroundings).map_err(|error| Misfit::from(error.to_string()))?;
            Ok(Setting::Kept(secret))
        }
        None if text.trim().is_empty() || text.len() > 200 => Err(Misfit::from("the text is empty or longer than 200 bytes".to_owned())),
        None => Ok(Setting::Written(text.to_owned())),
    })
}
