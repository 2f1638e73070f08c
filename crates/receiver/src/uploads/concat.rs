//! Putting a file together from parts that were uploaded side by side.

use std::io::{self, Seek, SeekFrom};
use std::sync::Arc;

use super::store::DATA;
use super::{NewUpload, Upload};
use crate::clients::Client;
use crate::problem::Problem;
use crate::receiver::Inner;

impl Inner {
    /// The finished upload that was put together from these parts, if a client asks again because it did not hear the answer.
    pub(crate) fn finished_from(&self, client: &Client, name: &str, parts: &[String]) -> Option<Arc<Upload>> {
        let is_it = |upload: &Arc<Upload>| {
            let record = &upload.record;
            record.client == client.name
                && record.name.as_deref() == Some(name)
                && record.parts == parts
                && upload.state.lock().finished.is_some()
        };
        self.uploads.all().into_iter().find(is_it)
    }

    /// Makes a file of these parts, in this order, and removes them once it has its name. The parts' turns are the caller's.
    pub(crate) fn concatenate(
        &self,
        client: &Client,
        new: NewUpload,
        parts: &[Arc<Upload>],
    ) -> Result<Arc<Upload>, Problem> {
        let whole = self.create_upload(client, new)?;
        let made = self.join(&whole, parts).and_then(|()| self.finish_upload(&whole));
        if let Err(problem) = made {
            // The parts are still there: it can be asked for again.
            if let Err(error) = self.remove_upload(&whole) {
                tracing::warn!(upload = whole.id, cause = %error, "what was put together in vain cannot be removed yet");
            }
            return Err(problem);
        }
        for part in parts {
            if let Err(error) = self.remove_upload(part) {
                tracing::warn!(upload = part.id, cause = %error, "a part cannot be removed yet");
            }
        }
        Ok(whole)
    }

    fn join(&self, whole: &Upload, parts: &[Arc<Upload>]) -> Result<(), Problem> {
        let failed = |error: io::Error| Problem::io("put the parts together", &error);
        let mut target = self.upload_folder(whole).and_then(|folder| folder.update(DATA)).map_err(failed)?;
        let mut offset = 0;
        for part in parts {
            let mut source = self.upload_folder(part).and_then(|folder| folder.read(DATA)).map_err(failed)?;
            target.seek(SeekFrom::Start(offset)).map_err(failed)?;
            // In the kernel, where file systems share blocks without a copy.
            let copied = io::copy(&mut source, &mut target).map_err(failed)?;
            if copied != part.record.length {
                return Err(failed(io::ErrorKind::UnexpectedEof.into()));
            }
            offset += copied;
        }
        target.sync_data().map_err(failed)?;
        let mut state = whole.state();
        state.offset = offset;
        self.put_state(whole, state).map_err(failed)
    }
}
