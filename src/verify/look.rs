//! Looks for what the requests of a run may have made, and takes it away if it is certainly of this run.

use std::collections::{BTreeMap, BTreeSet};

use super::outcome::Left;
use super::questions::Question;
use super::service::{Service, Told};
use crate::s3::{
    BucketAt, KeyAt, S3Request, is_object_there, is_there, list_of_buckets, take_bucket_away, take_object_away,
    versions,
};

/// Looks for buckets with the names of these questions, and removes those that are there: they have the random characters of
/// this run.
pub(super) async fn look_for_buckets(service: &Service<'_>, questions: &[&Question]) -> Vec<Left> {
    let names: BTreeSet<BucketAt> = questions.iter().filter_map(|one| one.ask.absent_bucket()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let listed = service.send(&list_of_buckets(), true).await.ok().and_then(|(_, answer)| answer.buckets());
    let listed = listed.unwrap_or_default();
    let mut left = Vec::new();
    for name in names {
        let is_listed = listed.iter().any(|bucket| bucket == name.as_str());
        if is_listed || is_bucket_there(service, &name).await {
            let is_gone = is_done(service, &take_bucket_away(&name)).await && !is_bucket_there(service, &name).await;
            left.push(Left { what: format!("bucket {}", name.as_str()), is_there: !is_gone, file: None });
        }
    }
    left
}

/// Sends a request, and says whether the service carried it out.
async fn is_done(service: &Service<'_>, request: &S3Request) -> bool {
    service.send(request, true).await.is_ok_and(|(_, answer)| answer.is_done())
}

async fn is_bucket_there(service: &Service<'_>, name: &BucketAt) -> bool {
    matches!(service.told(&is_there(name), true).await, Ok(Told::LetThrough(answer)) if answer.status == 200)
}

/// Looks for objects and delete markers with the keys of these questions. An object is taken away if it is what a request of
/// this run sent.
pub(super) async fn look_for_objects(service: &Service<'_>, questions: &[&Question]) -> Vec<Left> {
    let mut keys: BTreeMap<(String, KeyAt), BTreeSet<&str>> = BTreeMap::new();
    for question in questions {
        if let Some(key) = question.ask.absent_key() {
            keys.entry((question.ask.bucket().to_owned(), key)).or_default().insert(question.ask.body());
        }
    }
    let mut left = Vec::new();
    for ((bucket, key), bodies) in keys {
        let listed = service.send(&versions(&bucket, &key), true).await.ok();
        let listed = listed.and_then(|(_, answer)| answer.versions()).unwrap_or_default();
        let of_key = listed.into_iter().filter(|version| version.key == key.as_str());
        let longest = bodies.iter().map(|body| body.len() as u64).max().unwrap_or_default();
        let mut found = false;
        let mut is_gone = true;
        for version in of_key.filter(|version| version.size.is_none_or(|size| size <= longest)) {
            found = true;
            let id = (version.version_id != "null").then_some(version.version_id.as_str());
            is_gone &= is_done(service, &take_object_away(&bucket, &key, id)).await;
        }
        if !found && let Some(body) = body_there(service, &bucket, &key).await {
            found = true;
            is_gone = bodies.contains(body.as_str()) && is_done(service, &take_object_away(&bucket, &key, None)).await;
        }
        if found {
            is_gone &= body_there(service, &bucket, &key).await.is_none();
            left.push(Left { what: format!("object {bucket}/{}", key.as_str()), is_there: !is_gone, file: None });
        }
    }
    left
}

async fn body_there(service: &Service<'_>, bucket: &str, key: &KeyAt) -> Option<String> {
    match service.told(&is_object_there(bucket, key), true).await {
        Ok(Told::LetThrough(answer)) if answer.status == 200 => Some(answer.body),
        Ok(Told::LetThrough(_) | Told::Denied(_) | Told::Nothing(_)) | Err(_) => None,
    }
}
