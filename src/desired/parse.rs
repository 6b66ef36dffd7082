//! Parses the text of a file, and finds what must not be shown of it.

use semver::{Version, VersionReq};
use toml::Spanned;
use toml::de::DeTable;

use super::codes;
use super::raw::RawFile;
use super::schema::{SchemaErrors, check, is_secret};
use crate::base::{FileId, Finding, Location};

/// A file that is TOML, without what does not fit the schema.
type Parsed<'t> = (Spanned<DeTable<'t>>, SchemaErrors);

/// Parses a file and checks it against the schema. The error has findings and the places of possible secrets.
pub(super) fn parse<'t>(
    text: &'t str,
    file: FileId,
    schema: &serde_json::Value,
) -> Result<Parsed<'t>, (Vec<Finding>, Vec<Location>)> {
    let (mut table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let findings = errors.iter().map(|error| syntax(error, file)).collect();
        return Err((findings, secrets_of_lines(text, file)));
    }
    // A newer version may have other keys: its one message is worth more than one for each of them.
    if let Some(finding) = other_version(table.get_ref(), file) {
        return Err((vec![finding], secrets_of_lines(text, file)));
    }
    let errors = check(table.get_mut(), schema, file);
    Ok((table, errors))
}

/// Why this version must not read a file, by its `required_version`.
pub(super) fn other_version(table: &DeTable<'_>, file: FileId) -> Option<Finding> {
    const OWN: &str = env!("CARGO_PKG_VERSION");
    let required = table.get("required_version")?;
    let text = required.get_ref().as_str()?;
    let at = Location { file, span: required.span() };
    let requirement = match VersionReq::parse(text) {
        Ok(requirement) => requirement,
        Err(error) => {
            let message = format!("`{text}` is no requirement of versions: {error}");
            let finding = Finding::error(codes::BAD_VERSION, message).at(at);
            return Some(finding.help("write it as `>=0.2` or `>=0.2, <0.4`"));
        }
    };
    if Version::parse(OWN).is_ok_and(|own| requirement.matches(&own)) {
        return None;
    }
    let message = format!("this configuration requires attune {text}, and this is attune {OWN}");
    let help = "install a version that fits, or change `required_version`; nothing else was checked";
    Some(Finding::error(codes::OTHER_VERSION, message).at(at).help(help))
}

pub(super) fn syntax(error: &toml::de::Error, file: FileId) -> Finding {
    let at = error.span().map(|span| Location { file, span });
    Finding::error(codes::TOML_SYNTAX, error.message().trim_end()).at(at)
}

/// The places of possible secrets in a file that is not valid TOML: the values of lines with a key for a secret.
pub(super) fn secrets_of_lines(text: &str, file: FileId) -> Vec<Location> {
    let mut start = 0;
    let mut secrets = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some((key, value)) = line.split_once(['=', ':']) {
            let key = key.rsplit('.').next().unwrap_or_default().trim_matches([' ', '\t', '"', '\'']);
            if is_secret(key) {
                let end = start + line.len();
                secrets.push(Location { file, span: end - value.len()..end });
            }
        }
        start += line.len();
    }
    secrets
}

/// The places of logins in endpoints (`https://NAME:PASSWORD@HOST`). The connection refuses such endpoints; here they are
/// only hidden.
pub(super) fn endpoint_secrets(raw: &RawFile, text: &str, file: FileId) -> Vec<Location> {
    let endpoints = raw.cluster.iter().flat_map(|cluster| &cluster.get().endpoints);
    endpoints
        .filter_map(|endpoint| {
            let span = endpoint.span();
            let written = text.get(span.clone())?;
            let start = written.find("://")? + 3;
            let end = written.rfind('@').filter(|end| *end > start)?;
            Some(Location { file, span: span.start + start..span.start + end })
        })
        .collect()
}
