//! A plan depends neither on the number of threads nor on the order in which the inputs name things.

use super::harness::Folder;

const POLICIES: usize = 24;
const USERS: usize = 60;

/// The numbers below a count, in some order.
type Order = fn(usize) -> Vec<usize>;

/// A cluster and a configuration that name everything in this order. The configuration replaces and moves.
fn folder(order: Order) -> Folder {
    let join = |count: usize, of: fn(usize) -> String, separator: &str| {
        order(count).into_iter().map(of).collect::<Vec<_>>().join(separator)
    };
    let users = join(USERS, |n| format!(r#""u{n:02}":{{"policy":"p{:02}"}}"#, n % POLICIES), ",");
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::data/*"]}]}"#;
    let policies: Vec<String> =
        order(POLICIES).iter().map(|n| format!(r#""p{n:02}":{{"document":{document}}}"#)).collect();
    let admin = r#""admin":{"role":"ClusterAdmin","password":"admin"}"#;
    let root = format!(r#"{{"users":{{{admin},{users}}},"policies":{{{}}}}}"#, policies.join(","));
    let state = format!(r#"{{"format":"attune.sim/1","release":"5.1","tenants":{{"Root":{root}}}}}"#);
    let statement = |n: usize| {
        let action = if n.is_multiple_of(3) { "s3:GetObject" } else { "s3:PutObject" };
        format!(
            "[[policies.p{n:02}.statement]]\neffect = \"Allow\"\naction = [\"{action}\"]\n\
             resource = [\"arn:aws:s3:::data/*\"]\n"
        )
    };
    let policies = join(POLICIES, statement, "");
    let users = join(USERS, |n| format!("[users.u{n:02}]\npolicy = \"p{:02}\"\n", (n + n % 2) % POLICIES), "");
    let file = format!("[cluster]\nendpoints = [\"sim:cluster.json\"]\n{policies}{users}");
    Folder::with(&[("cluster.json", &state), ("attune.toml", &file)])
}

#[test]
fn threads_and_the_order_of_the_inputs_do_not_change_a_plan() {
    let ascending: Order = |count| (0..count).collect();
    let descending: Order = |count| (0..count).rev().collect();
    let odd_first: Order = |count| (1..count).step_by(2).chain((0..count).step_by(2)).collect();
    let mut plans = Vec::new();
    for order in [ascending, descending, odd_first] {
        let folder = folder(order);
        for threads in ["1", "2", "7"] {
            let variables = [("RAYON_NUM_THREADS", threads)];
            plans.push(folder.attune_with("plan --format json", &variables).exits(0).stdout);
        }
    }
    assert!(plans[0].lines().count() > 1000, "a plan with many changes: {}", plans[0]);
    for plan in &plans[1..] {
        assert!(*plan == plans[0], "{}", super::harness::difference(&plans[0], plan));
    }
}
