//! The commands of `weka` as lists of arguments, which no shell reads.

use secrecy::{ExposeSecret, SecretString};

use crate::base::{BucketArguments, BucketName, CannedPolicy, DetachForm, GroupName, PolicyName, Principal, UserName};
use crate::cluster::{AssumeRole, CallError, Effect};

#[derive(Debug)]
pub(super) struct Command {
    /// The arguments, without secrets: other users of the host can read them.
    pub(super) args: Vec<String>,
    pub(super) is_read: bool,
    pub(super) answers: Option<SecretString>,
    pub(super) secret: Option<SecretString>,
    /// Whether the output may hold a secret, so that nothing of it may be shown.
    pub(super) confidential: bool,
    /// Whether it may create a key pair, so that unreadable output must be kept.
    pub(super) makes_keys: bool,
}

impl Command {
    fn new(words: &[&str]) -> Self {
        let args = words.iter().chain(&["--json"]).map(|word| (*word).to_owned()).collect();
        Self { args, is_read: false, answers: None, secret: None, confidential: false, makes_keys: false }
    }

    pub(super) fn read(words: &[&str]) -> Self {
        Self { is_read: true, ..Self::new(words) }
    }

    /// The command without its arguments, such as `weka s3 policy list`.
    pub(super) fn name(&self) -> String {
        let words = match self.args.as_slice() {
            [first, second, third, ..] if [first, second, third] == ["s3", "bucket", "policy"] => 4,
            [first, ..] if first == "s3" => 3,
            _ => 2,
        };
        let words: Vec<&str> =
            self.args.iter().map(String::as_str).take(words).take_while(|word| !word.starts_with('-')).collect();
        format!("weka {}", words.join(" "))
    }

    pub(super) fn shown(&self) -> String {
        format!("weka {}", self.args.join(" "))
    }
}

pub(super) fn show(policy: &PolicyName) -> Result<Command, CallError> {
    named(&["s3", "policy", "show"], &[policy.as_str()]).map(|command| Command { is_read: true, ..command })
}

pub(super) fn add(policy: &PolicyName, file: &str) -> Result<Command, CallError> {
    named(&["s3", "policy", "add"], &[policy.as_str(), file])
}

pub(super) fn remove(policy: &PolicyName) -> Result<Command, CallError> {
    named(&["s3", "policy", "remove"], &[policy.as_str()])
}

/// Attaches a policy to a user or, since 6.0, to a group. The output may hold a new key pair of a user.
pub(super) fn attach(policy: &PolicyName, principal: &Principal) -> Result<Command, CallError> {
    let words = ["s3", "policy", "attach"];
    match principal {
        Principal::User(user) => {
            let command = named(&words, &[policy.as_str(), user.as_str()])?;
            Ok(Command { confidential: true, makes_keys: true, ..command })
        }
        Principal::Group(group) => {
            let mut command = named(&words, &[policy.as_str()])?;
            command.args.extend(option("--group", group.as_str())?);
            Ok(command)
        }
    }
}

pub(super) fn detach_group(group: &GroupName) -> Result<Command, CallError> {
    let mut command = Command::new(&["s3", "policy", "detach"]);
    command.args.extend(option("--group", group.as_str())?);
    Ok(command)
}

pub(super) fn detach(policy: &PolicyName, user: &UserName, form: DetachForm) -> Result<Command, CallError> {
    let words = ["s3", "policy", "detach"];
    match form {
        DetachForm::User => named(&words, &[user.as_str()]),
        DetachForm::PolicyAndUser => named(&words, &[policy.as_str(), user.as_str()]),
    }
}

/// `get` or `get-json`: reads the policy of a bucket.
pub(super) fn bucket_policy(verb: &str, bucket: &BucketName) -> Result<Command, CallError> {
    let command = named(&["s3", "bucket", "policy", verb], &[of_bucket(bucket)?])?;
    Ok(Command { is_read: true, ..command })
}

/// `set` or `set-custom`: sets the policy of a bucket, by its name or from a file.
fn set_bucket(verb: &str, bucket: &BucketName, policy: &str, form: BucketArguments) -> Result<Command, CallError> {
    let bucket = of_bucket(bucket)?;
    let arguments = match form {
        BucketArguments::PolicyFirst => [policy, bucket],
        BucketArguments::BucketFirst => [bucket, policy],
    };
    named(&["s3", "bucket", "policy", verb], &arguments)
}

/// Sets a canned policy. If the bucket has the name of one, the other order of the arguments would change another bucket.
pub(super) fn set_canned(
    bucket: &BucketName,
    policy: CannedPolicy,
    form: BucketArguments,
) -> Result<Command, CallError> {
    let command = set_bucket("set", bucket, policy.as_str(), form)?;
    if bucket.as_str().parse::<CannedPolicy>().is_err() {
        return Ok(command);
    }
    let message =
        "not sent: the bucket has the name of a bucket policy, and releases differ in the order of the arguments";
    Err(CallError::new(command.shown(), Effect::NotSent, message).help("use REST for this bucket"))
}

pub(super) fn set_document(bucket: &BucketName, file: &str, form: BucketArguments) -> Result<Command, CallError> {
    set_bucket("set-custom", bucket, file, form)
}

fn of_bucket(bucket: &BucketName) -> Result<&str, CallError> {
    bucket.addressable().map(|()| bucket.as_str()).map_err(|problem| {
        let message = format!("not sent: the bucket name {:?} {problem}", bucket.as_str());
        CallError::new("weka s3 bucket policy", Effect::NotSent, message)
    })
}

/// Creates temporary credentials. The command asks for the secret key, so that it is not an argument.
pub(super) fn assume_role(ask: &AssumeRole, file: Option<&str>) -> Result<Command, CallError> {
    let words = ["s3", "sts", "assume-role", "--duration", &format!("{}s", ask.seconds), "--access-key"];
    let mut command = named(&words, &[ask.access_key.as_str()])?;
    if let Some(file) = file {
        command.args.extend(["--policy-file".to_owned(), file.to_owned()]);
    }
    let answers = format!("{}\n", ask.secret_key.expose_secret());
    Ok(Command { confidential: true, answers: Some(answers.into()), secret: Some(ask.secret_key.clone()), ..command })
}

/// Creates a new key pair of a user, or of the user that is logged in. Some releases ask for confirmation.
pub(super) fn generate_keys(user: Option<&UserName>) -> Result<Command, CallError> {
    let mut command = Command::new(&["s3", "user", "keys-generate"]);
    if let Some(user) = user {
        command.args.extend(option("--user", user.as_str())?);
    }
    Ok(Command { confidential: true, makes_keys: true, answers: Some("yes\n".into()), ..command })
}

/// A command with names. It is unknown which releases accept `--` before names, so that a name which looks like an option is
/// refused.
fn named(words: &[&str], names: &[&str]) -> Result<Command, CallError> {
    let command = Command::new(&[words, names].concat());
    match names.iter().find(|name| !is_plain(name)) {
        None => Ok(command),
        Some(name) => Err(ambiguous(&command.shown(), name)),
    }
}

fn option(option: &str, value: &str) -> Result<[String; 2], CallError> {
    if is_plain(value) {
        return Ok([option.to_owned(), value.to_owned()]);
    }
    Err(ambiguous(&format!("weka … {option} {value}"), value))
}

fn is_plain(name: &str) -> bool {
    !(name.starts_with('-') || name.is_empty() || name.contains('\0'))
}

fn ambiguous(call: &str, name: &str) -> CallError {
    let message = format!("not sent: the `weka` command would read the name {name:?} as something else");
    CallError::new(call, Effect::NotSent, message).help("use REST for such names")
}
