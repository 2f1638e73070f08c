//! Where Google's services are.

/// Where Google's services are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Gives access tokens.
    pub token: String,
    /// Gives codes to those who sign in from another device.
    pub device: String,
    /// Google Drive.
    pub drive: String,
    /// Google Drive for content.
    pub upload: String,
}

impl Default for Endpoints {
    /// Google's own.
    fn default() -> Self {
        Self {
            token: "https://oauth2.googleapis.com/token".to_owned(),
            device: "https://oauth2.googleapis.com/device/code".to_owned(),
            drive: "https://www.googleapis.com/drive/v3".to_owned(),
            upload: "https://www.googleapis.com/upload/drive/v3".to_owned(),
        }
    }
}

impl Endpoints {
    /// All of them below one address, where Google itself is not reached.
    #[must_use]
    pub fn at(address: &str) -> Self {
        let base = address.trim_end_matches('/');
        Self {
            token: format!("{base}/token"),
            device: format!("{base}/device/code"),
            drive: format!("{base}/drive/v3"),
            upload: format!("{base}/upload/drive/v3"),
        }
    }

    /// Each of them.
    #[cfg(feature = "google")]
    pub(super) fn all(&self) -> [&str; 4] {
        [&self.token, &self.device, &self.drive, &self.upload]
    }
}
