//! Items of folders as people see them: a page of them, in an order.

use std::cmp::Ordering;

use backstay_core::EntryKind;
use backstay_engine::format::Node;
use backstay_model::Time;
use backstay_model::command::{FolderItem, FolderPage, FolderSort, ItemKind};

/// An item of a snapshot.
pub(super) fn item(node: &Node) -> FolderItem {
    let kind = match node.meta.kind {
        EntryKind::Folder => ItemKind::Folder,
        EntryKind::File => ItemKind::File,
        EntryKind::Symlink => ItemKind::Link,
        _ => ItemKind::Other,
    };
    FolderItem {
        name: String::from_utf8_lossy(&node.name).into_owned(),
        kind,
        size: (kind == ItemKind::File).then_some(node.meta.size),
        modified: time(&node.meta.modified),
    }
}

pub(super) fn time(time: &backstay_core::Timestamp) -> Option<Time> {
    Time::new(time.seconds, i32::try_from(time.nanos).ok()?).ok()
}

/// The page that is asked for, and how many items it is a part of.
pub(super) fn page(items: &[FolderItem], page: &FolderPage) -> (Vec<FolderItem>, u64) {
    let name = page.name.as_ref().map(|name| name.to_lowercase()).unwrap_or_default();
    let is_asked_for = |item: &&FolderItem| name.is_empty() || item.name.to_lowercase().contains(&name);
    let mut items: Vec<&FolderItem> = items.iter().filter(is_asked_for).collect();
    items.sort_by(|one, other| order(one, other, page));
    let total = items.len() as u64;
    let skip = usize::try_from(page.skip).unwrap_or(usize::MAX);
    let limit = page.limit.min(FolderPage::MOST) as usize;
    (items.into_iter().skip(skip).take(limit).cloned().collect(), total)
}

fn order(one: &FolderItem, other: &FolderItem, page: &FolderPage) -> Ordering {
    let is_folder = |item: &FolderItem| item.kind == ItemKind::Folder;
    let by = match page.sort {
        FolderSort::Name => one.name.cmp(&other.name),
        FolderSort::Size => one.size.cmp(&other.size),
        FolderSort::Modified => one.modified.cmp(&other.modified),
    };
    let by = if page.descending { by.reverse() } else { by };
    is_folder(other).cmp(&is_folder(one)).then(by).then_with(|| one.name.cmp(&other.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> Vec<FolderItem> {
        let item = |name: &str, kind, size, second| FolderItem {
            name: name.to_owned(),
            kind,
            size,
            modified: Time::from_second(second).ok(),
        };
        vec![
            item("b.txt", ItemKind::File, Some(10), 3),
            item("Apple", ItemKind::File, Some(30), 1),
            item("z", ItemKind::Folder, None, 2),
            item("c.TXT", ItemKind::File, Some(10), 2),
        ]
    }

    fn names(asked: &FolderPage) -> (Vec<String>, u64) {
        let (items, total) = page(&items(), asked);
        (items.into_iter().map(|item| item.name).collect(), total)
    }

    #[test]
    fn folders_come_first_and_the_rest_in_the_order_asked_for() {
        let by = |sort, descending| names(&FolderPage { sort, descending, ..FolderPage::default() }).0;
        assert_eq!(by(FolderSort::Name, false), ["z", "Apple", "b.txt", "c.TXT"]);
        assert_eq!(by(FolderSort::Name, true), ["z", "c.TXT", "b.txt", "Apple"]);
        assert_eq!(by(FolderSort::Size, true), ["z", "Apple", "b.txt", "c.TXT"]);
        assert_eq!(by(FolderSort::Modified, false), ["z", "Apple", "c.TXT", "b.txt"]);
    }

    #[test]
    fn a_page_is_a_part_of_what_is_asked_for() {
        let part = FolderPage { skip: 1, limit: 2, ..FolderPage::default() };
        assert_eq!(names(&part), (vec!["Apple".to_owned(), "b.txt".to_owned()], 4));
        let named = FolderPage { name: Some(".TxT".to_owned()), limit: 1, ..FolderPage::default() };
        assert_eq!(names(&named), (vec!["b.txt".to_owned()], 2));
        assert_eq!(names(&FolderPage { skip: 99, ..FolderPage::default() }), (Vec::new(), 4));
    }
}
