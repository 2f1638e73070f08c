//! `about`, and `files` but for their content on its way here.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::query::Question;
use super::{Answer, Asked, Item, ROOT, State};

pub(super) const FOLDER: &str = "application/vnd.google-apps.folder";

impl State {
    pub(super) fn drive(&mut self, asked: &Asked) -> Answer {
        let Some(path) = asked.path.strip_prefix("/drive/v3/") else {
            return Answer::refused(404, "notFound");
        };
        match (asked.method.as_str(), path.split_once('/').unwrap_or((path, ""))) {
            ("GET", ("about", "")) => self.about(asked),
            ("GET", ("files", "")) => self.list(asked),
            ("POST", ("files", "")) => self.create(asked),
            ("GET", ("files", id)) => self.get(asked, id),
            ("PATCH", ("files", id)) => self.update(asked, id),
            ("DELETE", ("files", id)) => self.delete(id),
            _ => Answer::refused(404, "notFound"),
        }
    }

    fn about(&self, asked: &Asked) -> Answer {
        // Unlike others, this one has no fields of its own accord.
        if !asked.query.contains_key("fields") {
            return Answer::refused(400, "required");
        }
        let mut quota = json!({"usage": self.used().to_string(), "usageInDrive": self.used().to_string()});
        if let Some(limit) = self.quota {
            quota["limit"] = limit.to_string().into();
        }
        Answer::json(200, &json!({"user": {"emailAddress": "user@example.org"}, "storageQuota": quota}))
    }

    fn list(&self, asked: &Asked) -> Answer {
        let question = Question::parse(asked.query.get("q").map(String::as_str).unwrap_or_default());
        let Some(question) = question else { return Answer::refused(400, "invalid") };
        let mut found: Vec<&Item> = self.items.values().filter(|item| question.fits(item)).collect();
        if asked.query.get("orderBy").is_some_and(|by| by == "createdTime") {
            found.sort_by_key(|item| &item.created);
        }
        let size = asked.query.get("pageSize").map_or(100, |size| size.parse().unwrap()).min(self.page);
        let from = match asked.query.get("pageToken") {
            Some(token) => match token.strip_prefix("~!page-").and_then(|number| number.parse().ok()) {
                Some(from) => from,
                None => return Answer::refused(400, "invalid"),
            },
            None => 0,
        };
        let page: Vec<Value> = found.iter().skip(from).take(size).map(|item| self.told(item)).collect();
        let mut answer = json!({"files": page, "incompleteSearch": false});
        if found.len() > from + size {
            answer["nextPageToken"] = format!("~!page-{}", from + size).into();
        }
        Answer::json(200, &answer)
    }

    fn create(&mut self, asked: &Asked) -> Answer {
        let Ok(metadata) = serde_json::from_slice::<Value>(&asked.body) else {
            return Answer::refused(400, "parseError");
        };
        if let Some(missing) = self.missing_parent(&metadata) {
            return missing;
        }
        let item = self.add(&metadata, Vec::new());
        Answer::json(200, &self.told(&item))
    }

    /// A refusal, if a file were to lie in a folder that is not there.
    pub(super) fn missing_parent(&self, metadata: &Value) -> Option<Answer> {
        let parent = metadata["parents"][0].as_str().unwrap_or("root");
        let is_there = ["root", ROOT].contains(&parent) || self.items.contains_key(parent);
        (!is_there).then(|| Answer::refused(404, "notFound"))
    }

    fn get(&mut self, asked: &Asked, id: &str) -> Answer {
        let Some(item) = self.items.get(id) else { return Answer::refused(404, "notFound") };
        if asked.query.get("alt").is_none_or(|alt| alt != "media") {
            return Answer::json(200, &self.told(item));
        }
        if item.kind == FOLDER {
            return Answer::refused(403, "fileNotDownloadable");
        }
        let range = asked.headers.get("range").and_then(|range| range.to_str().ok());
        self.ranges.push(range.unwrap_or_default().to_owned());
        let Some((from, to)) = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) else {
            return Answer { body: item.content.clone(), ..Answer::bare(200) };
        };
        let from: usize = from.parse().unwrap();
        if from >= item.content.len() {
            return Answer::refused(416, "requestedRangeNotSatisfiable");
        }
        let end = to.parse().map_or(usize::MAX, |to: usize| to.saturating_add(1)).min(item.content.len());
        let told = format!("bytes {from}-{}/{}", end - 1, item.content.len());
        Answer { body: item.content[from..end].to_vec(), ..Answer::bare(206).header("content-range", told) }
    }

    fn update(&mut self, asked: &Asked, id: &str) -> Answer {
        let Ok(metadata) = serde_json::from_slice::<Value>(&asked.body) else {
            return Answer::refused(400, "parseError");
        };
        let now = self.now();
        let Some(item) = self.items.get_mut(id) else { return Answer::refused(404, "notFound") };
        if let (Some(to), Some(from)) = (asked.query.get("addParents"), asked.query.get("removeParents")) {
            if item.parent != *from {
                return Answer::refused(400, "invalid");
            }
            item.parent.clone_from(to);
        }
        if let Some(name) = metadata["name"].as_str() {
            item.name = name.to_owned();
        }
        if let Some(notes) = metadata["appProperties"].as_object() {
            for (key, value) in notes {
                match value.as_str() {
                    Some(value) => item.notes.insert(key.clone(), value.to_owned()),
                    None => item.notes.remove(key),
                };
            }
        }
        item.modified = now;
        let item = item.clone();
        Answer::json(200, &self.told(&item))
    }

    fn delete(&mut self, id: &str) -> Answer {
        if self.items.remove(id).is_none() {
            return Answer::refused(404, "notFound");
        }
        // What is in a folder goes with it.
        let inside: Vec<String> =
            self.items.values().filter(|item| item.parent == id).map(|item| item.id.clone()).collect();
        for id in inside {
            self.delete(&id);
        }
        Answer::bare(204)
    }

    /// A file as it is told of.
    pub(super) fn told(&self, item: &Item) -> Value {
        let mut told = json!({
            "id": item.id, "name": item.name, "mimeType": item.kind, "parents": [item.parent],
            "createdTime": item.created, "modifiedTime": item.modified,
        });
        if !item.notes.is_empty() {
            told["appProperties"] = json!(item.notes);
        }
        if item.kind != FOLDER {
            told["size"] = item.content.len().to_string().into();
            if self.tells_sha256 {
                let sum = Sha256::digest(&item.content);
                let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
                told["sha256Checksum"] = sum.into();
            }
        }
        told
    }
}
