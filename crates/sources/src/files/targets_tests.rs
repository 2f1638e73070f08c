use super::*;

/// Writes a layout as lines `name <source or metadata folder>`, indented by depth, `!` for explicit.
fn picture(place: &Place, depth: usize, lines: &mut Vec<String>) {
    for (name, child) in &place.children {
        let name = String::from_utf8_lossy(name);
        let indent = " ".repeat(depth);
        lines.push(match &child.source {
            Some(source) => {
                let mark = if child.explicit { "!" } else { "" };
                format!("{indent}{name} <{}>{mark}", String::from_utf8_lossy(source))
            }
            None => format!("{indent}{name} ({})", String::from_utf8_lossy(&child.metadata_from)),
        });
        picture(child, depth + 1, lines);
    }
}

fn laid_out(targets: &[&str]) -> Vec<String> {
    let targets: Vec<_> = targets.iter().map(|target| target.as_bytes().to_vec()).collect();
    let mut lines = Vec::new();
    picture(&lay_out(&targets, None).unwrap(), 0, &mut lines);
    lines
}

#[test]
fn relative_targets_merge_as_in_restic() {
    assert_eq!(laid_out(&["foo", "bar"]), ["bar <bar>!", "foo <foo>!"]);
    assert_eq!(
        laid_out(&["foo/work/user1", "./foo/work/user2", "foo/work/user1"]),
        ["foo (foo)", " work (foo/work)", "  user1 <foo/work/user1>!", "  user2 <foo/work/user2>!"]
    );
    assert_eq!(laid_out(&["../work/other"]), ["work (../work)", " other <../work/other>!"]);
}

#[test]
fn absolute_targets_keep_their_whole_path() {
    assert_eq!(laid_out(&["/a/b/c"]), ["a (/a)", " b (/a/b)", "  c </a/b/c>!"]);
}

#[test]
fn names_from_different_roots_are_told_apart() {
    assert_eq!(
        laid_out(&["foo/user1", "../foo/other", "foo/user2", "/foo/x", "../foo/more"]),
        [
            "foo (foo)",
            " user1 <foo/user1>!",
            " user2 <foo/user2>!",
            "foo-1 (../foo)",
            " more <../foo/more>!",
            " other <../foo/other>!",
            "foo-2 (/foo)",
            " x </foo/x>!",
        ]
    );
}

#[test]
fn a_target_in_a_target_is_found_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().canonicalize().unwrap();
    std::fs::create_dir_all(base.join("driveA/work/driveB")).unwrap();
    std::fs::create_dir_all(base.join("driveA/work/test1")).unwrap();
    std::fs::write(base.join("driveA/file"), b"").unwrap();
    let text = |path: &str| base.join(path).to_str().unwrap().to_owned();
    for order in [["driveA", "driveA/work/driveB"], ["driveA/work/driveB", "driveA"]] {
        let targets = order.map(text);
        let lines = laid_out(&[&targets[0], &targets[1]]);
        let tail: Vec<_> = lines.iter().rev().take(4).rev().map(|line| line.trim_start()).collect();
        assert_eq!(
            tail,
            [
                format!("file <{}>", text("driveA/file")),
                format!("work ({})", text("driveA/work")),
                format!("driveB <{}>!", text("driveA/work/driveB")),
                format!("test1 <{}>", text("driveA/work/test1")),
            ]
        );
    }
}

#[test]
fn a_folder_without_a_name_stands_for_its_entries() {
    let place = lay_out(&[b"..".to_vec(), b"/".to_vec()], None).unwrap();
    assert!(place.children.values().all(|child| child.source.is_some() && !child.explicit));
    assert!(place.children.contains_key(&b"tmp"[..]) || place.children.contains_key(&b"etc"[..]));
}
