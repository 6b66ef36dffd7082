//! File names for users and policies: safe on every file system, and readable.

/// Device names on Windows, with any extension.
const DEVICES: [&str; 22] = [
    "CON", "PRN", "AUX", "NUL", "COM1", "COM2", "COM3", "COM4", "COM5", "COM6", "COM7", "COM8", "COM9", "LPT1", "LPT2",
    "LPT3", "LPT4", "LPT5", "LPT6", "LPT7", "LPT8", "LPT9",
];

/// The maximum length in bytes. File systems take 255, and an extension is added.
const LONGEST: usize = 200;

/// The file name of a name. Letters, digits and `_` stay, and `-`, `.` and `@` unless they come first. Every other byte
/// becomes `%` and two hexadecimal digits, and so does the first byte of a device name. A name that gets too long is cut
/// and gets a hash.
pub fn file_name(name: &str) -> String {
    spelled(name, true)
}

/// Like [`file_name`], but capitals are encoded too: for names that differ only in capitals, on a file system that ignores
/// case.
pub fn file_name_without_capitals(name: &str) -> String {
    spelled(name, false)
}

fn spelled(name: &str, capitals: bool) -> String {
    let stem = name.split('.').next().unwrap_or_default();
    let device = DEVICES.iter().any(|device| stem.eq_ignore_ascii_case(device));
    let mut safe = String::new();
    for (at, byte) in name.bytes().enumerate() {
        let letter = byte.is_ascii_alphanumeric() && (capitals || !byte.is_ascii_uppercase());
        let plain = letter || byte == b'_' || (at > 0 && matches!(byte, b'-' | b'.' | b'@'));
        if plain && !(at == 0 && device) {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    if safe.len() > LONGEST {
        use sha2::Digest as _;
        let hash = hex::encode(&sha2::Sha256::digest(name)[..16]);
        safe.truncate(LONGEST - hash.len() - 1);
        safe = format!("{safe}%{hash}");
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_make_safe_file_names() {
        let cases = [
            ("alice", "alice"),
            ("svc-backup_2", "svc-backup_2"),
            ("a.b@example.com", "a.b@example.com"),
            (".hidden", "%2Ehidden"),
            ("-rf", "%2Drf"),
            ("a b:c%", "a%20b%3Ac%25"),
            ("é", "%C3%A9"),
            ("CON", "%43ON"),
            ("nul.txt", "%6Eul.txt"),
            ("console", "console"),
            ("..", "%2E."),
            ("a/../b", "a%2F..%2Fb"),
            ("", ""),
        ];
        for (name, expected) in cases {
            assert_eq!(file_name(name), expected, "{name:?}");
        }
    }

    #[test]
    fn names_that_differ_only_in_capitals_get_different_file_names_on_every_system() {
        let names = ["ml", "Ml", "mL", "ML", "CON", "con"];
        let mut folded: Vec<_> = names.map(|name| file_name_without_capitals(name).to_lowercase()).to_vec();
        assert_eq!(folded[..4], ["ml", "%4dl", "m%4c", "%4d%4c"]);
        folded.sort();
        folded.dedup();
        assert_eq!(folded.len(), names.len());
    }

    #[test]
    fn long_names_are_cut_and_stay_different() {
        let long = |end: char| file_name(&format!("{}{end}", "x".repeat(400)));
        assert_eq!(long('a').len(), LONGEST);
        assert_ne!(long('a'), long('b'));
    }

    #[test]
    fn file_names_decode_to_the_name() {
        for name in ["a b:c%", "é", "CON", ".x", "a%20b"] {
            let file = file_name(name);
            let back = percent_encoding::percent_decode_str(&file).decode_utf8().unwrap();
            assert_eq!(back, name);
        }
    }
}
