//! Google: signing in by OAuth 2.0, and requests on Google Drive (v3).
//!
//! Who we are to Google is plain data ([`App`], a refresh token); access tokens are asked for as they are needed and kept until shortly
//! before they expire ([`Account`]). A new account signs in by the flow for devices ([`device`]): a code is shown, and entered in any
//! browser. Only the scope [`SCOPE`] is asked for, which shows an application the files that it made itself and no others.
//!
//! Written from the documentation: <https://developers.google.com/identity/protocols/oauth2/limited-input-device>,
//! <https://developers.google.com/drive/api/reference/rest/v3>,
//! <https://developers.google.com/drive/api/guides/manage-uploads>.

#[cfg(feature = "google")]
mod account;
#[cfg(feature = "google")]
mod call;
#[cfg(feature = "google")]
pub mod device;
#[cfg(feature = "google")]
mod download;
#[cfg(feature = "google")]
pub mod drive;
mod endpoints;
#[cfg(feature = "google")]
mod files;
#[cfg(feature = "google")]
mod oauth;
#[cfg(feature = "google")]
pub mod refusal;
#[cfg(feature = "google")]
mod upload;

use std::sync::Arc;

use crate::Secret;

#[cfg(feature = "google")]
pub use account::Account;
#[cfg(feature = "google")]
pub use call::{Call, Strange};
pub use endpoints::Endpoints;
#[cfg(feature = "google")]
pub use files::{FOLDER, File, quoted};
#[cfg(feature = "google")]
pub use oauth::{OauthError, SignedOut};
#[cfg(feature = "google")]
pub use upload::{Sent, UNIT};

/// What is asked for: to see, make and change the files that the application made, and none besides.
pub const SCOPE: &str = "https://www.googleapis.com/auth/drive.file";

/// The application that Google knows: an OAuth client of its user's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct App {
    /// The client's id, as `1234-abcd.apps.googleusercontent.com`.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
}

/// Is told of a refresh token that takes the place of the one before. It is used once it is kept: where that fails, so does the call.
pub type OnRotation = Arc<dyn Fn(&Secret) -> std::io::Result<()> + Send + Sync>;

/// Who we are to Google Drive.
#[derive(Clone)]
pub struct Settings {
    /// The application.
    pub app: App,
    /// What its user has allowed it.
    pub refresh_token: Secret,
    /// Where Google is.
    pub endpoints: Endpoints,
    /// Is told of a refresh token that takes the place of this one.
    pub on_rotation: Option<OnRotation>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("app", &self.app)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}
