//! UIDs that are the same whenever the same question is asked, so that a second run does not double a result.

use sha2::{Digest, Sha256};

/// The UID that belongs to these words: `2.25.` and a UUID (PS3.5, B.2) made of their SHA-256.
///
/// Words are told apart by their lengths, so that no two lists of words read the same.
pub(super) fn uid(words: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for word in words {
        hash.update((word.len() as u64).to_le_bytes());
        hash.update(word);
    }
    let digest = hash.finalize();
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&digest[..16]);
    // Version 8, made in a way of one's own, and the variant of RFC 9562: a UUID that claims nothing false.
    uuid[6] = uuid[6] & 0x0F | 0x80;
    uuid[8] = uuid[8] & 0x3F | 0x80;
    format!("2.25.{}", u128::from_be_bytes(uuid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_uid_of_at_most_64_characters_and_always_the_same() {
        let one = uid(&[b"study", b"image"]);
        assert_eq!(one, uid(&[b"study", b"image"]));
        for other in
            [uid(&[b"studyimage"]), uid(&[b"studyi", b"mage"]), uid(&[b"study", b"image", b""])]
        {
            assert_ne!(one, other);
        }
        let number: u128 = one.strip_prefix("2.25.").unwrap().parse().unwrap();
        assert_eq!((number >> 76 & 0xF, number >> 62 & 3), (8, 2));
        assert!(one.len() <= 64 && !one.ends_with('.'));
    }
}
