//! Names of users and groups by number and the other way round, asked of the system once each.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::RwLock;

/// A cache of the system's user and group database.
#[derive(Debug, Default)]
pub(super) struct Owners {
    users: Cache<u32, Arc<str>>,
    groups: Cache<u32, Arc<str>>,
    uids: Cache<Arc<str>, Option<u32>>,
    gids: Cache<Arc<str>, Option<u32>>,
}

impl Owners {
    /// The user's name; empty when there is none.
    pub(super) fn user(&self, uid: u32) -> Arc<str> {
        self.users.get(&uid, || text(uzers::get_user_by_uid(uid).map(|user| user.name().to_owned())))
    }

    /// The group's name; empty when there is none.
    pub(super) fn group(&self, gid: u32) -> Arc<str> {
        self.groups.get(&gid, || text(uzers::get_group_by_gid(gid).map(|group| group.name().to_owned())))
    }

    /// The user's number, if there is such a user.
    pub(super) fn uid(&self, name: &Arc<str>) -> Option<u32> {
        self.uids.get(name, || uzers::get_user_by_name(&**name).map(|user| user.uid()))
    }

    /// The group's number, if there is such a group.
    pub(super) fn gid(&self, name: &Arc<str>) -> Option<u32> {
        self.gids.get(name, || uzers::get_group_by_name(&**name).map(|group| group.gid()))
    }
}

fn text(name: Option<std::ffi::OsString>) -> Arc<str> {
    name.map_or_else(|| Arc::from(""), |name| Arc::from(name.to_string_lossy()))
}

#[derive(Debug)]
struct Cache<K, V>(RwLock<HashMap<K, V>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Eq + Hash + Clone, V: Clone> Cache<K, V> {
    fn get(&self, key: &K, look_up: impl FnOnce() -> V) -> V {
        if let Some(known) = self.0.read().get(key) {
            return known.clone();
        }
        let value = look_up();
        self.0.write().entry(key.clone()).or_insert(value).clone()
    }
}
