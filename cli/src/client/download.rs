//! What the API sends that is no JSON and may be long: it goes to a file as it comes.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::Method;

use super::{Api, why};
use crate::error::{CliError, ProblemDetails};

/// However much it is.
const SENT_WITHIN: Duration = Duration::from_secs(60 * 60);

impl Api {
    /// Saves what is at a path. The file is there once all of it is; one of that name is replaced.
    ///
    /// # Errors
    /// Any [`CliError`] of the API's; [`CliError::Usage`] where the file cannot be written.
    pub async fn save(&self, path: &[&str], query: &[(&str, &str)], to: &Path) -> Result<(), CliError> {
        let address = self.address.to_string();
        let unreachable = |error: reqwest::Error| CliError::Unreachable(address.clone(), why(&error));
        let request = self.request(Method::GET, path, query).timeout(SENT_WITHIN);
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        if !status.is_success() {
            let body = response.text().await.map_err(unreachable)?;
            return Err(match ProblemDetails::read(status.as_u16(), None, &body) {
                Some(refusal) => CliError::Refused(refusal),
                None => CliError::Strange(address, format!("it answers {status}")),
            });
        }
        let unwritable = |error: std::io::Error| CliError::Usage(format!("{}: {error}", to.display()));
        let mut part = to.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut file = File::create(&part).map_err(unwritable)?;
        while let Some(bytes) = response.chunk().await.map_err(unreachable)? {
            file.write_all(&bytes).map_err(unwritable)?;
        }
        file.sync_all().map_err(unwritable)?;
        fs::rename(&part, to).map_err(unwritable)
    }
}
