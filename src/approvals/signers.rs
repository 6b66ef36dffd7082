//! Who may sign approvals, and how many people did: names and keys that belong together are one person.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

/// The people who may sign: a file in the format of `ssh-keygen`, with one name on each line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedSigners {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    name: String,
    /// The fingerprint of the person's key; `None` if the key is that of a certificate authority.
    key: Option<String>,
}

/// A signature that `ssh-keygen` verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Where it comes from, for people.
    pub file: String,
    /// The name of its signer.
    pub name: String,
    /// The fingerprint of its key.
    pub key: String,
}

/// A person who does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// The person's names.
    pub names: Vec<String>,
    /// The fingerprint of the person's key.
    pub key: Option<String>,
    /// Why, such as `signed commit 08e24b0 of the proposal`.
    pub why: String,
}

/// The people whose signatures count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counted {
    /// A name for each.
    pub people: Vec<String>,
    /// The signatures that do not count, with the reasons.
    pub left_out: Vec<String>,
}

/// How the types of keys start in such a file.
const KEY_TYPES: [&str; 4] = ["ssh-", "ecdsa-", "sk-", "rsa-"];

impl AllowedSigners {
    /// Reads a file. A line that names a pattern, a list or a quoted name is refused: attune counts people, and such a line does
    /// not say who signed.
    ///
    /// # Errors
    /// The first line that is refused.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.contains(|c: char| c.is_control() && !['\t', '\r', '\n'].contains(&c)) {
            return Err("it has a control character".to_owned());
        }
        let lines = text.lines().enumerate();
        let lines = lines.map(|(number, line)| (number + 1, line.trim_matches([' ', '\t', '\r'])));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let read = |(number, line): (usize, &str)| Line::read(line).map_err(|why| format!("line {number} {why}"));
        let lines: Vec<Line> = lines.map(read).collect::<Result<_, _>>()?;
        if lines.is_empty() { Err("it names nobody".to_owned()) } else { Ok(Self { lines }) }
    }

    /// Whether this name may sign, in any spelling of its letters.
    pub fn has(&self, name: &str) -> bool {
        self.lines.iter().any(|line| line.name.eq_ignore_ascii_case(name))
    }

    /// The names that may sign with a key.
    pub fn names_of(&self, key: &str) -> BTreeSet<String> {
        let lines = self.lines.iter().filter(|line| line.key.as_deref() == Some(key));
        lines.map(|line| line.name.clone()).collect()
    }

    /// All names.
    pub fn names(&self) -> BTreeSet<&str> {
        self.lines.iter().map(|line| line.name.as_str()).collect()
    }
}

impl Line {
    fn read(line: &str) -> Result<Self, String> {
        let (name, rest) = line.split_once([' ', '\t']).ok_or("has no key")?;
        let is_plain = |c: char| c.is_alphanumeric() || "._@+-/:=".contains(c);
        if name.starts_with('-') || !name.chars().all(is_plain) {
            return Err("has a pattern, a list or a quoted name: give each person a line with a plain name".to_owned());
        }
        let mut rest = rest.trim_start();
        let is_key = |text: &str| KEY_TYPES.iter().any(|start| text.starts_with(start));
        let mut options = "";
        if !is_key(rest) {
            (options, rest) = rest.split_at(end_of_options(rest));
        }
        let mut words = rest.split_whitespace();
        let key = words.next().filter(|kind| is_key(kind)).and_then(|_| words.next());
        let key = key.and_then(|text| STANDARD.decode(text).ok()).ok_or("has no key that attune can read")?;
        let is_authority = without_quoted(options).split(',').any(|of| of.eq_ignore_ascii_case("cert-authority"));
        Ok(Self { name: name.to_owned(), key: (!is_authority).then(|| fingerprint(&key)) })
    }
}

/// Where the options of a line end: at the first blank that is in no quotes.
fn end_of_options(text: &str) -> usize {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !is_escaped => is_quoted = !is_quoted,
            ' ' | '\t' if !is_quoted => return at,
            _ => {}
        }
        is_escaped = c == '\\';
    }
    text.len()
}

/// Options without what is in quotes.
fn without_quoted(options: &str) -> String {
    let (mut is_quoted, mut is_escaped, mut kept) = (false, false, String::new());
    for c in options.chars() {
        if c == '"' && !is_escaped {
            is_quoted = !is_quoted;
        } else if !is_quoted {
            kept.push(c);
        }
        is_escaped = c == '\\';
    }
    kept
}

/// The fingerprint of a key, as `ssh-keygen` prints it.
fn fingerprint(key: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(key)))
}

/// Names and keys that belong together.
#[derive(Default)]
struct People {
    parents: BTreeMap<String, String>,
}

impl People {
    fn name(name: &str) -> String {
        format!("name {}", name.to_lowercase())
    }

    fn key(key: &str) -> String {
        format!("key {key}")
    }

    fn person(&self, of: &str) -> String {
        let mut at = of;
        while let Some(parent) = self.parents.get(at) {
            at = parent;
        }
        at.to_owned()
    }

    fn join(&mut self, one: &str, other: &str) {
        let (one, other) = (self.person(one), self.person(other));
        if one != other {
            self.parents.insert(one, other);
        }
    }
}

/// Counts the people who signed. A key with two names is one person, and so is a name with two keys.
pub fn count_signers(allowed: &AllowedSigners, signatures: &[Signature], excluded: &[Exclusion]) -> Counted {
    let mut people = People::default();
    let lines = allowed.lines.iter().filter_map(|line| Some((&line.name, line.key.as_ref()?)));
    let signed = signatures.iter().map(|of| (&of.name, &of.key));
    for (name, key) in lines.chain(signed) {
        people.join(&People::name(name), &People::key(key));
    }
    for of in excluded {
        let names = of.names.iter().map(|name| People::name(name));
        let nodes: Vec<String> = names.chain(of.key.iter().map(|key| People::key(key))).collect();
        nodes.windows(2).for_each(|pair| people.join(&pair[0], &pair[1]));
    }
    let nodes = |of: &Exclusion| match (&of.key, of.names.first()) {
        (Some(key), _) => Some(People::key(key)),
        (None, name) => name.map(|name| People::name(name)),
    };
    let out: Vec<(String, &str)> =
        excluded.iter().filter_map(|of| Some((people.person(&nodes(of)?), of.why.as_str()))).collect();
    let (mut counted, mut seen) = (Counted::default(), BTreeMap::<String, &str>::new());
    for Signature { file, name, key } in signatures {
        let person = people.person(&People::key(key));
        if let Some((_, why)) = out.iter().find(|(excluded, _)| *excluded == person) {
            counted.left_out.push(format!("{file}: {name} {why}"));
        } else if let Some(other) = seen.get(&person) {
            counted.left_out.push(format!("{file}: {name} is the same person as {other}, whose signature counts"));
        } else {
            seen.insert(person, name);
            counted.people.push(name.clone());
        }
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::*;

    const K1: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINj9fggxCdNNtB17dx/W91EOcXfM2TQKK/lcRZvpbK2O a comment";
    const K2: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILH6xxkiBIK2nc15XKEnI3smjlQY6E430A5WDvueWjJZ";

    fn key(of: &str) -> String {
        AllowedSigners::read(&format!("x {of}")).unwrap().lines[0].key.clone().unwrap()
    }

    fn by(name: &str, of: &str) -> Signature {
        Signature { file: format!("{name}.sig"), name: name.to_owned(), key: key(of) }
    }

    #[test]
    fn lines_are_read_with_their_options() {
        assert_eq!(key(K1), "SHA256:PzmbKPGZGMJdFl8X9T9zgAA9SAhz3VOuxRLjIaa+uJQ");
        let quoted = AllowedSigners::read(&format!("x namespaces=\"a,cert-authority\" {K1}")).unwrap();
        assert_eq!(quoted.names_of(&key(K1)).len(), 1);
        let text = format!(
            "# people\n\nalice@x {K1}\n  bob\tnamespaces=\"a b\\\" c\",valid-before=\"20300101\" {K2}\nca cert-authority {K2}\n"
        );
        let allowed = AllowedSigners::read(&text).unwrap();
        assert_eq!(allowed.names(), BTreeSet::from(["alice@x", "bob", "ca"]));
        assert_eq!(allowed.names_of(&key(K2)), BTreeSet::from(["bob".to_owned()]));
        assert!(allowed.has("ALICE@x") && !allowed.has("alice"));
    }

    #[test]
    fn a_line_that_names_nobody_in_particular_is_refused() {
        for (line, why) in [
            (format!("* {K1}"), "line 1 has a pattern"),
            (format!("*@example.com {K1}"), "a pattern"),
            (format!("alice,bob {K1}"), "a list"),
            (format!("\"alice\" {K1}"), "a quoted name"),
            (format!("!alice {K1}"), "a pattern"),
            (format!("-alice {K1}"), "a plain name"),
            ("alice".to_owned(), "has no key"),
            ("alice ssh-ed25519".to_owned(), "has no key"),
            ("alice ssh-ed25519 %%%".to_owned(), "has no key"),
            (format!("alice namespaces=\"open {K1}"), "has no key"),
            ("# nobody".to_owned(), "it names nobody"),
        ] {
            let error = AllowedSigners::read(&line).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }

    #[test]
    fn names_and_keys_that_belong_together_are_one_person() {
        let allowed = |text: &str| AllowedSigners::read(text).unwrap();
        let people =
            |allowed: &AllowedSigners, signatures: &[Signature]| count_signers(allowed, signatures, &[]).people;
        let two = allowed(&format!("alice {K1}\nbob {K2}"));
        assert_eq!(people(&two, &[by("alice", K1), by("bob", K2)]), ["alice", "bob"]);
        assert_eq!(people(&two, &[by("alice", K1), by("alice", K1)]), ["alice"]);
        let one_key = allowed(&format!("alice {K1}\nbob {K1}"));
        assert_eq!(people(&one_key, &[by("alice", K1), by("bob", K1)]), ["alice"]);
        let two_keys = allowed(&format!("alice {K1}\nAlice {K2}"));
        assert_eq!(people(&two_keys, &[by("alice", K1), by("Alice", K2)]), ["alice"]);
        // Joined by a line that no signature uses.
        let joined = allowed(&format!("alice {K1}\nbob {K2}\nalice {K2}"));
        let counted = count_signers(&joined, &[by("alice", K1), by("bob", K2)], &[]);
        assert_eq!((counted.people, counted.left_out.len()), (vec!["alice".to_owned()], 1));
        // An authority's key is nobody's.
        let authority = allowed(&format!("alice cert-authority {K1}\nbob cert-authority {K1}"));
        let certified = |name: &str, key: &str| Signature { key: key.to_owned(), ..by(name, K1) };
        assert_eq!(people(&authority, &[certified("alice", "SHA256:a"), certified("bob", "SHA256:b")]).len(), 2);
    }

    #[test]
    fn people_who_proposed_do_not_count_under_any_name_or_key() {
        let allowed = AllowedSigners::read(&format!("alice {K1}\nalice {K2}\nbob {K2}")).unwrap();
        let signed = [by("bob", K2)];
        let by_name = |name: &str| Exclusion { names: vec![name.to_owned()], key: None, why: "proposed it".to_owned() };
        let by_key = Exclusion { names: Vec::new(), key: Some(key(K1)), why: "signed a commit".to_owned() };
        for of in [by_name("ALICE"), by_name("bob"), by_key] {
            let counted = count_signers(&allowed, &signed, std::slice::from_ref(&of));
            assert!(counted.people.is_empty(), "{of:?}");
            assert_eq!(counted.left_out, [format!("bob.sig: bob {}", of.why)]);
        }
        assert_eq!(count_signers(&allowed, &signed, &[by_name("carol")]).people, ["bob"]);
    }
}
