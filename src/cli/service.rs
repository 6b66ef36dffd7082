//! How a command reaches the S3 service: its address, and the keys of requests.

use std::path::PathBuf;
use std::time::Duration;

use super::args::GlobalArgs;
use super::connect::trusted;
use super::exit::{self, Failure};
use crate::cluster::rest::Fingerprint;
use crate::desired::S3Settings;
use crate::s3::{AwsFiles, Failing, S3Client, S3Endpoint, S3Keys, S3Options};
use crate::verify::Problem;

/// The S3 service.
#[derive(Debug, clap::Args)]
pub(super) struct ServiceArgs {
    /// Address of the S3 service
    ///
    /// `attune verify` takes that of `[cluster] s3_endpoints` without it. A probe asks only the service that it names.
    #[arg(long, value_name = "URL")]
    s3: Option<String>,
    /// PEM file with the certificates to trust for it, instead of `s3_ca_file` and `s3_fingerprint`
    #[arg(long, value_name = "FILE", conflicts_with = "s3_fingerprint")]
    s3_ca_file: Option<PathBuf>,
    /// SHA-256 of its certificate, instead of `s3_ca_file` and `s3_fingerprint`
    #[arg(long, value_name = "sha256:DIGITS")]
    s3_fingerprint: Option<Fingerprint>,
    /// Its region, instead of `s3_region` [default: us-east-1]
    #[arg(long, value_name = "NAME")]
    s3_region: Option<String>,
}

/// The keys of the user.
#[derive(Debug, clap::Args)]
pub(super) struct KeysArgs {
    /// Keys of a profile in the shared AWS files; without it and --keys, those of the AWS environment
    #[arg(long, value_name = "NAME", conflicts_with = "keys")]
    aws_profile: Option<String>,
    /// Keys of a file that attune wrote
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// File with the age identity that opens the file of --keys
    #[arg(long, value_name = "FILE", requires = "keys")]
    identity: Option<PathBuf>,
}

const DEFAULT_REGION: &str = "us-east-1";

/// How long to wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

impl ServiceArgs {
    /// Whether the command line names an address.
    pub(super) fn has_address(&self) -> bool {
        self.s3.is_some()
    }

    /// Whether the command line says anything about the service.
    pub(super) fn is_used(&self) -> bool {
        let Self { s3, s3_ca_file, s3_fingerprint, s3_region } = self;
        s3.is_some() || s3_ca_file.is_some() || s3_fingerprint.is_some() || s3_region.is_some()
    }

    /// The service of the command line, else of these settings.
    pub(super) fn client(&self, settings: &S3Settings, global: &GlobalArgs) -> Result<S3Client, Failure> {
        let configured = settings.endpoints.first().map(|endpoint| endpoint.text.as_str());
        let address = self.s3.as_deref().or(configured).ok_or_else(|| {
            Failure::new(&exit::S3_SERVICE, "there is no address of an S3 service")
                .help("name it with `--s3 URL`, or set s3_endpoints under [cluster]")
        })?;
        let endpoint = S3Endpoint::parse(address, global.insecure);
        let endpoint = endpoint.map_err(|problem| Failure::setup(&exit::S3_SERVICE, problem))?;
        let digits = self.s3_fingerprint.map(|of| of.to_string().trim_start_matches("sha256:").to_owned());
        let (digits, ca_file) = match digits.is_some() || self.s3_ca_file.is_some() {
            true => (digits, self.s3_ca_file.clone()),
            false => (settings.fingerprint.clone(), settings.ca_file.clone()),
        };
        let trust = trusted(global.insecure, digits.as_deref(), ca_file.as_deref())?;
        let region = self.s3_region.clone().or_else(|| settings.region.clone());
        let region = region.unwrap_or_else(|| DEFAULT_REGION.to_owned());
        S3Client::new(S3Options { endpoint, region, trust, timeout: TIMEOUT })
            .map_err(|problem| Failure::new(&exit::BAD_TRUST, format!("the certificate to trust {problem}")))
    }
}

impl KeysArgs {
    /// Whether the command line names keys.
    pub(super) fn is_used(&self) -> bool {
        self.aws_profile.is_some() || self.keys.is_some()
    }

    /// The keys that the command line names, else those of the environment.
    pub(super) fn keys(&self) -> Result<S3Keys, Failure> {
        let variable = |name: &str| std::env::var_os(name);
        let keys = match (&self.keys, &self.aws_profile) {
            (Some(path), _) => S3Keys::of_file(path, self.identity.as_deref()),
            (None, Some(profile)) => AwsFiles::of_environment(variable).keys(profile),
            (None, None) => S3Keys::of_environment(variable),
        };
        keys.map_err(|problem| {
            Failure::new(&exit::NO_KEYS, problem.to_string())
                .help("name keys with `--keys FILE` or `--aws-profile NAME`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
        })
    }
}

/// Why the service could not be asked.
pub(super) fn failure(problem: &Problem, client: &S3Client) -> Failure {
    let endpoint = client.endpoint();
    let keys = |message: String, help: &str| Failure::new(&exit::NO_KEYS, message).help(help);
    match problem {
        Problem::NoAnswer { message, help } => {
            let failure = Failure::new(&exit::S3_SERVICE, message.clone());
            help.iter().fold(failure, |failure, help| failure.help(help.clone()))
        }
        Problem::NoS3(why) => Failure::new(&exit::S3_SERVICE, format!("{endpoint} is no S3 service: {why}"))
            .help("name the address of the S3 service itself: a management port and a web page are none"),
        Problem::Keys(Failing::Unknown) => {
            keys(format!("{endpoint} does not know the access key"), "are the keys of another cluster, or replaced?")
        }
        Problem::Keys(Failing::Secret) => {
            keys(format!("the secret key is not that of the access key, says {endpoint}"), "check both keys")
        }
        Problem::Keys(Failing::Clock(ahead)) => {
            let by = ahead.map(|ahead| format!(" by {} s", ahead.abs())).unwrap_or_default();
            let message =
                format!("{endpoint} refuses the signature: the clock of this machine differs from its own{by}");
            keys(message, "set the clock of this machine, for example with NTP")
        }
        Problem::Keys(Failing::Token) => keys(
            format!("{endpoint} refuses the token of the temporary credentials: it has expired or is not its own"),
            "get new ones, for example with `attune sts assume-role`",
        ),
        Problem::Keys(Failing::Region) => {
            keys(format!("{endpoint} expects signatures for another region"), "name it with `--s3-region`")
        }
    }
}
