//! Opening models, and their signatures.

use ed25519_dalek::{
    Signer, SigningKey, pkcs8::EncodePublicKey, pkcs8::spki::der::pem::LineEnding,
};
use fiducia::Pack;

use super::*;

#[test]
fn models_and_signatures_are_checked() {
    let bytes = std::fs::read(model_folder().join("head.fid")).unwrap();
    let from = |bytes: &[u8], key: Option<&[u8; 32]>| {
        let (mut pack, mut message) = (ptr::null_mut(), ptr::null_mut());
        let key = key.map_or(ptr::null(), |key| key.as_ptr());
        let start = bytes.as_ptr().cast::<c_void>();
        let status =
            unsafe { fiducia_pack_from_memory(start, bytes.len(), key, &mut pack, &mut message) };
        assert_eq!(pack.is_null(), status != Status::Ok);
        (status, pack, if message.is_null() { String::new() } else { read_message(message) })
    };
    let (status, pack, _) = from(&bytes, None);
    assert_eq!(status, Status::Ok);
    let want = Pack::from_bytes(bytes.clone()).unwrap();
    unsafe {
        assert_eq!(text(fiducia_pack_name(pack)), "head");
        assert_eq!(text(fiducia_pack_sha256(pack)), want.sha256());
        let count = fiducia_pack_landmark_count(pack);
        let names: Vec<String> =
            (0..count).map(|index| text(fiducia_pack_landmark(pack, index))).collect();
        assert_eq!(names, want.manifest().landmarks);
        assert!(fiducia_pack_landmark(pack, count).is_null());
        fiducia_pack_free(pack);
    }

    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    assert_eq!(from(&damaged, None).0, Status::Unreadable);
    assert_eq!(from(&[], None).0, Status::Unreadable);

    let maker = SigningKey::from_bytes(&[7; 32]);
    let public = maker.verifying_key();
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("maker.pub.pem");
    std::fs::write(&pem, public.to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
    let pem = CString::new(pem.to_str().unwrap()).unwrap();
    let (mut key, mut message) = ([0; 32], ptr::null_mut());
    let status = unsafe { fiducia_key_read(pem.as_ptr(), key.as_mut_ptr(), &mut message) };
    assert_eq!((status, &key), (Status::Ok, public.as_bytes()));
    assert_eq!(
        unsafe { fiducia_key_read(head().as_ptr(), key.as_mut_ptr(), ptr::null_mut()) },
        Status::Unreadable
    );
    let (status, _, message) = from(&bytes, Some(&key));
    assert_eq!(status, Status::Untrusted);
    assert!(message.contains("not signed"), "{message}");
    let signature = maker.sign(&want.signed_digest()).to_bytes();
    let signer = PublicKey::from_bytes(public.as_bytes()).unwrap();
    let signed = want.with_signature(&signer, &signature);
    assert_eq!(from(&signed, Some(&key)).0, Status::Ok);
    let stranger = *SigningKey::from_bytes(&[8; 32]).verifying_key().as_bytes();
    assert_eq!(from(&signed, Some(&stranger)).0, Status::Untrusted);
    // No point of the curve has this y coordinate.
    let no_key = [2; 32];
    assert_eq!(from(&signed, Some(&no_key)).0, Status::Usage);

    let (mut pack, mut message) = (ptr::null_mut(), ptr::null_mut());
    let nowhere = c"nowhere/it.fid".as_ptr();
    let status = unsafe { fiducia_pack_open(nowhere, ptr::null(), &mut pack, &mut message) };
    assert_eq!((status, pack), (Status::Unreadable, ptr::null_mut()));
    assert!(read_message(message).contains("nowhere/it.fid"));
}
