//! Looking through snapshots: folders by the page, names over all snapshots, versions, differences; tags and removal by hand.

use backstay_core::Random;
use backstay_model::command::{
    Answer, Ask, ChangeKind, Comparison, ContentForm, FolderPage, FolderSort, Hit, ItemKind, Refusal,
    SnapshotInfo, Version,
};
use backstay_model::link::SealedRepository;
use backstay_model::{RunKind, RunState, TransferId};
use backstay_policy::Schedule;

use crate::world::{SystemClock, SystemRandom, World};

/// A world with three snapshots, in which files came, grew and went.
async fn world() -> World {
    let world = World::new(Schedule::default()).await;
    let write = |name: &str, text: &str| {
        let path = world.path("source").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write("same/Invoice.txt", "the same in all");
    write("letters/one", "dear");
    write("letters/two", "dear all");
    back_up(&world).await;
    write("letters/one", "dear everybody");
    write("pictures/new/ship invoice.png", "not really a picture");
    back_up(&world).await;
    std::fs::remove_file(world.path("source/letters/two")).unwrap();
    back_up(&world).await;
    world
}

async fn back_up(world: &World) {
    world.until_state(world.run_plan(RunKind::Backup), RunState::Completed).await;
}

fn repository(world: &World) -> SealedRepository {
    world.hub.configuration.lock().repositories[0].clone()
}

async fn snapshots(world: &World) -> Vec<SnapshotInfo> {
    match world.answer(Ask::Snapshots { repository: repository(world) }).await.unwrap() {
        Answer::Snapshots { snapshots } => snapshots,
        other => panic!("{other:?}"),
    }
}

/// A path of the source as snapshots have it.
fn at(world: &World, below: &str) -> String {
    world.path("source").join(below).display().to_string().trim_end_matches('/').to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_told_by_the_page_in_the_order_asked_for() {
    let mut world = world().await;
    let browse = async |page: FolderPage| {
        let (repository, path) = (repository(&world), at(&world, "letters"));
        let ask = Ask::Browse { repository, snapshot: snapshots(&world).await[1].id.clone(), path, page };
        match world.answer(ask).await.unwrap() {
            Answer::Folder { items, total } => {
                (items.into_iter().map(|item| item.name).collect::<Vec<_>>(), total)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(browse(FolderPage::default()).await, (vec!["one".to_owned(), "two".to_owned()], 2));
    let largest = FolderPage { sort: FolderSort::Size, descending: true, limit: 1, ..FolderPage::default() };
    assert_eq!(browse(largest).await, (vec!["one".to_owned()], 2));
    let named = FolderPage { name: Some("W".to_owned()), ..FolderPage::default() };
    assert_eq!(browse(named).await, (vec!["two".to_owned()], 1));
    let of_host =
        Ask::BrowseHost { path: at(&world, ""), page: FolderPage { skip: 1, ..FolderPage::default() } };
    let Answer::Folder { items, total } = world.answer(of_host).await.unwrap() else { panic!() };
    assert_eq!((items[0].name.as_str(), items.len(), total), ("pictures", 2, 3));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_of_a_folder_are_parts_of_one_list() {
    let mut world = world().await;
    let names = async |skip: u64| {
        let page = FolderPage { skip, ..FolderPage::default() };
        match world.answer(Ask::BrowseHost { path: at(&world, ""), page }).await.unwrap() {
            Answer::Folder { items, total } => {
                (items.into_iter().map(|item| item.name).collect::<Vec<_>>(), total)
            }
            other => panic!("{other:?}"),
        }
    };
    let (first, total) = names(0).await;
    std::fs::create_dir(world.path("source/a new one")).unwrap();
    assert_eq!(names(1).await, (first[1..].to_vec(), total), "the list as the first page has it");
    let (anew, total_anew) = names(0).await;
    assert_eq!(
        (anew[0].as_str(), total_anew),
        ("a new one", total + 1),
        "the first page is always read anew"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_is_read_once_until_there_is_another_one() {
    let mut world = world().await;
    let names = async || {
        let (repository, path) = (repository(&world), at(&world, "letters"));
        let (snapshot, page) = ("latest".to_owned(), FolderPage::default());
        match world.answer(Ask::Browse { repository, snapshot, path, page }).await? {
            Answer::Folder { items, .. } => Ok(items.into_iter().map(|item| item.name).collect::<Vec<_>>()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(names().await.unwrap(), ["one"]);
    let index = world.path("repository/index");
    let kept = walk(&index).into_iter().map(|file| (std::fs::read(&file).unwrap(), file)).collect::<Vec<_>>();
    kept.iter().for_each(|(_, file)| std::fs::write(file, "garbled").unwrap());
    assert_eq!(names().await.unwrap(), ["one"]);
    kept.iter().for_each(|(bytes, file)| std::fs::write(file, bytes).unwrap());
    std::fs::write(world.path("source/letters/three"), "dear you").unwrap();
    back_up(&world).await;
    assert_eq!(names().await.unwrap(), ["one", "three"]);
    std::fs::remove_dir_all(&index).unwrap();
    std::fs::create_dir(&index).unwrap();
    let lost: Result<_, backstay_model::command::CommandError> = names().await;
    assert!(lost.unwrap_err().message.contains("not in the index"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_found_in_all_snapshots() {
    let mut world = world().await;
    let ids: Vec<String> = snapshots(&world).await.into_iter().map(|snapshot| snapshot.id).collect();
    let find = async |name: &str, limit| {
        let ask = Ask::Find { repository: repository(&world), name: name.to_owned(), limit };
        match world.answer(ask).await.unwrap() {
            Answer::Found { hits, truncated } => (hits, truncated),
            other => panic!("{other:?}"),
        }
    };
    let place = |hit: &Hit| (hit.snapshot.clone(), format!("{}/{}", hit.folder, hit.item.name));
    let (hits, truncated) = find("invoice", 100).await;
    let same = at(&world, "same/Invoice.txt");
    let new = at(&world, "pictures/new/ship invoice.png");
    let mut expected = Vec::new();
    for (id, files) in [(&ids[0], vec![&new, &same]), (&ids[1], vec![&new, &same]), (&ids[2], vec![&same])] {
        expected.extend(files.into_iter().map(|file| (id.clone(), file.clone())));
    }
    assert_eq!(hits.iter().map(place).collect::<Vec<_>>(), expected);
    assert!(!truncated);
    let (hits, truncated) = find("invoice", 2).await;
    assert_eq!((hits.len(), truncated), (2, true));
    assert_eq!(find("i*.TXT", 100).await.0.len(), 3);
    assert_eq!(find("tw?", 100).await.0.len(), 2);
    // A folder is found too, and what is not there is not.
    assert_eq!(find("pictures", 100).await.0[0].item.kind, ItemKind::Folder);
    assert_eq!(find("\\", 100).await.0, []);
    let bad = Ask::Find { repository: repository(&world), name: "[".to_owned(), limit: 1 };
    assert!(world.answer(bad).await.unwrap_err().message.contains("no pattern"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_a_file_share_what_did_not_change() {
    let mut world = world().await;
    let ids: Vec<String> = snapshots(&world).await.into_iter().map(|snapshot| snapshot.id).collect();
    let versions = async |path: String| {
        let ask = Ask::Versions { repository: repository(&world), path };
        world.answer(ask).await.map(|answer| match answer {
            Answer::Versions { versions } => versions,
            other => panic!("{other:?}"),
        })
    };
    let of = |version: &Version| {
        let ids: Vec<String> = version.snapshots.iter().map(|snapshot| snapshot.id.clone()).collect();
        (ids, version.item.size)
    };
    let one = versions(at(&world, "letters/one")).await.unwrap();
    let expected = [(vec![ids[0].clone(), ids[1].clone()], Some(14)), (vec![ids[2].clone()], Some(4))];
    assert_eq!(one.iter().map(of).collect::<Vec<_>>(), expected);
    let two = versions(at(&world, "letters/two")).await.unwrap();
    assert_eq!(two.iter().map(of).collect::<Vec<_>>(), [(vec![ids[1].clone(), ids[2].clone()], Some(8))]);
    let none = versions(at(&world, "letters/three")).await.unwrap_err();
    assert!(none.message.contains("in no snapshot") && none.hint.is_some(), "{none:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_differs_is_told_and_which_folder_grew() {
    let mut world = world().await;
    let ids: Vec<String> = snapshots(&world).await.into_iter().map(|snapshot| snapshot.id).collect();
    let compare = async |from: &str, to: &str, limit| -> Comparison {
        let (from, to) = (from.to_owned(), to.to_owned());
        match world.answer(Ask::Compare { repository: repository(&world), from, to, limit }).await.unwrap() {
            Answer::Compared { comparison } => comparison,
            other => panic!("{other:?}"),
        }
    };
    let found = compare(&ids[2], "latest", 100).await;
    let changes: Vec<_> = found
        .changes
        .iter()
        .map(|change| (change.path.clone(), change.change, change.before, change.after))
        .collect();
    let expected = [
        (at(&world, "letters/one"), ChangeKind::Content, Some(4), Some(14)),
        (at(&world, "letters/two"), ChangeKind::Removed, Some(8), None),
        (at(&world, "pictures"), ChangeKind::Added, None, None),
        (at(&world, "pictures/new"), ChangeKind::Added, None, None),
        (at(&world, "pictures/new/ship invoice.png"), ChangeKind::Added, None, Some(20)),
    ];
    assert_eq!(changes, expected);
    let sums = [found.added, found.removed, found.grown, found.shrunk].map(|sum| (sum.items, sum.bytes));
    assert_eq!(sums, [(3, 20), (1, 8), (1, 10), (0, 0)]);
    let growth =
        |below: &str| found.folders.iter().find(|folder| folder.path == at(&world, below)).unwrap().bytes;
    assert_eq!([growth(""), growth("letters"), growth("pictures"), growth("pictures/new")], [22, 2, 20, 20]);
    assert_eq!(found.folders[0].bytes, 22);
    // Backwards, and with fewer told.
    let back = compare(&ids[0], &ids[2], 1).await;
    assert_eq!((back.changes.len(), back.truncated, back.removed.items, back.added.items), (1, true, 3, 1));
    assert!(back.folders.iter().all(|folder| folder.bytes < 0));
    assert_eq!(compare(&ids[0], &ids[0], 1).await, Comparison::default());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_come_and_go_and_a_held_snapshot_is_not_removed() {
    let mut world = world().await;
    let repository = repository(&world);
    let tag = async |snapshot: &str, add: &[&str], remove: &[&str]| {
        let list = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
        let (repository, snapshot) = (repository.clone(), snapshot.to_owned());
        let ask = Ask::Tag { repository, snapshot, add: list(add), remove: list(remove) };
        match world.answer(ask).await.unwrap() {
            Answer::Tagged { snapshot } => snapshot,
            other => panic!("{other:?}"),
        }
    };
    let forget = async |snapshot: &str| {
        world.answer(Ask::Forget { repository: repository.clone(), snapshot: snapshot.to_owned() }).await
    };
    let before = snapshots(&world).await;
    let held = tag(&before[2].id, &["hold", "before the move"], &[]).await;
    assert_ne!(held, before[2].id);
    assert_eq!(tag(&held, &["hold"], &["never there"]).await, held, "nothing changed");
    let refused = forget(&held).await.unwrap_err();
    assert!(refused.message.contains("is held") && refused.kind == Refusal::Conflict, "{refused:?}");

    let free = tag(&held, &[], &["hold"]).await;
    let tags =
        async |id: &str| snapshots(&world).await.into_iter().find(|snapshot| snapshot.id == id).unwrap().tags;
    let left = tags(&free).await;
    assert!(left.contains(&"before the move".to_owned()) && left.contains(&world.plan.tag()), "{left:?}");
    forget(&free).await.unwrap();
    assert_eq!(snapshots(&world).await.len(), 2);
    assert!(forget(&free).await.unwrap_err().hint.is_some());
    // What is left is whole.
    world.hub.change(|plan| plan.verification.read_percent = 100.0);
    world.until_state(world.run_plan(RunKind::Verify), RunState::Completed).await;
    world.stop().await;
    assert_eq!(world.count("repository/locks"), 0);
}

type Handed = Result<(String, Option<u64>, Vec<u8>), String>;

/// Has an item of the latest snapshot handed over.
async fn fetch(world: &World, path: String, form: ContentForm) -> Handed {
    fetch_all(world, vec![path], form).await
}

/// Has items of the latest snapshot handed over.
async fn fetch_all(world: &World, paths: Vec<String>, form: ContentForm) -> Handed {
    let transfer = TransferId::new(&SystemClock, &SystemRandom);
    let snapshot = "latest".to_owned();
    let ask = Ask::Send { repository: repository(world), snapshot, paths, form, transfer };
    let (name, length) = match world.answer(ask).await.map_err(|error| error.message)? {
        Answer::Sending { name, length } => (name, length),
        other => panic!("{other:?}"),
    };
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        if let Some(brought) = world.hub.brought.lock().remove(&transfer) {
            return brought.map(|content| (name, length, content));
        }
        assert!(std::time::Instant::now() < end, "nothing comes");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// What another program finds in a zip archive.
fn listed(world: &World, content: &[u8]) -> String {
    std::fs::write(world.path("some.zip"), content).unwrap();
    let told = std::process::Command::new("python3")
        .args(["-m", "zipfile", "-l"])
        .arg(world.path("some.zip"))
        .output()
        .unwrap();
    String::from_utf8(told.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn content_is_handed_over_whole_or_as_torn() {
    let mut world = world().await;
    let mut large = vec![0; 3_000_000];
    SystemRandom.fill(&mut large);
    std::fs::write(world.path("source/large"), &large).unwrap();
    std::os::unix::fs::symlink("one", world.path("source/letters/link")).unwrap();
    back_up(&world).await;
    let file = at(&world, "large");
    let (name, length, content) = fetch(&world, file.clone(), ContentForm::File).await.unwrap();
    assert_eq!((name.as_str(), length), ("large", Some(3_000_000)));
    assert!(content == large);
    let (_, length, content) = fetch(&world, file.clone(), ContentForm::Beginning(1000)).await.unwrap();
    assert!(length == Some(1000) && content == large[..1000]);

    let (name, length, content) = fetch(&world, at(&world, "letters"), ContentForm::Zip).await.unwrap();
    assert_eq!((name.as_str(), length), ("letters.zip", None));
    let listed = listed(&world, &content);
    assert!(
        ["letters/ ", "letters/one ", "letters/link "].iter().all(|name| listed.contains(name)),
        "{listed}"
    );
    let some = vec![at(&world, "letters/one"), file.clone(), at(&world, "letters/one")];
    let (name, _, content) = fetch_all(&world, some.clone(), ContentForm::Zip).await.unwrap();
    assert!(name.starts_with("snapshot ") && name.ends_with(".zip"), "{name}");
    let lines = self::listed(&world, &content);
    assert_eq!(
        lines.lines().filter(|line| line.contains("large ") || line.contains("letters/one ")).count(),
        2,
        "{lines}"
    );
    let refused = fetch_all(&world, some, ContentForm::File).await.unwrap_err();
    assert!(refused.contains("one file"), "{refused}");
    let (name, _, content) = fetch(&world, "/".to_owned(), ContentForm::Zip).await.unwrap();
    assert!(name.starts_with("snapshot ") && content.len() > 1_000_000, "{name}");

    let refused = fetch(&world, at(&world, "letters"), ContentForm::File).await.unwrap_err();
    assert!(refused.contains("is no file"), "{refused}");
    assert!(
        fetch(&world, at(&world, "nowhere"), ContentForm::Zip)
            .await
            .unwrap_err()
            .contains("not in the snapshot")
    );

    // Damage: what is handed over until then is torn and says so.
    let packs = world.path("repository/data");
    for pack in walk(&packs) {
        let mut bytes = std::fs::read(&pack).unwrap();
        if bytes.len() > 1_000_000 {
            let at = bytes.len() / 2;
            bytes[at..at + 100_000].fill(0);
            std::fs::write(&pack, bytes).unwrap();
        }
    }
    let torn = fetch(&world, file, ContentForm::File).await.unwrap_err();
    assert!(torn.contains("damaged"), "{torn}");
    world.stop().await;
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
