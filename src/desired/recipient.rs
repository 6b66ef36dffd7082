//! age recipients. A build without the feature `age` knows none, and says so.

use std::fmt;
use std::str::FromStr;

#[cfg(feature = "age")]
type Key = age::x25519::Recipient;
#[cfg(not(feature = "age"))]
type Key = std::convert::Infallible;

/// An age recipient: the public half of an X25519 identity.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(Key);

impl Recipient {
    /// Encrypts `plain` to these recipients. The error says why it failed.
    #[cfg(feature = "age")]
    pub fn encrypt(recipients: &[Self], plain: &[u8]) -> Result<Vec<u8>, String> {
        use std::io::Write;

        let keys = recipients.iter().map(|recipient| &recipient.0 as &dyn age::Recipient);
        let encryptor = age::Encryptor::with_recipients(keys).map_err(|error| error.to_string())?;
        let mut encrypted = Vec::new();
        let mut writer = encryptor.wrap_output(&mut encrypted).map_err(|error| error.to_string())?;
        writer.write_all(plain).and_then(|()| writer.finish().map(drop)).map_err(|error| error.to_string())?;
        Ok(encrypted)
    }

    /// Encrypts nothing: there are no recipients in a build without age.
    #[cfg(not(feature = "age"))]
    pub fn encrypt(_: &[Self], _: &[u8]) -> Result<Vec<u8>, String> {
        Err("this attune was built without age".to_owned())
    }
}

impl FromStr for Recipient {
    type Err = &'static str;

    #[cfg(feature = "age")]
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }

    #[cfg(not(feature = "age"))]
    fn from_str(_: &str) -> Result<Self, Self::Err> {
        Err("this attune was built without age")
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.0)
    }
}
