//! Accepting images. An accepted image can be decoded, is on the disk, and will get a result.

use std::{fmt, io, sync::PoisonError};

use dicom_object::FileMetaTableBuilder;
use sha2::{Digest, Sha256};

use super::{
    metrics::Counter,
    shared::Shared,
    spool::{Accepted, Key},
    uid,
};
use fiducia::{Radiograph, Reading, pack::hex, radiograph::dicom::header::Header, results::Source};

/// A received image, as a file.
#[derive(Debug)]
pub(super) struct Offer<'a> {
    pub(super) sop_class: &'a str,
    pub(super) sop_instance: &'a str,
    pub(super) syntax: &'a str,
    /// Preamble, the node's own meta information, and from `data_at` on the data set byte for byte as received.
    pub(super) file: &'a [u8],
    pub(super) data_at: usize,
    /// The sender, for the log.
    pub(super) from: &'a str,
}

/// Why an image is not accepted.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The SOP instance is not a valid UID.
    Uid,
    /// The SOP class is not accepted, or not the negotiated one.
    Class,
    /// The data set is of another instance or class than the command.
    Mismatch(&'static str),
    /// The data set cannot be read.
    Damaged(String),
    /// Another image was received under the same UID.
    OtherContent,
    /// It is larger than allowed.
    TooLarge,
    /// Too many images are being received.
    Memory,
    /// Too many images are waiting.
    Queue,
    /// It cannot be written to the disk.
    Disk(io::Error),
}

impl Refusal {
    /// Status of the response (PS3.4, B.2.3; PS3.7, C).
    pub(super) fn status(&self) -> u16 {
        match self {
            Self::TooLarge | Self::Memory | Self::Queue | Self::Disk(_) => 0xA700,
            Self::Mismatch(_) => 0xA900,
            Self::Damaged(_) => 0xC000,
            Self::OtherContent => 0x0111,
            Self::Uid => 0x0117,
            Self::Class => 0x0122,
        }
    }

    /// The label in the metrics.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Uid => "uid",
            Self::Class => "class",
            Self::Mismatch(_) => "mismatch",
            Self::Damaged(_) => "damaged",
            Self::OtherContent => "other_content",
            Self::TooLarge => "object_size",
            Self::Memory => "memory",
            Self::Queue => "queue",
            Self::Disk(_) => "disk",
        }
    }

    /// Error Comment for the peer, at most 64 characters. It contains nothing of the image.
    pub(super) fn comment(&self) -> &'static str {
        match self {
            Self::Uid => "the SOP instance is not a valid UID",
            Self::Class => "the SOP class is not the negotiated one",
            Self::Mismatch(what) => what,
            Self::Damaged(_) => "the data set cannot be read as a radiograph",
            Self::OtherContent => "another image was received under this UID",
            Self::TooLarge => "the image is larger than this node allows",
            Self::Memory => "too many images at once; send it again later",
            Self::Queue => "too many images are waiting; send it again later",
            Self::Disk(_) => "the image cannot be stored; send it again later",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(what) => write!(f, "{what}"),
            Self::Disk(error) => write!(f, "{}: {error}", self.comment()),
            _ => f.write_str(self.comment()),
        }
    }
}

/// Accepts an image or says why not; counts and logs the outcome.
pub(super) fn accept(shared: &Shared, offer: &Offer<'_>) -> Result<(), Refusal> {
    let accepted = check(shared, offer).and_then(|key| {
        let accepted = shared.spool.accept(key, offer.file).map_err(Refusal::Disk)?;
        match accepted {
            Accepted::New => Ok("new"),
            Accepted::Duplicate => Ok("again"),
            Accepted::Conflict => Err(Refusal::OtherContent),
        }
    });
    match accepted {
        Ok(how) => {
            shared.metrics.count(Counter::Received, how);
            let (image, bytes) = (uid::short(offer.sop_instance), offer.file.len());
            log::info!("event=received image={image} from={} bytes={bytes} how={how}", offer.from);
            Ok(())
        }
        Err(refusal) => {
            log_refusal(shared, &refusal, offer.sop_instance, offer.from);
            Err(refusal)
        }
    }
}

/// Counts and logs an image that is not accepted.
pub(super) fn log_refusal(shared: &Shared, refusal: &Refusal, sop_instance: &str, from: &str) {
    let reason = refusal.reason();
    shared.metrics.count(Counter::Refused, reason);
    let (image, why) = (uid::short(sop_instance), refusal.to_string().replace('"', "'"));
    log::warn!("event=image_refused image={image} from={from} reason={reason} why=\"{why}\"");
}

fn check(shared: &Shared, offer: &Offer<'_>) -> Result<Key, Refusal> {
    let Offer { sop_class, sop_instance, syntax, file, data_at, .. } = *offer;
    if !uid::is_valid(sop_instance) {
        return Err(Refusal::Uid);
    }
    if file.len() - data_at > shared.config.limits.object_bytes() {
        return Err(Refusal::TooLarge);
    }
    if shared.spool.pending.len() >= shared.config.limits.queue {
        return Err(Refusal::Queue);
    }
    let data = &file[data_at..];
    let header = Header::read(data, syntax).map_err(Refusal::Damaged)?;
    if header.sop_instance != sop_instance {
        return Err(Refusal::Mismatch("the data set is of another SOP instance"));
    }
    if header.sop_class != sop_class {
        return Err(Refusal::Mismatch("the data set is of another SOP class"));
    }
    // A result must refer to patient, study and series.
    Source::read(file).map_err(|e| Refusal::Damaged(e.to_string()))?;
    check_pixels(shared, &uid::short(sop_instance), file)?;
    let mut hash = Sha256::new();
    hash.update(syntax.as_bytes());
    hash.update([0]);
    hash.update(data);
    Ok(Key { instance: sop_instance.to_owned(), content: hex(&hash.finalize()) })
}

/// Decodes the pixels before success is answered: an accepted image must get a result, and only the sender of a
/// rejected one can correct it.
fn check_pixels(shared: &Shared, name: &str, file: &[u8]) -> Result<(), Refusal> {
    // One image at a time: decoded pixels are not part of the memory budget.
    let _one = shared.decoding.lock().unwrap_or_else(PoisonError::into_inner);
    Radiograph::decode_as(name.to_owned(), file, &Reading::default())
        .map(drop)
        .map_err(|e| Refusal::Damaged(e.to_string()))
}

/// Preamble and meta information of a file whose data set follows; `None` if an argument is not a valid UID.
pub(super) fn file_head(sop_class: &str, sop_instance: &str, syntax: &str) -> Option<Vec<u8>> {
    if ![sop_class, sop_instance, syntax].into_iter().all(uid::is_valid) {
        return None;
    }
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(sop_class)
        .media_storage_sop_instance_uid(sop_instance)
        .transfer_syntax(syntax)
        .implementation_class_uid(uid::IMPLEMENTATION)
        .implementation_version_name(uid::IMPLEMENTATION_NAME)
        .build()
        .ok()?;
    let mut head = vec![0; 128];
    head.extend(b"DICM");
    meta.write(&mut head).ok()?;
    Some(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_head_has_preamble_and_mark() {
        let head = file_head("1.2.3", "1.2.4", "1.2.840.10008.1.2.1").unwrap();
        assert_eq!((&head[..128], &head[128..132]), (&[0; 128][..], &b"DICM"[..]));
        assert!(file_head("1.2.3", "../4", "1.2.840.10008.1.2.1").is_none());
    }
}
