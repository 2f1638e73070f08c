use super::*;

fn one(pattern: &str) -> List {
    List::parse([pattern], Case::Sensitive).unwrap()
}

/// Facts of restic's own tests of single patterns.
#[test]
fn single_patterns_match_as_in_restic() {
    for (pattern, path, expected) in [
        ("*.go", "/foo/bar/test.go", true),
        ("*.c", "/foo/bar/test.go", false),
        ("*", "/foo/bar/test.go", true),
        ("**", "/foo/bar/test.go", true),
        ("foo*", "/foo/bar/test.go", true),
        ("/bar*", "/foo/bar/test.go", false),
        ("bar/*", "/foo/bar/test.go", true),
        ("ba*/*.go", "/foo/bar/test.go", true),
        ("tesT.*", "/foo/bar/test.go", false),
        ("/foo/bar/", "/foo/bar", true),
        ("/foo/bar", "/foo/baz/", false),
        ("/foo///bar", "/foo/bar", true),
        ("/foo/../bar", "/foo/bar", false),
        ("/foo/../bar", "/bar", true),
        ("/foo", "/foo/baz", true),
        ("/foo/*", "/foo", false),
        ("bar", "/foo/bar/baz", true),
        ("/foo/*test.*", "/foo/bar/test.go", false),
        ("/foo/*/test.*", "/foo/bar/test.go", true),
        ("/*/*/bar/test.*", "/foo/bar/test.go", false),
        ("/*/*/baz/test.*", "/foo/bar/baz/test.go", true),
        ("/foo/bar/test.*", "bar/baz/test.go", false),
        ("baz/test.*", "bar/baz/test.go", true),
        ("sdk", "/foo/bar/sdk/test/sdk_foo.go", true),
        ("sdk/*/cpp/*/*vars*.html", "/usr/share/doc/libreoffice/sdk/docs/cpp/ref/a00517.html", false),
        ("foo/**/bar/*.go", "/home/user/foo/work/special/project/bar/test.go", true),
        ("foo/**/bar/*.go", "/home/user/foo/bar/test.go", true),
        ("foo/**/bar/*.go", "foo/bar/baz/bar/test.go", true),
        ("foo/**/bar/*.go", "/home/user/foo/test.c", false),
        ("foo/**/bar/*.go", "bar/foo/main.go", false),
        ("foo/**/bar/*.go", "/foo/bar/main.go", true),
        ("foo/**/bar", "/home/user/foo/x/y/bar/main.go", true),
        ("foo/**/bar/**/x", "/home/user/foo/bar/x", true),
        ("foo/**/bar/**/x", "/home/user/foo/blaaa/blaz/bar/shared/work/x", true),
        ("user/**/important*", "/home/user/work/x/y/hidden/x", false),
        ("user/**/hidden*/**/c", "/home/user/work/x/y/hidden/z/a/b/c", true),
        ("c:/foo/*/test.*", "c:/foo/bar/test.go", true),
        ("/", "/any/thing", true),
        ("/**", "/foo", true),
        ("**/x", "/x", true),
        ("x/**", "/x", true),
    ] {
        assert_eq!(one(pattern).is_match(path.as_bytes()), expected, "{pattern} {path}");
    }
}

#[test]
fn children_may_match_as_in_restic() {
    for (pattern, path, expected) in [
        ("foo/bar", "/foo", true),
        ("baz", "/foo/bar", true),
        ("*", "/foo/bar", true),
        ("/foo/bar", "/foo", true),
        ("/foo/bar/baz", "/foo/bar", true),
        ("/foo/bar/baz", "/foo/baz", false),
        ("/foo/**/baz", "/foo/bar/baz/blah", true),
        ("/foo/**/qux", "/foo/bar/baz", true),
        ("/foo/*/qux", "/foo/bar", true),
        ("/foo/*/qux", "/foo/bar/boo", false),
        ("/foo/*/qux", "/foo/bar/boo/xx", false),
        ("/baz/bar", "/foo", false),
        ("/foo", "/foo/bar", true),
        ("/*/**", "/foo", true),
        ("/bar/*", "/foo", false),
        ("/foo/*/baz", "/bar/baz", false),
        ("/**/bar", "/foo/bar", true),
    ] {
        assert_eq!(one(pattern).matches(path.as_bytes()).child_may_match, expected, "{pattern} {path}");
    }
}

#[test]
fn lists_with_negation_match_as_in_restic() {
    let cases: [(&[&str], &str, bool, bool); 20] = [
        (&[], "/foo/bar/test.go", false, false),
        (&["*.go"], "/foo/bar", false, true),
        (&["*.go", "*.c"], "/foo/bar/test.go", true, true),
        (&["?", "x"], "/foo/bar/x", true, true),
        (&["/*/*/bar/test.*"], "/foo/bar/test.go", false, false),
        (&["/*/*/bar/test.*"], "/foo/bar/bar", false, true),
        (&["/*/*/bar/test.*", "*.go"], "/foo/bar/test.go", true, true),
        (&["", "*.c"], "/foo/bar/test.go", false, true),
        (&["!**", "*.go"], "/foo/bar/test.go", true, true),
        (&["/foo/*/test.*", "!*.c"], "/foo/bar/test.c", false, false),
        (&["/foo/*/test.*", "!*.c"], "/foo/bar/test.go", true, true),
        (&["/foo/*/*", "!test.*", "*.c"], "/foo/bar/test.go", false, true),
        (&["/foo/*/*", "!test.*", "*.c"], "/foo/bar/test.c", true, true),
        (&["/**/*", "!/foo", "/foo/*", "!/foo/bar"], "/foo/other/test.go", true, true),
        (&["/**/*", "!/foo", "/foo/*", "!/foo/bar"], "/foo/bar", false, false),
        (&["/**/*", "!/foo", "/foo/*", "!/foo/bar", "/foo/bar/test*"], "/foo/bar/test.go/child", true, true),
        (&["/foo/bar/*"], "/foo", false, true),
        (&["/foo/bar/*", "!/foo/bar/[a-m]*"], "/foo", false, true),
        (&["/foo/**/test.c"], "/foo/bar/foo/bar/test.c", true, true),
        (&["/foo/*/test.c"], "/foo/bar/foo/bar/test.c", false, false),
    ];
    for (patterns, path, matched, child_may_match) in cases {
        let verdict = List::parse(patterns, Case::Sensitive).unwrap().matches(path.as_bytes());
        assert_eq!(verdict, Verdict { matched, child_may_match }, "{patterns:?} {path}");
    }
}

#[test]
fn case_can_be_ignored() {
    let list = List::parse(["*.go", "README.md", "/home/user/foobar/*"], Case::Insensitive).unwrap();
    assert!(list.is_match(b"/home/user/foo.GO"));
    assert!(list.is_match(b"/home/user/FOObar/x"));
    assert!(list.is_match(b"/home/user/readme.md"));
    assert!(!list.is_match(b"/home/user/README"));
}

#[test]
fn all_malformed_patterns_are_named() {
    let error = List::parse(["ok", "*[", "a/[x-]/b"], Case::Sensitive).unwrap_err();
    assert_eq!(error.0, ["*[", "a/[x-]/b"]);
}

#[test]
fn many_wildcards_in_a_deep_path_end_quickly() {
    let path = "/d".repeat(2000);
    assert!(!one("a/**/b/**/c/**/e").is_match(path.as_bytes()));
    assert!(!one("**/d/**/d/**/d/**/x").is_match(path.as_bytes()));
}
