//! What is taken of a server.

/// Which databases and collections are taken. Names are `database` or `database.collection`; a database has no dot in its name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Only these; all but the system's own when empty.
    pub include: Vec<String>,
    /// And not these.
    pub exclude: Vec<String>,
}

/// Databases of the server itself.
const SYSTEM: [&str; 3] = ["admin", "config", "local"];

impl Selection {
    /// Everything but the system's databases.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Whether it takes the server as a whole, users and roles with it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.include.is_empty()
    }

    /// Whether anything of a database can be in it.
    #[must_use]
    pub fn touches(&self, database: &str) -> bool {
        let is_included = if self.include.is_empty() {
            !SYSTEM.contains(&database)
        } else {
            self.include.iter().any(|name| name.split('.').next() == Some(database))
        };
        is_included && !self.exclude.iter().any(|name| name == database)
    }

    /// Whether a collection is in it. Those of the server's own making are left out unless they are named.
    #[must_use]
    pub fn takes(&self, database: &str, collection: &str) -> bool {
        let full = format!("{database}.{collection}");
        if !self.touches(database) || self.exclude.contains(&full) {
            return false;
        }
        if self.include.contains(&full) {
            return true;
        }
        let is_systems = collection.starts_with("system.") && collection != "system.js";
        let is_ours = crate::mongodb::names::is_temporary(collection);
        let is_included = self.include.is_empty() || self.include.iter().any(|name| name == database);
        is_included && !is_systems && !is_ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_and_collections_are_selected_by_name() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let all = Selection { exclude: names(&["logs", "shop.carts"]), ..Selection::all() };
        assert!(all.takes("shop", "orders") && all.takes("shop", "a.b") && all.takes("shop", "system.js"));
        for (database, collection) in [
            ("logs", "x"),
            ("shop", "carts"),
            ("local", "oplog.rs"),
            ("admin", "x"),
            ("shop", "system.views"),
        ] {
            assert!(!all.takes(database, collection), "{database}.{collection}");
        }
        let some = Selection {
            include: names(&["shop.orders", "local.startup_log", "blog"]),
            exclude: names(&["blog.x"]),
        };
        assert!(
            some.takes("shop", "orders") && some.takes("blog", "y") && some.takes("local", "startup_log")
        );
        assert!(!some.takes("shop", "other") && !some.takes("blog", "x") && !some.takes("local", "oplog.rs"));
        assert!(!some.is_whole() && all.is_whole() && !some.touches("other"));
    }
}
