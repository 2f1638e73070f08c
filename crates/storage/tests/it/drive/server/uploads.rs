//! Content on its way here: along with its name, in place of other content, and by sessions.

use serde_json::Value;

use super::{Answer, Asked, State};

/// A resumable upload.
pub(super) struct Session {
    metadata: Value,
    total: usize,
    content: Vec<u8>,
    /// The answer of one that is over is given again.
    done: Option<String>,
}

impl State {
    pub(super) fn upload(&mut self, asked: &Asked, id: &str) -> Answer {
        let way = asked.query.get("uploadType").map(String::as_str).unwrap_or_default();
        match (asked.method.as_str(), way) {
            ("POST", "multipart") => self.multipart(asked),
            ("POST", "resumable") => self.begin(asked),
            ("PATCH", "media") => {
                let (now, content) = (self.now(), asked.body.to_vec());
                let Some(item) = self.items.get_mut(id) else { return Answer::refused(404, "notFound") };
                (item.content, item.modified) = (content, now);
                let item = item.clone();
                Answer::json(200, &self.told(&item))
            }
            _ => Answer::refused(400, "badRequest"),
        }
    }

    /// A refusal, if so many bytes more do not fit.
    fn no_room(&self, bytes: usize) -> Option<Answer> {
        let is_full = self.quota.is_some_and(|quota| self.used() + bytes as u64 > quota);
        is_full.then(|| Answer::refused(403, "storageQuotaExceeded"))
    }

    fn multipart(&mut self, asked: &Asked) -> Answer {
        let Some((metadata, content)) = parts(asked) else { return Answer::refused(400, "badContent") };
        if let Some(refusal) = self.missing_parent(&metadata).or_else(|| self.no_room(content.len())) {
            return refusal;
        }
        let item = self.add(&metadata, content);
        Answer::json(200, &self.told(&item))
    }

    fn begin(&mut self, asked: &Asked) -> Answer {
        let length = asked.headers.get("x-upload-content-length").and_then(|length| length.to_str().ok());
        let (Ok(metadata), Some(total)) =
            (serde_json::from_slice::<Value>(&asked.body), length.and_then(|length| length.parse().ok()))
        else {
            return Answer::refused(400, "badRequest");
        };
        if let Some(refusal) = self.missing_parent(&metadata).or_else(|| self.no_room(total)) {
            return refusal;
        }
        let id = format!("ADPycd{:08}", self.number());
        let session = Session { metadata, total, content: Vec::new(), done: None };
        self.sessions.insert(id.clone(), session);
        // Who comes by another way stays on it.
        let host = asked.headers.get("host").and_then(|host| host.to_str().ok());
        let url = host.map_or_else(|| self.url.clone(), |host| format!("http://{host}"));
        let address = format!("{url}/upload/drive/v3/files?uploadType=resumable&upload_id={id}");
        Answer::bare(200).header("location", address)
    }

    /// Keeps what came of content for a session before the connection was cut.
    pub(super) fn keep_part(&mut self, asked: &Asked) {
        let unit = self.unit as usize;
        let session = asked.query.get("upload_id").and_then(|id| self.sessions.get_mut(id));
        let range = asked.headers.get("content-range").and_then(|range| range.to_str().ok());
        let from = range.and_then(|range| range.strip_prefix("bytes ")?.split_once('-')?.0.parse().ok());
        if let Some(session) = session.filter(|session| from == Some(session.content.len())) {
            session.content.extend_from_slice(&asked.body[..asked.body.len() / unit * unit]);
        }
    }

    /// A request to a session, of whose content only the first `keep` bytes get through.
    pub(super) fn session(&mut self, asked: &Asked, keep: usize) -> Answer {
        let id = asked.query.get("upload_id").cloned().unwrap_or_default();
        let gone = self.gone;
        if asked.method == "DELETE" {
            let known = self.sessions.remove(&id).is_some();
            return Answer::bare(if known { 499 } else { gone });
        }
        let (unit, quota, used) = (self.unit as usize, self.quota, self.used());
        if self.swings {
            let there = unit * (1 + self.asked.len() % 2);
            return Answer::bare(308).header("range", format!("bytes=0-{}", there - 1));
        }
        let Some(session) = self.sessions.get_mut(&id) else { return Answer::bare(gone) };
        if let Some(done) = &session.done {
            let item = self.items.get(done).cloned();
            return item.map_or_else(|| Answer::bare(gone), |item| Answer::json(200, &self.told(&item)));
        }
        let range =
            asked.headers.get("content-range").and_then(|range| range.to_str().ok()).unwrap_or_default();
        let Some((range, total)) = range.strip_prefix("bytes ").and_then(|range| range.split_once('/'))
        else {
            return Answer::refused(400, "badRequest");
        };
        if total != session.total.to_string() {
            return Answer::refused(400, "badRequest");
        }
        if range != "*" {
            let (from, last) = range.split_once('-').unwrap();
            let (from, end) = (from.parse::<usize>().unwrap(), last.parse::<usize>().unwrap() + 1);
            if end - from != asked.body.len() || end > session.total {
                return Answer::refused(400, "badRequest");
            }
            if end < session.total && !asked.body.len().is_multiple_of(unit) {
                return Answer::refused(400, "badRequest");
            }
            if quota.is_some_and(|quota| used + end as u64 > quota) {
                return Answer::refused(403, "storageQuotaExceeded");
            }
            if from == session.content.len() {
                session.content.extend_from_slice(&asked.body[..asked.body.len().min(keep)]);
            }
        }
        if session.content.len() < session.total {
            let answer = Answer::bare(308);
            return match session.content.len() {
                0 => answer,
                there => answer.header("range", format!("bytes=0-{}", there - 1)),
            };
        }
        let (metadata, content) = (session.metadata.clone(), std::mem::take(&mut session.content));
        let item = self.add(&metadata, content);
        self.sessions.get_mut(&id).unwrap().done = Some(item.id.clone());
        Answer::json(200, &self.told(&item))
    }
}

/// The two parts of a body: what is known of the file, and its content.
fn parts(asked: &Asked) -> Option<(Value, Vec<u8>)> {
    let kind = asked.headers.get("content-type")?.to_str().ok()?;
    let boundary = kind.strip_prefix("multipart/related; boundary=")?;
    let find = |needle: &[u8], from: usize| {
        let place = asked.body[from..].windows(needle.len()).position(|window| window == needle)?;
        Some((from + place, from + place + needle.len()))
    };
    let (_, first) = find(format!("--{boundary}\r\n").as_bytes(), 0)?;
    let (_, first) = find(b"\r\n\r\n", first)?;
    let (end, second) = find(format!("\r\n--{boundary}\r\n").as_bytes(), first)?;
    let (_, second) = find(b"\r\n\r\n", second)?;
    let (last, _) = find(format!("\r\n--{boundary}--").as_bytes(), second)?;
    Some((serde_json::from_slice(&asked.body[first..end]).ok()?, asked.body[second..last].to_vec()))
}
