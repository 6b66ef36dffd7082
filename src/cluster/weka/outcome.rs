//! From an exit status and what was printed to what a failure may have done.

use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;

use super::answer::Expected;
use super::command::Command;
use crate::cluster::pairs;
use crate::cluster::words::clean;
use crate::cluster::{CallError, Effect};

/// How a run of the command ended that ended by itself.
#[derive(Debug)]
pub(super) struct Ended {
    /// The exit status; none when a signal ended it.
    pub(super) code: Option<i32>,
    /// What it printed as its result.
    pub(super) out: Zeroizing<String>,
    /// What it printed as its complaint.
    pub(super) err: Zeroizing<String>,
}

/// Words of a command that could not talk to its cluster, or not to the end. No release documents them; where they are
/// not the right ones, a failure counts as a refusal, and apply looks at the cluster in either case.
const BROKEN: [&str; 14] = [
    "connect",
    "timed out",
    "timeout",
    "reset by peer",
    "broken pipe",
    "unreachable",
    "unexpected eof",
    "end of file",
    "closed",
    "internal error",
    "bad gateway",
    "unavailable",
    "gateway time",
    "try again",
];

/// Words of a cluster that does not accept who we are.
const UNKNOWN_CALLER: [&str; 7] =
    ["unauthorized", "not logged in", "authentication", "permission denied", "forbidden", "not allowed", "login"];

/// Words of a command that does not know its arguments.
const USAGE: [&str; 6] =
    ["usage:", "unrecognized", "unexpected argument", "too many arguments", "missing argument", "required argument"];

/// What a command printed, when it says that the call was done.
pub(super) fn judge(
    command: &Command,
    ended: Ended,
    secrets: &[&SecretString],
) -> Result<Zeroizing<String>, CallError> {
    if ended.code == Some(0) {
        return Ok(ended.out);
    }
    let words = words(command, &ended, secrets);
    let lower = words.to_lowercase();
    let says = |any: &[&str]| any.iter().any(|word| lower.contains(word));
    let Some(code) = ended.code.and_then(|code| u16::try_from(code).ok()) else {
        return Err(CallError::new(
            command.shown(),
            Effect::UnknownOutcome,
            format!("a signal ended it{}", behind(&words)),
        ));
    };
    let effect = if says(&USAGE) {
        Effect::Refused(code)
    } else if says(&BROKEN) {
        Effect::UnknownOutcome
    } else if says(&UNKNOWN_CALLER) {
        Effect::Unauthorized(code)
    } else {
        Effect::Refused(code)
    };
    let error = CallError::new(command.shown(), effect, format!("exit status {code}{}", behind(&words)));
    Err(match effect {
        Effect::Unauthorized(_) => {
            error.help("log in with `weka user login` as a user whose role may manage S3 policies and users of this tenant, or set WEKA_USERNAME and WEKA_PASSWORD")
        }
        Effect::NotSent | Effect::Refused(_) | Effect::UnknownOutcome => error,
    })
}

/// Whether a command was refused for its arguments, before anything was done: another release may take other ones.
pub(super) fn is_usage(error: &CallError) -> bool {
    let lower = error.message.to_lowercase();
    matches!(error.effect, Effect::Refused(_)) && USAGE.iter().any(|word| lower.contains(word))
}

/// An answer that cannot be read. What was done is unknown.
pub(super) fn unreadable(
    command: &Command,
    Expected(expected): Expected,
    out: &str,
    secrets: &[&SecretString],
) -> CallError {
    let shown = match clean(out, secrets) {
        _ if command.confidential => "not shown, since it may hold a secret".to_owned(),
        text if text.is_empty() => "empty".to_owned(),
        text => text,
    };
    let message = format!("what it printed does not hold {expected}; it is: {shown}");
    CallError::new(command.shown(), Effect::UnknownOutcome, message)
}

/// What the command complained about; what it printed as its result is looked at only where it has no complaint.
fn words(command: &Command, ended: &Ended, secrets: &[&SecretString]) -> String {
    if command.makes_keys && pairs::speaks_of_secret(&ended.err) {
        return "not shown, since it may hold a secret".to_owned();
    }
    let complaint = clean(&ended.err, secrets);
    if !complaint.is_empty() || command.confidential { complaint } else { clean(&ended.out, secrets) }
}

fn behind(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!(": {words}") }
}

#[cfg(test)]
mod tests {
    use super::super::command;
    use super::*;
    use crate::base::{PolicyName, Principal, UserName};

    fn effect(code: Option<i32>, err: &str) -> Effect {
        let ended = Ended { code, out: Zeroizing::default(), err: Zeroizing::new(err.to_owned()) };
        judge(&command::users(), ended, &[]).unwrap_err().effect
    }

    #[test]
    fn the_exit_status_decides_and_the_words_say_what_may_have_been_done() {
        let ended =
            Ended { code: Some(0), out: Zeroizing::new("[]".to_owned()), err: Zeroizing::new("a warning".to_owned()) };
        assert_eq!(judge(&command::users(), ended, &[]).unwrap().as_str(), "[]");
        for (code, err, expected) in [
            (Some(1), "error: policy is attached to bob", Effect::Refused(1)),
            (Some(2), "error: usage: weka s3 policy detach <user>", Effect::Refused(2)),
            (Some(1), "error: Connection closed", Effect::UnknownOutcome),
            (Some(1), "error: Not logged in", Effect::Unauthorized(1)),
            (Some(1), "", Effect::Refused(1)),
            (None, "", Effect::UnknownOutcome),
        ] {
            assert_eq!(effect(code, err), expected, "{err}");
        }
    }

    #[test]
    fn secrets_are_in_no_error() {
        let password = SecretString::from("p4ssw0rd");
        let text = |text: &str| Zeroizing::new(text.to_owned());
        let ended = Ended { code: Some(1), out: text("p4ssw0rd"), err: text("p4ssw0rd is wrong") };
        let error = judge(&command::users(), ended, &[&password]).unwrap_err();
        assert!(!format!("{error:?}").contains("p4ssw0rd"));
        let user = Principal::User(UserName::reported("u"));
        let attach = command::attach(&PolicyName::reported("p"), &user);
        let attach = attach.unwrap();
        let error = unreadable(&attach, Expected("a key pair"), "secret SK", &[]);
        assert!(!format!("{error:?}").contains("SK"));
        let ended = Ended { code: Some(1), out: text(""), err: text("Access-Key: AK\nSecret-Key: SK") };
        let error = judge(&attach, ended, &[]).unwrap_err();
        assert!(!format!("{error:?}").contains("SK"), "{error:?}");
    }
}
