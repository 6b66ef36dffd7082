//! Keeps the results of targets out of memory, until they are printed.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Results in a temporary file without a name, so that memory does not grow with the number of targets. What cannot be written
/// there, for example since no directory for it is writable, stays in memory.
pub(super) struct Spool {
    file: Option<File>,
    end: u64,
}

/// Where some bytes are.
#[derive(Debug)]
pub(super) enum Place {
    Here(Vec<u8>),
    InFile { at: u64, length: usize },
}

impl Spool {
    pub(super) fn new() -> Self {
        Self { file: tempfile::tempfile().ok(), end: 0 }
    }

    pub(super) fn keep(&mut self, bytes: Vec<u8>) -> Place {
        let Some(file) = self.file.as_ref().filter(|_| !bytes.is_empty()) else { return Place::Here(bytes) };
        let (at, length) = (self.end, bytes.len());
        if file.write_all_at(&bytes, at).is_err() {
            return Place::Here(bytes);
        }
        self.end += length as u64;
        Place::InFile { at, length }
    }

    pub(super) fn read(&self, place: &Place) -> io::Result<Vec<u8>> {
        match (place, &self.file) {
            (Place::Here(bytes), _) => Ok(bytes.clone()),
            (Place::InFile { at, length }, Some(file)) => {
                let mut bytes = vec![0; *length];
                file.read_exact_at(&mut bytes, *at).map(|()| bytes)
            }
            (Place::InFile { .. }, None) => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_read_again_in_any_order_with_and_without_a_file() {
        let texts = [&b"one"[..], b"", b"three\n", b"four"];
        let read_only = File::open("/dev/null").ok();
        for (file, is_kept_there) in [(tempfile::tempfile().ok(), true), (read_only, false), (None, false)] {
            let mut spool = Spool { file, end: 0 };
            let kept = texts.map(|text| spool.keep(text.to_vec()));
            assert_eq!(matches!(kept[0], Place::InFile { .. }), is_kept_there);
            for place in [2, 0, 3, 1] {
                assert_eq!(spool.read(&kept[place]).unwrap(), texts[place]);
            }
        }
    }
}
