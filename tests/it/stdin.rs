//! `-` as standard input, wherever the command line names a file to read.

use super::harness::Folder;

const DOCUMENT: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::logs/*"]}]}"#;

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn a_configuration_is_read_from_standard_input_and_its_paths_start_here() {
    let folder = Folder::example("quickstart");
    let file = folder.read("attune.toml");
    let of_file = folder.attune("plan --format json").json();
    std::fs::remove_file(folder.path("attune.toml")).unwrap();
    let plan = folder.attune_fed("plan --file - --format json", &file).exits(0).json();
    assert_eq!(
        plan["digest"], of_file["digest"],
        "documents and `sim:cluster.json` are those beside the configuration"
    );
    folder.attune_fed("validate -f -", &file).exits(0).says("standard input is valid");
    folder.attune_fed("validate -f - --format json", "[users.a]\npolcy = 1").exits(1).says("\"standard input\"");
    let broken = folder.attune_fed("plan -f -", "[").exits(1).warns("standard input has errors");
    assert!(broken.stderr.contains("--> standard input:1"), "{}", broken.stderr);
    for command in
        ["access alice", "report --desired --format csv", "drift", "doctor", "report --observed --format csv"]
    {
        let run = folder.attune_fed(&format!("{command} --file -"), &file);
        assert!(!run.stderr.contains("cannot read"), "{command}: {}", run.stderr);
    }
    folder.attune_fed("keys revoke bob --yes --reason test --file -", &file).says("bob: had no policy");
    folder.attune_fed("apply --yes --file -", &file).exits(0).says("done");
    folder.attune_fed("apply --file -", &file.replace("ml-readers", "readonly")).exits(1);
    let outside = "[policies.x]\ndocument = \"../../etc/passwd\"\n";
    folder.attune_fed("validate --file -", outside).exits(1).says("path-outside");
}

#[test]
fn a_configuration_of_standard_input_has_no_base_and_cannot_be_fixed() {
    let folder = Folder::example("quickstart");
    let file = folder.read("attune.toml");
    for command in ["plan", "apply --yes", "drift"] {
        let run = folder.attune_fed(&format!("{command} --base ./attune.toml --file -"), &file).exits(1);
        assert!(run.stderr.contains("`--base` needs the path of the configuration"), "{}", run.stderr);
    }
    folder.attune_fed("validate --fix --file -", &file).exits(1).warns("`--fix` cannot change standard input");
    let formatted = folder.attune_fed("fmt --file -", &file).exits(0).stdout;
    assert_eq!(formatted, folder.attune_fed("fmt -", &file).exits(0).stdout);
    folder.attune_fed("fmt -", "[").exits(1).warns("standard input is not valid and not formatted");
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn documents_catalogues_and_saved_plans_are_read_from_standard_input() {
    let folder = Folder::example("quickstart");
    folder.write("p.json", DOCUMENT);
    folder.write("actions.json", r#"[{"name": "s3:GetObject", "kind": "object"}]"#);
    folder.attune_fed("policy diff - p.json", DOCUMENT).exits(0);
    folder.attune_fed("policy diff p.json -", &DOCUMENT.replace("logs", "data")).exits(2).says("data");
    folder.attune_fed("policy lint -", &DOCUMENT.replace("GetObject", "GetObjekt")).exits(1).says("standard input:1");
    let rendered = folder.attune_fed("policy render -", DOCUMENT).exits(0).stdout;
    assert_eq!(rendered, folder.attune("policy render p.json").stdout);
    let access = folder.attune_fed("access - --format json", DOCUMENT).exits(0).json();
    assert_eq!(access["principals"][0]["document"], "standard input");
    let catalogue = folder.read("actions.json");
    let by_file = folder.attune("policy lint p.json --catalogue actions.json").stdout;
    assert_eq!(folder.attune_fed("policy lint p.json --catalogue -", &catalogue).stdout, by_file);
    folder.attune_fed("policy lint p.json --catalogue -", "?").exits(1).warns("the catalogue standard input: ");
    folder.attune_fed("policy render -", "{").exits(1).warns("standard input has errors");
    let plan = folder.attune("plan --format json").stdout;
    folder.attune_fed("show -", &plan).exits(0).says("14 API calls");
    // A file of that name has a path.
    folder.write("-", DOCUMENT);
    folder.attune("policy render ./-").exits(0);
}

#[test]
#[cfg_attr(not(all(feature = "age", feature = "html", feature = "sim")), ignore = "needs all features")]
fn only_one_argument_is_standard_input() {
    let folder = Folder::example("quickstart");
    let file = folder.read("attune.toml");
    let taken = "standard input: another argument has read it; only one may be `-`";
    for (args, input) in [
        ("policy diff - -", DOCUMENT),
        ("policy lint - -", DOCUMENT),
        ("policy lint - --catalogue -", "[]"),
        ("plan --file - --catalogue -", &file),
        ("validate --file - --file -", &file),
    ] {
        let run = folder.attune_fed(args, input).exits(1);
        assert!(format!("{}{}", run.stdout, run.stderr).contains(taken), "{args}: {}{}", run.stdout, run.stderr);
    }
    folder.attune_fed("fmt - -", &file).exits(1).warns("`-` means standard input, and excludes other files");
}
