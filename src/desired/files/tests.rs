//! Reading and replacing files, with real files and links.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use tempfile::TempDir;

use super::*;

/// A repository with a main file in `team`, and a directory beside the repository.
fn world() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for directory in ["repo/.git", "repo/team/policies", "repo/shared", "outside"] {
        fs::create_dir_all(folder.path().join(directory)).unwrap();
    }
    for (file, text) in [
        ("repo/team/attune.toml", "main"),
        ("repo/team/policies/a.json", "a"),
        ("repo/shared/s.json", "s"),
        ("repo/.git/config", "token"),
        ("repo/.env", "token"),
        ("outside/secret", "secret"),
    ] {
        fs::write(folder.path().join(file), text).unwrap();
    }
    folder
}

fn tree(folder: &TempDir) -> Tree {
    Tree::open(&folder.path().join("repo/team/attune.toml"), Boundary::Repository).unwrap()
}

fn read(folder: &TempDir, path: impl AsRef<Path>) -> Result<String, FileProblem> {
    tree(folder).read(&folder.path().join("repo/team").join(path))
}

fn is_outside(found: &Result<String, FileProblem>) -> bool {
    matches!(found, Err(FileProblem::Outside))
}

#[test]
fn files_in_the_repository_are_read_by_any_path() {
    let folder = world();
    let inside = |name: &str| folder.path().join("repo/team").join(name);
    symlink("policies/a.json", inside("beside")).unwrap();
    symlink("../shared", inside("up")).unwrap();
    symlink("beside", inside("twice")).unwrap();
    symlink(folder.path().canonicalize().unwrap().join("repo/shared/s.json"), inside("whole")).unwrap();
    for (path, text) in [
        ("policies/a.json", "a"),
        ("./policies/../policies/a.json", "a"),
        ("../shared/s.json", "s"),
        ("beside", "a"),
        ("twice", "a"),
        ("up/s.json", "s"),
        ("up/../team/policies/a.json", "a"),
        ("whole", "s"),
    ] {
        assert_eq!(read(&folder, path).unwrap(), text, "{path}");
    }
    let real = |path: &str| tree(&folder).real(&inside(path)).unwrap();
    assert_eq!(real("twice"), real("policies/a.json"));
    assert!(matches!(read(&folder, "policies/none.json"), Err(FileProblem::Io(_))));
}

#[test]
fn files_outside_the_repository_are_not_read_or_revealed() {
    let folder = world();
    let inside = |name: &str| folder.path().join("repo/team").join(name);
    let outside = folder.path().canonicalize().unwrap().join("outside");
    symlink(outside.join("secret"), inside("whole")).unwrap();
    symlink("../../outside/secret", inside("relative")).unwrap();
    symlink("relative", inside("chain")).unwrap();
    symlink("../../outside", inside("directory")).unwrap();
    symlink("../../outside/none", inside("dangling")).unwrap();
    symlink("/proc/self", inside("process")).unwrap();
    for path in [
        "../../outside/secret",
        "../../outside/none",
        "policies/../../../outside/secret",
        "/etc/passwd",
        "/none",
        "/proc/self/environ",
        "whole",
        "relative",
        "chain",
        "directory/secret",
        "directory/none",
        "dangling",
        "process/environ",
        "../..",
        "/",
    ] {
        assert!(is_outside(&read(&folder, path)), "{path}: {:?}", read(&folder, path));
    }
    assert!(is_outside(&read(&folder, outside.join("secret"))));
    symlink("loop", inside("loop")).unwrap();
    let problem = read(&folder, "loop").unwrap_err().to_string();
    assert!(problem.contains("too many symbolic links"), "{problem}");
}

#[test]
fn only_the_path_of_the_main_file_may_have_hidden_names() {
    let folder = world();
    let repo = folder.path().join("repo");
    symlink("../.git/config", repo.join("team/link.json")).unwrap();
    for path in ["../.git/config", "../.env", "link.json", "../.none"] {
        assert!(matches!(read(&folder, path), Err(FileProblem::Hidden)), "{path}: {:?}", read(&folder, path));
    }
    fs::create_dir_all(repo.join(".attune/before-1")).unwrap();
    fs::write(repo.join(".attune/before-1.toml"), "main").unwrap();
    fs::write(repo.join(".attune/before-1/p.json"), "p").unwrap();
    let before = Tree::open(&repo.join(".attune/before-1.toml"), Boundary::Repository).unwrap();
    assert_eq!(before.read_main().unwrap(), "main");
    assert_eq!(before.read(&repo.join(".attune/before-1/p.json")).unwrap(), "p");
    // As Kubernetes mounts the keys of a ConfigMap.
    fs::create_dir_all(repo.join("team/..2030")).unwrap();
    fs::write(repo.join("team/..2030/k.json"), "k").unwrap();
    symlink("..2030", repo.join("team/..data")).unwrap();
    symlink("..data/k.json", repo.join("team/k.json")).unwrap();
    assert_eq!(read(&folder, "k.json").unwrap(), "k");
}

#[test]
fn only_regular_files_of_bounded_size_are_read_without_blocking() {
    let folder = world();
    let team = folder.path().join("repo/team");
    rustix::fs::mknodat(rustix::fs::CWD, team.join("pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
        .unwrap();
    let _socket = UnixListener::bind(team.join("socket")).unwrap();
    for path in ["pipe", "policies", "."] {
        assert!(matches!(read(&folder, path), Err(FileProblem::NotRegular)), "{path}: {:?}", read(&folder, path));
    }
    assert!(read(&folder, "socket").is_err());
    assert!(matches!(read_trusted(&team.join("pipe")), Err(FileProblem::NotRegular)));
    assert!(matches!(read_trusted(Path::new("/dev/zero")), Err(FileProblem::NotRegular)));
    File::create(team.join("huge")).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(read(&folder, "huge"), Err(FileProblem::TooLarge)));
    File::create(team.join("largest")).unwrap().set_len(LARGEST).unwrap();
    assert_eq!(read(&folder, "largest").unwrap().len() as u64, LARGEST);
}

#[test]
fn a_main_file_is_no_link_out_of_the_repository() {
    let folder = world();
    let repo = folder.path().join("repo");
    symlink("../../outside/secret", repo.join("team/evil.toml")).unwrap();
    symlink("attune.toml", repo.join("team/good.toml")).unwrap();
    symlink("../.env", repo.join("team/env.toml")).unwrap();
    assert!(is_outside(&read_named(&repo.join("team/evil.toml"))));
    assert!(matches!(read_named(&repo.join("team/env.toml")), Err(FileProblem::Hidden)));
    assert_eq!(read_named(&repo.join("team/good.toml")).unwrap(), "main");
    assert_eq!(read_named(&repo.join(".env")).unwrap(), "token");
    assert_eq!(read_named(&folder.path().join("outside/secret")).unwrap(), "secret");
    // Without a repository, the directory of the file is the boundary.
    symlink("../repo/team/attune.toml", folder.path().join("outside/link")).unwrap();
    assert!(is_outside(&read_named(&folder.path().join("outside/link"))));
    let below = Tree::open(&repo.join("team/attune.toml"), Boundary::Below(&repo.join("team"))).unwrap();
    assert!(is_outside(&below.read(&repo.join("team/../shared/s.json"))));
    let elsewhere = Tree::open(&repo.join("team/attune.toml"), Boundary::Below(&folder.path().join("outside")));
    assert!(matches!(elsewhere, Err(FileProblem::Outside)));
}

#[test]
fn a_file_is_replaced_atomically_with_its_permissions_and_never_through_a_link() {
    let folder = world();
    let team = folder.path().join("repo/team");
    let file = team.join("policies/a.json");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    tree(&folder).replace(&file, "new").unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(fs::read_dir(team.join("policies")).unwrap().count(), 1, "nothing is left behind");

    symlink("policies/a.json", team.join("link")).unwrap();
    symlink("policies", team.join("directory")).unwrap();
    symlink("../../outside/secret", team.join("out")).unwrap();
    for path in ["link", "directory/a.json"] {
        assert!(matches!(tree(&folder).replace(&team.join(path), "x"), Err(FileProblem::Link)), "{path}");
    }
    assert!(matches!(tree(&folder).replace(&team.join("out"), "x"), Err(FileProblem::Outside)));
    assert!(matches!(tree(&folder).replace(&team.join("policies"), "x"), Err(FileProblem::NotRegular)));
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert_eq!(fs::read_to_string(folder.path().join("outside/secret")).unwrap(), "secret");
}

#[test]
fn a_pattern_is_walked_below_its_literal_start_and_not_through_links() {
    let folder = world();
    let team = folder.path().join("repo/team");
    for file in ["x/1.toml", "x/y/2.toml", "x/.hidden.toml", "x/3.json"] {
        fs::create_dir_all(team.join(file).parent().unwrap()).unwrap();
        fs::write(team.join(file), "").unwrap();
    }
    symlink("../../../outside", team.join("x/out")).unwrap();
    symlink("../x", team.join("x/again")).unwrap();
    let matched = |pattern: &str| {
        let found = Includes::default().paths(&tree(&folder), &team, pattern).unwrap();
        let names = |paths: Vec<PathBuf>| {
            paths.iter().map(|path| path.strip_prefix(&team).unwrap().display().to_string()).collect::<Vec<_>>()
        };
        found.map(names).map_err(|stopped| stopped.problem)
    };
    let is = |pattern: &str, paths: &[&str]| assert_eq!(matched(pattern).unwrap(), paths, "{pattern}");
    is("x/*.toml", &["x/1.toml"]);
    is("x/?.[jt]*", &["x/1.toml", "x/3.json"]);
    is("**/*.toml", &["attune.toml", "x/1.toml", "x/y/2.toml"]);
    is("x/**/2.toml", &["x/y/2.toml"]);
    is("*/y/2.toml", &["x/y/2.toml"]);
    is("none/*.toml", &[]);
    is("none.toml", &[]);
    is("x/.h*", &["x/.hidden.toml"]);
    for pattern in ["/**/*.toml", "../../**", "../../*/secret", "x/out/*"] {
        assert!(matches!(matched(pattern), Err(FileProblem::Outside)), "{pattern}: {:?}", matched(pattern));
    }
    assert!(Includes::default().paths(&tree(&folder), &team, "x/[").is_err());
}

#[test]
fn a_pattern_walks_through_a_bounded_number_of_entries() {
    let folder = world();
    let team = folder.path().join("repo/team");
    let deep: PathBuf = std::iter::repeat_n("d", folder::MAX_DEPTH + 2).collect();
    fs::create_dir_all(team.join(deep)).unwrap();
    let stopped = Includes::default().paths(&tree(&folder), &team, "**/*.toml").unwrap().unwrap_err();
    assert!(matches!(stopped.problem, FileProblem::TooMany));
    let matched = Includes::within(30);
    let walk = || matched.paths(&tree(&folder), &team, "policies/*.json").unwrap().is_ok();
    // Each walks through one entry.
    assert_eq!((0..100).take_while(|_| walk()).count(), 29);
}
