//! The HTML of pages: valid, escaped, and with a header for every cell.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use attune::render::html;
use attune::render::json::{PlanV1, ReportV1};
use scraper::{ElementRef, Html, Selector};
use serde_json::{Value, json};

use crate::harness::{Folder, expect_file, root};

/// A page, taken apart.
pub(crate) struct Page(Html);

impl Page {
    pub(crate) fn read(text: &str) -> Self {
        let page = Html::parse_document(text);
        assert!(page.errors.is_empty(), "{:?}", page.errors);
        Self(page)
    }

    fn all(&self, selector: &str) -> Vec<ElementRef<'_>> {
        self.0.select(&Selector::parse(selector).unwrap()).collect()
    }

    fn texts(&self, selector: &str) -> Vec<String> {
        self.all(selector).into_iter().map(text).collect()
    }

    /// Checks the rules for every page.
    pub(crate) fn is_sound(&self) {
        assert_eq!(self.all("html[lang=en]").len(), 1);
        assert_eq!(self.texts("title"), self.texts("h1"));
        for landmark in ["header", "nav[aria-label]", "main#main", "footer", "a.skip[href='#main']"] {
            assert_eq!(self.all(landmark).len(), 1, "{landmark}");
        }
        self.loads_nothing();
        self.headings_are_in_order();
        self.links_lead_somewhere();
        self.cells_have_headers();
        for region in self.all(".scroll") {
            assert_eq!(region.value().name(), "section");
            assert!(region.attr("tabindex").is_some(), "a region that scrolls cannot be reached");
        }
        self.landmarks_have_names_of_their_own();
        // A `pre` has no role that takes a name.
        assert_eq!(self.all("pre[aria-label], div[aria-label], p[aria-label], span[aria-label]:not([role])").len(), 0);
    }

    fn landmarks_have_names_of_their_own(&self) {
        let named = |element: &ElementRef<'_>| {
            let labelled = element.attr("aria-labelledby").map(|id| self.texts(&format!("[id='{id}']")).concat());
            labelled.or_else(|| element.attr("aria-label").map(str::to_owned)).unwrap_or_default()
        };
        let names: Vec<String> = self.all("section, [role=region], nav, form, aside").iter().map(named).collect();
        let unique: BTreeSet<&String> = names.iter().collect();
        assert!(unique.len() == names.len() && names.iter().all(|name| !name.is_empty()), "{names:?}");
    }

    fn loads_nothing(&self) {
        let policy = self.all("meta[http-equiv='Content-Security-Policy']");
        let policy = policy[0].attr("content").unwrap();
        assert!(policy.starts_with("default-src 'none';") && !policy.contains("script"), "{policy}");
        let loading = "script, link, img, iframe, object, embed, audio, video, base, form, input, button, [src], [style], [srcset]";
        assert_eq!(self.all(loading).len(), 0);
        for element in self.all("*") {
            let handler = element.value().attrs().find(|(name, _)| name.starts_with("on"));
            assert_eq!(handler, None);
        }
        let style = self.texts("style").concat();
        assert!(!style.contains("url(") && !style.contains("@import"));
    }

    fn headings_are_in_order(&self) {
        let levels: Vec<u8> =
            self.all("h1, h2, h3, h4, h5, h6").iter().map(|h| h.value().name().as_bytes()[1] - b'0').collect();
        assert_eq!(levels.iter().filter(|level| **level == 1).count(), 1);
        assert_eq!(levels[0], 1);
        assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "{levels:?}");
    }

    fn links_lead_somewhere(&self) {
        let ids: Vec<&str> = self.all("[id]").iter().map(|element| element.attr("id").unwrap()).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
        for link in self.all("[href]") {
            let target = link.attr("href").unwrap();
            assert!(target.strip_prefix('#').is_some_and(|id| ids.contains(&id)), "{target}");
        }
        for named in self.all("[aria-labelledby]") {
            assert!(ids.contains(&named.attr("aria-labelledby").unwrap()));
        }
    }

    fn cells_have_headers(&self) {
        for table in self.all("table") {
            let within = |selector: &str| table.select(&Selector::parse(selector).unwrap()).collect::<Vec<_>>();
            assert_eq!(within("caption").len(), 1);
            let columns = within("thead th").len();
            assert!(within("th").iter().all(|th| th.attr("scope").is_some() && !text(*th).is_empty()));
            for body in within("tbody") {
                let mut spanned = 0_usize;
                for row in body.select(&Selector::parse("tr").unwrap()) {
                    let heads = row.select(&Selector::parse("th").unwrap()).collect::<Vec<_>>();
                    let group = heads.iter().find_map(|head| head.attr("rowspan")?.parse().ok());
                    let cells = heads.len() + row.select(&Selector::parse("td").unwrap()).count();
                    assert_eq!(cells + usize::from(spanned > 0), columns, "a cell without a column");
                    assert!(heads.iter().any(|head| head.attr("scope") == Some("row")), "a row without a header");
                    spanned = group.unwrap_or(spanned).saturating_sub(1);
                }
            }
        }
        for image in self.all("[role=img]") {
            assert!(image.attr("aria-label").is_some_and(|label| !label.is_empty()), "a cell says nothing");
        }
    }

    /// The headings, and the text alternatives of the matrix.
    fn outline(&self) -> String {
        let mut outline = String::new();
        for element in self.all("h1, h2, h3, .verdict, table.m tr, table.n tr, .tree li") {
            let name = element.value().name();
            if name == "tr" {
                let cells = element.select(&Selector::parse("th, td").unwrap()).map(cell).collect::<Vec<_>>();
                writeln!(outline, "| {} |", cells.join(" | ")).unwrap();
            } else {
                writeln!(outline, "{name} {}", text(element)).unwrap();
            }
        }
        outline
    }
}

/// Its text, with single blanks.
fn text(element: ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(element: ElementRef<'_>) -> String {
    let image = element.select(&Selector::parse("[role=img]").unwrap()).next();
    image.map_or_else(|| text(element), |image| image.attr("aria-label").unwrap().to_owned())
}

fn plan_page(plan: &Value, report: Option<&Value>) -> String {
    let plan: PlanV1 = serde_json::from_value(plan.clone()).unwrap();
    let report: Option<ReportV1> = report.map(|report| serde_json::from_value(report.clone()).unwrap());
    let mut page = Vec::new();
    html::plan(&mut page, &plan, report.as_ref()).unwrap();
    String::from_utf8(page).unwrap()
}

/// A cluster with this many users and policies, and a file that changes some of both.
pub(crate) fn large(users: usize, policies: usize) -> Folder {
    let statement =
        |actions: &[&str], resources: &[String]| json!({"Effect": "Allow", "Action": actions, "Resource": resources});
    let bucket = |number: usize| format!("arn:aws:s3:::team-{number:04}");
    let document = |number: usize| {
        let own = [bucket(number), format!("{}/*", bucket(number))];
        let home = ["arn:aws:s3:::home/${aws:username}/*".to_owned()];
        json!({"Version": "2012-10-17", "Statement": [
            statement(&["s3:GetObject", "s3:ListBucket"], &own),
            statement(&["s3:PutObject"], &home),
        ]})
    };
    let policy = |number: usize| format!("policy-{:04}", number % policies);
    let mut tenant = json!({"users": {"admin": {"role": "ClusterAdmin", "password": "admin"}}, "policies": {}});
    for number in 0..users {
        let keys = json!({"access_key": format!("{number:020}"), "secret_key": "example+secret+key+of+simulated+user"});
        tenant["users"][format!("user-{number:04}")] = json!({"role": "S3", "policy": policy(number), "keys": keys});
    }
    for number in 0..policies {
        tenant["policies"][policy(number)] = json!({"document": document(number)});
    }
    let cluster = json!({"format": "attune.sim/1", "release": "5.1.2", "name": "large", "tenants": {"Root": tenant}});
    let mut file = "[cluster]\nendpoints = [\"sim:cluster.json\"]\n".to_owned();
    for number in 0..policies.min(10) {
        let resource = bucket(number);
        writeln!(
            file,
            "[policies.{}]\nstatement = [{{ effect = \"Allow\", action = \"s3:GetObject\", resource = \"{resource}/*\" }}]",
            policy(number)
        )
        .unwrap();
    }
    for number in 0..users / 32 {
        writeln!(file, "[users.user-{:04}]\npolicy = \"{}\"", number * 32, policy(number * 32 + 1)).unwrap();
    }
    Folder::with(&[("attune.toml", &file), ("cluster.json", &cluster.to_string())])
}

#[test]
fn the_page_of_the_quickstart_has_the_expected_text() {
    let folder = Folder::example("quickstart");
    let page = Page::read(&folder.attune("plan --format html").exits(0).stdout);
    page.is_sound();
    expect_file(&root().join("tests/html/plan.txt"), &page.outline());
    for (args, name) in [("", "both"), ("--observed", "cluster"), ("--desired", "file")] {
        folder.attune(&format!("report {args} --format json")).exits(0).json();
        let page = Page::read(&folder.attune(&format!("report {args}")).exits(0).stdout);
        page.is_sound();
        expect_file(&root().join(format!("tests/html/report-{name}.txt")), &page.outline());
    }
}

#[test]
fn the_page_is_made_of_the_frozen_copies() {
    let folder = Folder::example("quickstart");
    let (plan, report) = (folder.attune("plan --format json").json(), folder.attune("report --format json").json());
    assert_eq!(plan["digest"], report["digest"]);
    // The page has what everyone can do, so that it reads the policies of buckets; the plan alone does not.
    let mut with_buckets = plan.clone();
    with_buckets["unreported"]["kinds"].as_array_mut().unwrap().retain(|kind| kind != "bucket_policies");
    assert_eq!(folder.attune("plan --format html").stdout, plan_page(&with_buckets, Some(&report)));
    folder.attune("report --out page.html").exits(0);
    assert_eq!(folder.read("page.html"), folder.attune("report").stdout);
    folder.attune("plan --out plan.json").exits(0);
    assert_eq!(folder.attune("show plan.json --format html").exits(0).stdout, plan_page(&plan, None));
}

/// The matrix is about actions, so a report says where a server decides requests by others.
#[test]
fn a_report_names_statements_without_effect() {
    let folder = Folder::with(&[(
        "attune.toml",
        r#"
[[policies.ward.statement]]
effect   = "Allow"
action   = ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetBucketObjectLockConfiguration"]
resource = "arn:aws:s3:::ward/*"

[[policies.ward.statement]]
effect   = "Deny"
action   = "s3:DeleteObjectVersion"
resource = "arn:aws:s3:::ward/*"

[[policies.tags.statement]]
effect   = "Allow"
action   = "s3:GetObjectVersionTagging"
resource = "arn:aws:s3:::ward/*"

[users.nora]
policy = "ward"
"#,
    )]);
    let page = folder.attune("report --desired").exits(0);
    Page::read(&page.stdout).is_sound();
    page.says("allowing s3:GetObjectVersionTagging gives nothing on ward/*, by the rules of minio-2021, minio-2026")
        .says("denying s3:DeleteObjectVersion takes nothing away on ward/*, by the rules of minio-2021")
        .says("who has it can also delete versions under governance retention on ward/*, by the rules of minio-2021");
    let report = folder.attune("report --desired --format json").exits(0).json();
    let lines = |policy: usize| report["policies"][policy]["after"]["in_practice"].as_array().unwrap().len();
    assert_eq!((lines(0), lines(1)), (1, 2));
    let folder = Folder::example("quickstart");
    let page = folder.attune("report --desired").exits(0).stdout;
    assert!(!page.contains("decides some requests by other actions"));
}

#[test]
fn a_report_of_a_cluster_needs_no_file() {
    let folder = Folder::example("quickstart");
    std::fs::remove_file(folder.path("attune.toml")).unwrap();
    folder.attune("report --observed --cluster sim:cluster.json").exits(0).says("<title>S3 access: stewie</title>");
    folder.attune("report --cluster sim:cluster.json").exits(1).warns("attune.toml");
}

#[test]
fn foreign_text_is_only_text() {
    const NASTY: &str = "</bdi></title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;\u{202e}\u{1b}]0;";
    fn nasty(value: &mut Value) {
        match value {
            Value::String(text) => {
                for name in ["alice", "ml-", "stewie", "models", "Root", "5.1.2", "s3:GetObject"] {
                    *text = text.replace(name, &format!("{name}{NASTY}"));
                }
            }
            Value::Array(list) => list.iter_mut().for_each(nasty),
            Value::Object(members) => members.values_mut().for_each(nasty),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    let folder = Folder::example("quickstart");
    let [mut plan, mut report] = ["plan", "report"].map(|of| folder.attune(&format!("{of} --format json")).json());
    plan["findings"] =
        json!([{"code": "stewie", "severity": "warning", "message": "alice", "file": "alice", "help": "ml-"}]);
    plan["refusals"] = plan["findings"].clone();
    plan["overrides"] = json!([{"given": "alice", "code": "alice", "message": "alice"}]);
    nasty(&mut plan);
    nasty(&mut report);
    let text = plan_page(&plan, Some(&report));
    let page = Page::read(&text);
    page.is_sound();
    assert!(!text.contains(['\u{202e}', '\u{1b}']));
    assert!(page.texts("h1")[0].contains("stewie</bdi></title><script>alert(1)</script>\"'><img"));
    assert!(page.texts("h1")[0].contains("&lt;\\u{202e}\\u{1b}]0;"));
}

#[test]
fn many_users_with_the_same_access_are_one_row_and_many_buckets_are_a_list() {
    let few = large(256, 20);
    let page = few.attune("plan --format html").exits(0).stdout;
    assert!(page.len() < 200_000, "{} bytes", page.len());
    let page = Page::read(&page);
    page.is_sound();
    let rows = page.all("table.m tbody tr").len();
    assert!((20..=40).contains(&rows), "{rows} rows");

    let many = large(256, 200).attune("report").exits(0).stdout;
    assert!(many.len() < 500_000, "{} bytes", many.len());
    let page = Page::read(&many);
    page.is_sound();
    assert_eq!((page.all("table.m").len(), page.all("table.n").len()), (0, 1));
}

#[test]
fn an_outcome_has_a_page() {
    let folder = Folder::example("quickstart");
    folder.write("outcome.json", &folder.attune("apply --yes --format json").exits(0).stdout);
    let page = Page::read(&folder.attune("show outcome.json --format html").exits(0).stdout);
    page.is_sound();
    assert_eq!(page.all("main ol > li").len(), 14);
    assert!(page.texts("main")[0].contains("The cluster matches the configuration."));
}
