//! Asks for the settings of buckets, one by one: read before, compared after, and put back if they changed.

use tokio::time::sleep;

use super::outcome::{Difference, Left, Unclear, Verified};
use super::questions::{NotAsked, Question};
use super::service::{Service, Stop, Told, differs};
use crate::s3::{put_back, setting};

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
            verified.unclear.push(Unclear { question: question.clone(), why });
            compared(service, &question, &before).await?;
            continue;
        }
        let mut told = service.told(&request, true).await?;
        if let Err(stop) = compared(service, &question, &before).await {
            let why = "the service took a text for a setting".to_owned();
            verified.unclear.push(Unclear { question, why });
            return Err(stop);
        }
        for pause in &service.of.manners.pauses {
            if differs(&question, &told) {
                sleep(*pause).await;
                told = service.told(&request, true).await?;
                compared(service, &question, &before).await?;
            }
        }
        let done = matches!(&told, Told::LetThrough(answer) if answer.is_done());
        match told {
            Told::Nothing(why) => verified.unclear.push(Unclear { question, why }),
            Told::LetThrough(answer) if done => {
                let why = format!("the service took a text for a setting ({})", answer.brief());
                verified.unclear.push(Unclear { question, why: why.clone() });
                verified.kinds.iter_mut().rev().take(1).for_each(|kind| kind.nothing = Some(why.clone()));
                return Ok(());
            }
            Told::Denied(_) if !question.allowed => verified.agreed.push(question),
            Told::LetThrough(_) if question.allowed => verified.agreed.push(question),
            Told::Denied(answer) | Told::LetThrough(answer) => {
                let (request, answer) = (request.line(), answer.brief());
                verified.differences.push(Difference { question, request, answer });
            }
        }
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
