//! Encrypts a record to age recipients.

use std::io::Write;

use age::Encryptor;

use crate::desired::Recipient;

/// The bytes of an age file that each of these recipients can open.
pub(super) fn to_all(recipients: &[Recipient], plain: &[u8]) -> Result<Vec<u8>, String> {
    let keys = recipients.iter().map(|recipient| recipient.key() as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(keys).map_err(|error| error.to_string())?;
    let mut sealed = Vec::new();
    let mut writer = encryptor.wrap_output(&mut sealed).map_err(|error| error.to_string())?;
    writer.write_all(plain).and_then(|()| writer.finish().map(drop)).map_err(|error| error.to_string())?;
    Ok(sealed)
}
