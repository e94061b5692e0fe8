//! Tokens: one for the owner of the folder and one for each person of the project, each in a file of its own.

use std::{fs, path::Path};

use towpath_core::{
    ids::{Digest, PrincipalName},
    project::Project,
};
use towpath_server::Access;

use super::files::{private_folder, random, write_private};
use crate::failure::{Exit, Failure};

/// As whom the owner's token acts, if nobody in the project is called so.
const OWNER: &str = "owner";

/// Returns who may ask, writing the tokens that are not there yet. Whoever is no longer in the project loses theirs.
pub(crate) fn access(data: &Path, project: &Project) -> Result<Access, Failure> {
    let owner = PrincipalName::new(OWNER).map_err(|error| Failure::of(Exit::Failed, "name", &error))?;
    let mut tokens = vec![(Digest::of(token(&data.join("token"))?.as_bytes()), owner)];
    let folder = data.join("tokens");
    private_folder(&folder)?;
    for name in project.people.keys() {
        tokens.push((Digest::of(token(&folder.join(name.as_str()))?.as_bytes()), name.clone()));
    }
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let known =
            entry.file_name().to_str().is_some_and(|name| project.people.keys().any(|known| known.as_str() == name));
        if !known {
            // What is left behind is of no use: its digest is not among those that are let in.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(Access { tokens })
}

/// Returns the token in a file, or a new one.
fn token(path: &Path) -> Result<String, Failure> {
    if let Some(token) =
        fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|token| token.len() >= 32)
    {
        return Ok(token);
    }
    let token = format!("tow_{}", hex::encode(random::<32>()?));
    write_private(path, format!("{token}\n").as_bytes())?;
    Ok(token)
}
