//! Sends the requests of a probe to the S3 service, one by one, and reads what each answer tells.

use std::time::Duration;

use super::rules::Seen;
use super::trials::{About, key_of};
use crate::base::BucketName;
use crate::s3::{
    Ask, BucketAt, Class, Failing, KeyAt, Pace, ROWS, ROWS_OF_RULES, S3Answer, S3Client, S3Keys, S3Request, Service,
    Token, bucket_within, from_other_address, key_behind_slash, key_within, list_of_buckets,
};

/// How the rules of the S3 service are asked.
pub struct ServiceOptions {
    /// The service.
    pub client: S3Client,
    /// The random characters of the names that are not there.
    pub token: Token,
    /// Keys that the user has. A new pair of the cluster goes before them.
    pub keys: Option<S3Keys>,
    /// An empty bucket that was made for this.
    pub bucket: Option<BucketName>,
    /// How long a new key pair or policy may take.
    pub wait: Duration,
    /// The pace of requests.
    pub pace: Pace,
}

/// The bucket that everything is asked about.
pub(super) enum Place {
    /// It is not there: its name has the random characters.
    Absent(BucketAt),
    There(BucketName),
}

impl Place {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Absent(bucket) => bucket.as_str(),
            Self::There(bucket) => bucket.as_str(),
        }
    }
}

/// The S3 service of a probe.
pub(super) struct Asker<'a> {
    of: &'a ServiceOptions,
    pub(super) place: Place,
    user: String,
    service: Service<'a>,
}

/// What a request told.
pub(super) struct Told {
    pub(super) seen: Seen,
    /// The answer, if it is one that tells.
    pub(super) answer: Option<S3Answer>,
    /// Why the keys are no good, if they are not.
    pub(super) failing: Option<Failing>,
}

impl Told {
    /// The answer in short.
    pub(super) fn brief(&self) -> String {
        self.answer.as_ref().map(S3Answer::brief).unwrap_or_default()
    }
}

impl<'a> Asker<'a> {
    /// `None` if the name of a bucket that is not there cannot be made, which is a defect.
    pub(super) fn new(of: &'a ServiceOptions, user: &str) -> Option<Self> {
        let place = match &of.bucket {
            Some(bucket) => Place::There(bucket.clone()),
            None => Place::Absent(bucket_within("attune-probe-*", &of.token)?),
        };
        Some(Self { of, place, user: user.to_owned(), service: Service::new(&of.client, &of.pace) })
    }

    pub(super) fn sent(&self) -> usize {
        self.service.sent()
    }

    /// The row of a request, about the bucket or a key in it that is not there.
    fn row(&self, word: &str, key: Option<&str>, behind_slash: bool) -> Option<Ask> {
        let key = match key {
            Some(key) => Some(key_within(&key_of(key, &self.user), &self.of.token)?),
            None => None,
        };
        let key = if behind_slash { key.as_ref().map(key_behind_slash) } else { key };
        ROWS.iter().chain(ROWS_OF_RULES).filter(|row| row.word == word && row.on_key == key.is_some()).find_map(|row| {
            match (&self.place, &key) {
                (Place::Absent(bucket), key) => row.without_bucket(bucket, key.as_ref().map_or("", KeyAt::as_str)),
                (Place::There(bucket), Some(key)) => row.without_key(bucket.as_str(), key),
                (Place::There(bucket), None) => row.of_bucket(bucket.as_str()),
            }
        })
    }

    /// The request that asks this; `None` if there is none.
    pub(super) fn request(&self, about: About<'_>) -> Option<S3Request> {
        let of = |ask: Option<Ask>| ask.map(|ask| ask.request(&self.of.token));
        match about {
            About::Bucket(word) => of(self.row(word, None, false)),
            About::Key(word, key) => of(self.row(word, Some(key), false)),
            About::Parts(key) => of(self.row(PARTS, Some(key), false)),
            About::BehindSlash(key) => of(self.row(PARTS, Some(key), true)),
            About::FromElsewhere(key) => of(self.row(PARTS, Some(key), false)).map(from_other_address),
            About::Listed => Some(list_of_buckets()),
        }
    }

    /// What a request tells. A service must deny it without a login.
    pub(super) async fn ask(&self, about: About<'_>, keys: &S3Keys) -> Seen {
        let Some(request) = self.request(about) else {
            return Seen::Nothing("no harmless request asks it here".to_owned());
        };
        let told = self.told(&request, None).await;
        match told.seen {
            Seen::Denied => self.ask_again(about, keys).await,
            Seen::Through | Seen::Refused => {
                Seen::Nothing(format!("without a login the service answers {}", told.brief()))
            }
            Seen::Nothing(_) => told.seen,
        }
    }

    /// The same, where it is known that the service denies it without a login.
    pub(super) async fn ask_again(&self, about: About<'_>, keys: &S3Keys) -> Seen {
        let Some(request) = self.request(about) else {
            return Seen::Nothing("no harmless request asks it here".to_owned());
        };
        let told = self.told(&request, Some(keys)).await;
        match (about, told.seen, told.answer) {
            (About::Listed, Seen::Through, Some(answer)) => match answer.buckets() {
                Some(buckets) if buckets.iter().any(|bucket| bucket == self.place.name()) => Seen::Through,
                Some(_) => Seen::Denied,
                None => Seen::Nothing("the answer is no list of buckets".to_owned()),
            },
            (_, seen, _) => seen,
        }
    }

    /// Sends a request.
    pub(super) async fn told(&self, request: &S3Request, keys: Option<&S3Keys>) -> Told {
        let nothing = |why: String| Told { seen: Seen::Nothing(why), answer: None, failing: None };
        match self.service.ask(request, keys).await {
            Ok((Class::Denied, answer)) => Told { seen: Seen::Denied, answer: Some(answer), failing: None },
            Ok((Class::LetThrough, answer)) => Told { seen: Seen::Through, answer: Some(answer), failing: None },
            Ok((Class::Failing(failing), _)) => Told { failing: Some(failing), ..nothing(why_failing(failing)) },
            Ok((Class::Busy, _)) => nothing("the service is busy".to_owned()),
            Ok((Class::Unclear(why), _)) => nothing(why),
            Err(problem) => {
                let help = problem.help.map(|help| format!("; {help}")).unwrap_or_default();
                nothing(problem.message + &help)
            }
        }
    }
}

const PARTS: &str = "list-parts";

/// Why keys are no good, without the keys.
fn why_failing(failing: Failing) -> String {
    match failing {
        Failing::Unknown => "the service does not know the access key".to_owned(),
        Failing::Secret => "the secret key is not that of the access key".to_owned(),
        Failing::Clock(ahead) => {
            let by = ahead.map(|ahead| format!(" by {} s", ahead.abs())).unwrap_or_default();
            format!("the clock of this machine differs from the service{by}")
        }
        Failing::Token => "the service refuses the token".to_owned(),
        Failing::Region => "the service expects another region: name it with `--s3-region`".to_owned(),
    }
}
