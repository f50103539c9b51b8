//! UIDs of images: validated before one becomes a file name, shortened before one is shown.

use sha2::{Digest, Sha256};

use fiducia::pack::hex;

/// Implementation Class UID in files and associations, a UUID-derived UID (PS3.5, B.2).
pub(super) const IMPLEMENTATION: &str = "2.25.271480826903384206437541207468510213897";
/// Implementation Version Name, at most 16 characters.
pub(super) const IMPLEMENTATION_NAME: &str = concat!("FIDUCIA_", env!("CARGO_PKG_VERSION"));

/// Whether this is a valid UID: at most 64 characters, numbers without leading zeros between dots (PS3.5, 9.1).
pub(super) fn is_valid(uid: &str) -> bool {
    let number = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    uid.len() <= 64 && uid.split('.').all(number)
}

/// The name of an image in the log and on the status page. It identifies the image only to those who have its UID.
pub(super) fn short(uid: &str) -> String {
    hex(&Sha256::digest(uid.as_bytes())[..6])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_and_dots_become_file_names() {
        for good in ["1", "1.2.840.10008.1.1", "2.25.0", &"1".repeat(64), IMPLEMENTATION] {
            assert!(is_valid(good), "{good}");
        }
        let long = "1".repeat(65);
        for bad in
            ["", ".", "1.", ".1", "1..2", "01", "1.02", "../1", "1/2", "1.2 ", "1.2\0", "a", &long]
        {
            assert!(!is_valid(bad), "{bad}");
        }
        assert!(IMPLEMENTATION_NAME.len() <= 16);
    }

    #[test]
    fn a_short_name_is_the_start_of_the_hash() {
        // printf 1.2.3 | sha256sum
        assert_eq!(short("1.2.3"), "c47f5b18b8a4");
    }
}
