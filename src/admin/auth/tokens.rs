//! Bearer tokens: those of the configuration, and the local one that the command line finds in the state directory.

use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use super::{Principal, Proof, digest, same};
use crate::admin::AdminError;
use crate::config::{Config, Surroundings};
use crate::domain::ids::IdGen;
use crate::domain::ticket::Role;

/// The file in the state directory that holds the local admin token, mode 0600.
pub const LOCAL_TOKEN_FILE: &str = "admin.token";
/// The name the local token acts under.
pub const LOCAL_NAME: &str = crate::domain::ticket::LOCAL;
/// Fewest characters of a token: 128 bits as hex.
const SHORTEST: usize = 32;

/// Every token there is, as hashes.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Vec<Known>);

#[derive(Clone, Debug)]
struct Known {
    name: String,
    role: Role,
    hash: String,
}

impl Tokens {
    /// Reads the tokens the configuration names and the local one, which is made when there is none.
    ///
    /// # Errors
    /// [`AdminError::Token`] when one cannot be read, is shorter than 32 characters, or others may read the local file.
    pub fn load(config: &Config, surroundings: &dyn Surroundings) -> Result<Self, AdminError> {
        let mut tokens = Self::default();
        for token in &config.admin.tokens {
            let advice = "generate one with `openssl rand -hex 32` and name it in [[admin.tokens]]";
            let secret = token.secret.resolve(surroundings).map_err(|error| AdminError::Token { what: error.to_string(), advice })?;
            tokens.add(&token.name, token.role, &secret)?;
        }
        tokens.add(LOCAL_NAME, Role::Admin, &local_token(&config.workspace.state_dir)?)?;
        Ok(tokens)
    }

    /// Adds a token.
    ///
    /// # Errors
    /// [`AdminError::Token`] when it is shorter than 32 characters.
    pub fn add(&mut self, name: &str, role: Role, secret: &SecretString) -> Result<(), AdminError> {
        if secret.expose_secret().len() < SHORTEST {
            let what = format!("the token `{name}` has fewer than {SHORTEST} characters");
            return Err(AdminError::Token { what, advice: "generate one with `openssl rand -hex 32`" });
        }
        self.0.push(Known { name: name.to_owned(), role, hash: digest(secret.expose_secret()) });
        Ok(())
    }

    /// Who shows `secret`. Every token is compared, so that the time tells nothing.
    pub(crate) fn find(&self, secret: &str) -> Option<Principal> {
        let shown = digest(secret);
        let found = self.0.iter().fold(None, |found, known| if same(&known.hash, &shown) { Some(known) } else { found });
        found.map(|known| Principal { name: known.name.clone(), role: known.role, by: Proof::Token })
    }
}

/// The local token: read, or made on the first start.
///
/// # Errors
/// [`AdminError::Token`] when the file cannot be read or written, or others may read it.
pub fn local_token(state_dir: &Path) -> Result<SecretString, AdminError> {
    let path = state_dir.join(LOCAL_TOKEN_FILE);
    let fails =
        |what: String| AdminError::Token { what: format!("{}: {what}", path.display()), advice: "make the state directory writable, or remove the file" };
    match std::fs::metadata(&path) {
        Ok(file) if file.permissions().mode() & 0o077 != 0 => Err(fails("others may read it".to_owned())),
        Ok(_) => std::fs::read_to_string(&path).map(|text| SecretString::from(text.trim())).map_err(|error| fails(error.to_string())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(state_dir).map_err(|error| fails(error.to_string()))?;
            let secret = IdGen::from_os().secret();
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(|error| fails(error.to_string()))?;
            file.write_all(secret.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| fails(error.to_string()))?;
            Ok(SecretString::from(secret))
        }
        Err(error) => Err(fails(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_local_token_is_made_once_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = local_token(folder.path()).expect("a token is made");
        let path = folder.path().join(LOCAL_TOKEN_FILE);
        assert_eq!(std::fs::metadata(&path).expect("the file").permissions().mode() & 0o777, 0o600);
        let read = local_token(folder.path()).expect("it is read");
        assert_eq!(made.expose_secret(), read.expose_secret());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("the mode changes");
        assert!(local_token(folder.path()).is_err(), "a token that others may read is no secret");
    }
}
