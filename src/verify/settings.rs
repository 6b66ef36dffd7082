//! What requests of a run change: settings of buckets are read before, compared after, and put back if they changed. What requests
//! may have made is looked for, and taken away if it is certainly of this run.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::sleep;

use super::outcome::{Left, Outcome, Verified};
use super::questions::{NotAsked, Question};
use super::service::{Service, Stop, Told, differs};
use crate::s3::{
    BucketAt, KeyAt, S3Request, is_object_there, is_there, list_of_buckets, put_back, setting, take_bucket_away,
    take_object_away, versions,
};

/// A setting as text; `Some(None)` if the bucket does not have it; `None` if it cannot be read.
async fn value(service: &Service<'_>, question: &Question) -> Result<Option<Option<String>>, Stop> {
    let Some(request) = setting(&question.ask) else { return Ok(None) };
    Ok(match service.told(&request, true).await? {
        Told::LetThrough(answer) if answer.status == 200 => Some(Some(answer.body)),
        Told::LetThrough(answer) if answer.status == 404 && answer.code.as_deref() != Some("NoSuchBucket") => {
            Some(None)
        }
        Told::LetThrough(_) | Told::Denied(_) | Told::Nothing(_) => None,
    })
}

/// Asks for all settings. The first request that is carried out ends the kind.
pub(super) async fn ask_settings(
    service: &Service<'_>,
    questions: Vec<Question>,
    verified: &mut Verified,
) -> Result<(), Stop> {
    for question in questions {
        let before = value(service, &question).await?;
        let restorable = before.as_ref().is_some_and(|before| put_back(&question.ask, before.as_deref()).is_some());
        let Some(before) = before.filter(|_| restorable) else {
            *verified.not_asked.entry(NotAsked::Restore).or_default() += 1;
            continue;
        };
        let request = question.ask.request(service.of.token);
        if let Some(why) = service.told(&request, false).await?.disbelief() {
            verified.tell(question.clone(), Outcome::Unclear(why));
            compared(service, &question, &before).await?;
            continue;
        }
        let mut told = service.told(&request, true).await?;
        if let Err(stop) = compared(service, &question, &before).await {
            let why = "the service took a text for a setting".to_owned();
            verified.tell(question, Outcome::Unclear(why));
            return Err(stop);
        }
        for pause in &service.of.manners.pauses {
            if differs(&question, &told) {
                sleep(*pause).await;
                told = service.told(&request, true).await?;
                compared(service, &question, &before).await?;
            }
        }
        if let Told::LetThrough(answer) = &told
            && answer.is_done()
        {
            let why = format!("the service took a text for a setting ({})", answer.brief());
            verified.kinds.iter_mut().rev().take(1).for_each(|kind| kind.nothing = Some(why.clone()));
            verified.tell(question, Outcome::Unclear(why));
            return Ok(());
        }
        let outcome = told.outcome(question.allowed);
        verified.tell(question, outcome);
        (service.of.progress)();
    }
    Ok(())
}

/// Compares a setting with its value before, and puts it back if it changed. The value is in a file before that.
async fn compared(service: &Service<'_>, question: &Question, before: &Option<String>) -> Result<(), Stop> {
    let after = value(service, question).await?;
    if after.as_ref() == Some(before) {
        return Ok(());
    }
    let what = format!("{} of bucket {}", question.ask.row().word.trim_start_matches("change-"), question.ask.bucket());
    let name = format!("{}-{}", question.ask.bucket(), question.ask.row().word.trim_start_matches("change-"));
    let file = (service.of.store)(&name, before.as_deref().unwrap_or_default()).ok();
    let mut is_there = true;
    if let Some(request) = put_back(&question.ask, before.as_deref()) {
        let _ = service.send(&request, true).await;
        is_there = value(service, question).await?.as_ref() != Some(before);
    }
    Err(Stop::Left(vec![Left { what, is_there, file }]))
}

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
