//! Cached pipelines: read back unchanged, and no other file in their place is accepted.

use std::{fs, io::ErrorKind, path::PathBuf};

use sha2::{Digest, Sha256};

use fiducia_test_support::test_name;

use super::*;
use crate::elementwise::Operation;
use crate::gpu::probes::layers::elementwise_probe;

const SUBJECT: [u8; 32] = [7; 32];

fn example() -> CachedPipelines {
    CachedPipelines::example(b"what a driver made of shaders")
}

/// A file of this user's in a folder of this user's.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("pipelines.bin")
    }

    fn with(bytes: &[u8]) -> Self {
        let place = Self::new();
        fs::write(place.file(), bytes).unwrap();
        #[cfg(unix)]
        set_mode(&place.file(), 0o600);
        place
    }

    fn refusal(&self) -> ErrorKind {
        CachedPipelines::open(&self.file(), &SUBJECT).unwrap_err().kind()
    }
}

#[cfg(unix)]
fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
#[test]
fn cached_pipelines_are_read_back_for_the_same_subject_only() {
    for data in [&b""[..], b"x", &[0xa5; 70_000]] {
        let cached = CachedPipelines::example(data);
        let place = Place::with(&cached.sealed(&SUBJECT).unwrap());
        assert_eq!(CachedPipelines::open(&place.file(), &SUBJECT).unwrap(), cached);
        for bit in 0..256 {
            let mut other = SUBJECT;
            other[bit / 8] ^= 1 << (bit % 8);
            let error = CachedPipelines::open(&place.file(), &other).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
        }
    }
    assert_eq!(Place::new().refusal(), ErrorKind::NotFound);
}

/// Other versions read the file: its bytes stay.
#[test]
fn the_format_of_the_file() {
    let sealed = CachedPipelines::example(b"abc").sealed(&SUBJECT).unwrap();
    let mut expected = b"fiducia kept 01\n".to_vec();
    expected.extend([7; 32]);
    expected.extend([3, 0, 0, 0, 0, 0, 0, 0]);
    expected.extend(b"abc");
    expected.extend(Sha256::digest(&expected).to_vec());
    assert_eq!(sealed, expected);
    let most = CachedPipelines::example(&vec![1; 64 << 20]);
    assert_eq!(most.sealed(&SUBJECT), None, "too long to be read again");
}

#[test]
fn a_flipped_bit_is_noticed_wherever_it_is() {
    let whole = example().sealed(&SUBJECT).unwrap();
    let place = Place::with(&whole);
    for bit in 0..8 * whole.len() {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(place.file(), &damaged).unwrap();
        assert_eq!(place.refusal(), expected(ErrorKind::InvalidData), "bit {bit}");
    }
}

#[test]
fn a_file_of_another_length_is_noticed() {
    let whole = example().sealed(&SUBJECT).unwrap();
    for len in 0..whole.len() {
        let place = Place::with(&whole[..len]);
        assert_eq!(place.refusal(), expected(ErrorKind::InvalidData), "{len} bytes");
    }
    for more in [&b"\0"[..], b"\n", &[0; 99], &whole] {
        let place = Place::with(&[&whole, more].concat());
        assert_eq!(place.refusal(), expected(ErrorKind::InvalidData), "{} more", more.len());
    }
    let place = Place::with(&whole);
    let file = fs::OpenOptions::new().write(true).open(place.file()).unwrap();
    file.set_len(1 << 40).unwrap();
    assert_eq!(place.refusal(), expected(ErrorKind::InvalidData), "a TiB of nothing");
}

/// A seal is no secret: what a stranger's file says of itself is held against what it is.
#[test]
fn a_whole_seal_makes_no_other_file_ours() {
    let whole = example().sealed(&SUBJECT).unwrap();
    let all = &whole[..whole.len() - 32];
    let changes: [fn(&mut Vec<u8>); 6] = [
        |b| b[14] = b'2',
        |b| b[48] += 1,
        |b| b[48] -= 1,
        |b| b[55] = 0xff,
        |b| b.truncate(55),
        |b| b.clear(),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let mut other = all.to_vec();
        change(&mut other);
        let seal = Sha256::digest(&other);
        other.extend(seal.to_vec());
        let place = Place::with(&other);
        assert_eq!(place.refusal(), expected(ErrorKind::InvalidData), "change {number}");
    }
}

/// Where it is not known who can write a folder, every folder is refused.
fn expected(kind: ErrorKind) -> ErrorKind {
    if cfg!(unix) { kind } else { ErrorKind::PermissionDenied }
}

#[cfg(unix)]
#[test]
fn what_others_could_have_written_is_not_read() {
    let whole = example().sealed(&SUBJECT).unwrap();
    let place = Place::with(&whole);
    for mode in [0o600, 0o400, 0o644, 0o755] {
        set_mode(&place.file(), mode);
        assert!(CachedPipelines::open(&place.file(), &SUBJECT).is_ok(), "{mode:o}");
    }
    for mode in [0o620, 0o602, 0o660, 0o666, 0o777] {
        set_mode(&place.file(), mode);
        assert_eq!(place.refusal(), ErrorKind::InvalidData, "{mode:o}");
    }
    set_mode(&place.file(), 0o600);
    for mode in [0o770, 0o720, 0o707, 0o777, 0o1777] {
        set_mode(place.folder.path(), mode);
        assert_eq!(place.refusal(), ErrorKind::PermissionDenied, "folder {mode:o}");
    }
    set_mode(place.folder.path(), 0o755);
    assert!(CachedPipelines::open(&place.file(), &SUBJECT).is_ok());
    // Only the superuser can give files away.
    use std::os::unix::fs::chown;
    if chown(place.file(), Some(1), None).is_err() {
        skip!("only the superuser can create files of other users");
    }
    assert_eq!(place.refusal(), ErrorKind::InvalidData, "another's file");
    chown(place.file(), Some(0), None).unwrap();
    chown(place.folder.path(), Some(1), None).unwrap();
    assert_eq!(place.refusal(), ErrorKind::PermissionDenied, "another's folder");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_not_read() {
    let whole = example().sealed(&SUBJECT).unwrap();
    let place = Place::new();
    fs::create_dir(place.file()).unwrap();
    assert_eq!(place.refusal(), ErrorKind::InvalidData, "a folder");
    fs::remove_dir(place.file()).unwrap();
    let real = Place::with(&whole);
    std::os::unix::fs::symlink(real.file(), place.file()).unwrap();
    let error = CachedPipelines::open(&place.file(), &SUBJECT).unwrap_err();
    assert!(error.kind() != ErrorKind::NotFound, "a link to a whole file: {error}");
    fs::remove_file(place.file()).unwrap();
    std::os::unix::fs::symlink("/dev/zero", place.file()).unwrap();
    assert!(CachedPipelines::open(&place.file(), &SUBJECT).is_err(), "a link to a device");
    fs::remove_file(place.file()).unwrap();
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        mknodat(CWD, place.file(), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        assert_eq!(place.refusal(), ErrorKind::InvalidData, "a pipe that nobody writes");
    }
}

/// The pipelines of `gpu`, which only Vulkan provides; elsewhere the test is skipped.
fn made(test: &str, gpu: &Gpu) -> Option<CachedPipelines> {
    let made = gpu.pipelines();
    if made.is_none() {
        let interface = &gpu.adapter().interface;
        assert!(!cfg!(unix) || interface != "vulkan", "no pipelines from Vulkan");
        record_skip(test, format!("{interface} has no pipeline cache"));
    }
    made
}

fn computes(gpu: &Gpu) {
    let probe = elementwise_probe(Precision::F32, &mut Rng(3), Operation::Add);
    let found = probe.run(gpu, &|kernel| kernel.pieces.concat()).unwrap();
    assert_eq!(probe.complaint(&found), None);
}

#[test]
fn a_device_accepts_its_own_pipelines() {
    let gpu = gpu_or_skip!(fresh());
    assert_eq!(gpu.pipelines(), None, "nothing unasked");
    let first = gpu.with_pipelines(None);
    computes(&first);
    let Some(made) = made(test_name!(), &first) else { return };
    println!("{:?}: {} bytes", first.adapter(), made.bytes());
    let second = fresh().unwrap().with_pipelines(Some(&made));
    computes(&second);
    second.faults.take().unwrap();
    assert!(second.pipelines().unwrap().bytes() >= made.bytes());
}

/// Damages data, and what it is called.
type Damage = (&'static str, fn(&mut Vec<u8>));

/// The heads that wgpu refuses, by itself or with an error.
#[test]
fn data_that_wgpu_refuses_is_no_error() {
    let gpu = gpu_or_skip!(fresh());
    let first = gpu.with_pipelines(None);
    let Some(made) = made(test_name!(), &first) else { return };
    let changes: [Damage; 10] = [
        ("nothing", Vec::clear),
        ("half a head", |b| b.truncate(31)),
        ("one byte less", |b| b.truncate(b.len() - 1)),
        ("one byte more", |b| b.push(0)),
        ("magic", |b| b[0] ^= 1),
        ("version", |b| b[8] ^= 1),
        ("width of pointers", |b| b[12] ^= 1),
        ("interface", |b| b[16] ^= 1),
        ("adapter", |b| b[20] ^= 1),
        ("version of the driver", |b| b[32] ^= 1),
    ];
    for (what, change) in changes {
        let mut data = made.data().to_vec();
        change(&mut data);
        let gpu = fresh().unwrap().with_pipelines(Some(&CachedPipelines::example(&data)));
        gpu.faults.take().unwrap_or_else(|e| panic!("{what}: {e}"));
        computes(&gpu);
        assert_eq!(gpu.pipelines().map(|p| p.bytes() > 0), Some(true), "{what}");
    }
}

#[test]
fn a_lost_device_has_no_pipelines() {
    let gpu = gpu_or_skip!(fresh());
    let gpu = gpu.with_pipelines(None);
    gpu.lose();
    assert_eq!(gpu.pipelines(), None);
    assert_eq!(gpu.clone().with_pipelines(None).pipelines(), None);
}
