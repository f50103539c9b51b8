//! Packs and patches that their maker signed, and those that only look so.

use ed25519_dalek::{Signer, SigningKey};
use fiducia::pack::layout;
use fiducia::{ErrorKind, Pack, Patch};

use fiducia_test_support::signing::{maker, public, signed_pack, signed_patch};
use fiducia_test_support::toy;

fn refusal(bytes: Vec<u8>, key: &SigningKey) -> String {
    let error = Pack::from_bytes(bytes).unwrap().verify(&public(key)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Untrusted);
    error.to_string()
}

/// The signed pack with one section changed and all checksums right.
fn forged(code: [u8; 4], change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let pack = Pack::from_bytes(signed_pack(&maker(1))).unwrap();
    let mut parts: toy::Parts =
        pack.sections().iter().map(|s| (s.kind.code(), pack.section(s.kind).to_vec())).collect();
    change(&mut parts.iter_mut().find(|(c, _)| *c == code).unwrap().1);
    toy::assemble(&parts)
}

#[test]
fn the_maker_is_known_and_others_are_not() {
    let signed = signed_pack(&maker(1));
    Pack::from_bytes(signed.clone()).unwrap().verify(&public(&maker(1))).unwrap();
    assert!(refusal(signed, &maker(2)).contains("not by"));
    assert!(refusal(toy::pack(), &maker(1)).contains("not signed"));
}

#[test]
fn whatever_is_changed_is_noticed() {
    for code in [*b"MANI", *b"BACK", *b"REFI", *b"ADAP", *b"SHAP", *b"CALI", *b"PROV", *b"CARD"] {
        let bytes = forged(code, |content| {
            // Still what the section must be: a space more, or the last bit of a number.
            match &code {
                b"MANI" | b"PROV" | b"CARD" | b"BACK" | b"REFI" => content.push(b' '),
                _ => content[0] ^= 1,
            }
        });
        assert!(refusal(bytes, &maker(1)).contains("changed since"), "{}", code.escape_ascii());
    }
    for at in [0, 32, 95] {
        let _ = refusal(forged(*b"SIGN", |content| content[at] ^= 1), &maker(1));
    }
    assert!(refusal(forged(*b"SIGN", |c| c.truncate(95)), &maker(1)).contains("not signed"));
}

#[test]
fn a_section_more_is_noticed() {
    let pack = Pack::from_bytes(signed_pack(&maker(1))).unwrap();
    let mut parts: toy::Parts =
        pack.sections().iter().map(|s| (s.kind.code(), pack.section(s.kind).to_vec())).collect();
    parts.push((*b"zzzz", b"!".to_vec()));
    assert!(refusal(toy::assemble(&parts), &maker(1)).contains("changed since"));
}

#[test]
fn another_card_is_all_that_changes_and_needs_another_signature() {
    let pack = Pack::from_bytes(signed_pack(&maker(1))).unwrap();
    let other = pack.with_card("# Other\n").unwrap();
    assert_eq!((other.card(), other.signer()), ("# Other\n", None));
    assert_ne!(pack.card(), other.card());
    for section in pack.sections().iter().filter(|s| !matches!(&s.kind.code(), b"CARD" | b"SIGN")) {
        assert_eq!(pack.section(section.kind), other.section(section.kind), "{}", section.kind);
    }
    assert!(refusal(other.bytes().to_vec(), &maker(1)).contains("not signed"));
    assert_eq!(pack.with_card("").unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn a_signed_patch_keeps_the_pack_signed_and_another_does_not() {
    let pack = Pack::from_bytes(signed_pack(&maker(1))).unwrap();
    let with =
        |bytes| pack.with_patch(&Patch::from_bytes(bytes).unwrap()).unwrap().bytes().to_vec();
    Pack::from_bytes(with(signed_patch(&maker(1)))).unwrap().verify(&public(&maker(1))).unwrap();
    for patch in [toy::patch(), signed_patch(&maker(2))] {
        assert!(refusal(with(patch), &maker(1)).contains(toy::NEW));
    }
}

#[test]
fn a_signature_does_not_pass_from_a_patch_to_a_pack() {
    // Sections that make a pack of one landmark under one magic, and a patch under the other.
    let one = Pack::from_bytes(toy::pack()).unwrap().without("small").unwrap();
    let one = one.without("middle").unwrap();
    let mut parts: toy::Parts =
        one.sections().iter().map(|s| (s.kind.code(), one.section(s.kind).to_vec())).collect();
    parts.extend(toy::patch_parts().into_iter().filter(|(c, _)| [*b"PATC", *b"FOLL"].contains(c)));
    let pack = Pack::from_bytes(toy::assemble(&parts)).unwrap();
    let patch = Patch::from_bytes(toy::assemble_as(layout::PATCH_MAGIC, &parts)).unwrap();
    assert_ne!(pack.signed_digest(), patch.signed_digest());
    let key = maker(1);
    let bytes = pack.with_signature(&public(&key), &key.sign(&patch.signed_digest()).to_bytes());
    assert!(refusal(bytes, &key).contains("changed since"));
}
