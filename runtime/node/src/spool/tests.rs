//! The state of the queue after a crash between any two steps.

use super::{files::entries, *};
use std::path::Path;

use fiducia::results::Kind;

const NAMES: [&str; 2] = ["a", "b"];

fn key(number: usize) -> Key {
    Key { instance: format!("1.2.{number}"), content: format!("{number:064x}") }
}

fn open(root: &Path) -> Spool {
    Spool::open(root, &NAMES, 3).unwrap()
}

fn names(root: &Path, folder: &str) -> Vec<String> {
    let name = |path: PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> =
        entries(&root.join(folder)).unwrap().into_iter().map(name).collect();
    names.sort();
    names
}

fn next(spool: &Spool) -> Option<Job> {
    spool.pending.pop(std::time::Duration::ZERO)
}

fn object() -> Object {
    let sop_class = "1.2.840.10008.5.1.4.1.1.88.34";
    Object { kind: Kind::Report3d, sop_class, sop_instance: "2.25.1".into(), bytes: vec![1, 2] }
}

fn record(owed: &[&str]) -> Record {
    let owed = owed.iter().map(|name| ((*name).to_owned(), vec![0])).collect();
    let object = ObjectInfo { sop_class: "1.2".into(), sop_instance: "2.25.1".into() };
    Record { objects: vec![object], owed, received_ms: 1234, ..Record::default() }
}

#[test]
fn accepted_images_are_restored_in_their_order() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    for number in [2, 1] {
        assert_eq!(spool.accept(key(number), b"image").unwrap(), Accepted::New);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(spool.accept(key(1), b"image").unwrap(), Accepted::Duplicate);
    let other = Key { content: "f".repeat(64), ..key(1) };
    assert_eq!(spool.accept(other.clone(), b"other").unwrap(), Accepted::Conflict);
    // Partly written files and other files are ignored.
    fs::write(root.path().join("incoming/half"), "x").unwrap();
    fs::write(root.path().join("received/notes.txt"), "x").unwrap();
    drop(spool);
    let spool = open(root.path());
    assert_eq!([next(&spool), next(&spool)].map(|j| j.unwrap().key), [key(2), key(1)]);
    assert!(next(&spool).is_none());
    assert_eq!(spool.accept(key(1), b"image").unwrap(), Accepted::Duplicate);
    assert_eq!(spool.accept(other, b"other").unwrap(), Accepted::Conflict);
    assert!(names(root.path(), "incoming").is_empty());
}

#[test]
fn results_are_sent_to_destinations_that_lack_them() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    spool.accept(key(1), b"image").unwrap();
    let job = next(&spool).unwrap();
    spool.count_attempt(&job.key).unwrap();
    spool.store_results(&job, &record(&NAMES), &[object()]).unwrap();
    assert!(names(root.path(), "received").is_empty() && names(root.path(), "begun").is_empty());
    assert!(!spool.mark_sent(&job.key, "a").unwrap());
    // A crash between storing the results and removing the image.
    fs::write(spool.received(&job.key), b"image").unwrap();
    drop(spool);
    let spool = open(root.path());
    assert!(next(&spool).is_none() && names(root.path(), "received").is_empty());
    assert_eq!(NAMES.map(|name| spool.outgoing[name].len()), [0, 1]);
    assert_eq!(fs::read(spool.object(&job.key, 0)).unwrap(), [1, 2]);
    assert!(spool.mark_sent(&job.key, "b").unwrap());
    assert_eq!(names(root.path(), "done"), [job.key.stem() + ".json"]);
    assert!(names(root.path(), "results").is_empty());
    // A crash between storing the record and removing the results.
    fs::create_dir(root.path().join("results").join(job.key.stem())).unwrap();
    drop(spool);
    let spool = open(root.path());
    assert!(names(root.path(), "results").is_empty());
    assert_eq!(spool.accept(key(1), b"image").unwrap(), Accepted::Duplicate);
}

#[test]
fn images_without_destination_are_finished_and_rejected_results_fail() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    for (number, owed) in [(1, &[][..]), (2, &NAMES)] {
        spool.accept(key(number), b"image").unwrap();
        let job = next(&spool).unwrap();
        spool.store_results(&job, &record(owed), &[object()]).unwrap();
    }
    assert_eq!(names(root.path(), "done"), [key(1).stem() + ".json"]);
    assert!(!spool.mark_sent(&key(2), "a").unwrap() && spool.mark_refused(&key(2), "b").unwrap());
    assert_eq!(names(root.path(), "failed"), [key(2).stem()]);
    // Sent again it is processed again.
    assert_eq!(spool.accept(key(2), b"image").unwrap(), Accepted::New);
}

#[test]
fn an_image_that_ends_the_process_three_times_fails() {
    let root = tempfile::tempdir().unwrap();
    open(root.path()).accept(key(1), b"image").unwrap();
    for _ in 0..MAX_ATTEMPTS {
        let spool = open(root.path());
        spool.count_attempt(&next(&spool).unwrap().key).unwrap();
    }
    let spool = open(root.path());
    assert!(next(&spool).is_none());
    assert_eq!(names(root.path(), "failed"), [key(1).stem() + ".dcm"]);
    assert!(names(root.path(), "begun").is_empty());
}

#[test]
fn removed_destinations_and_damaged_records_fail() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    for number in [1, 2] {
        spool.accept(key(number), b"image").unwrap();
        let job = next(&spool).unwrap();
        spool.store_results(&job, &record(&["a"]), &[object()]).unwrap();
    }
    fs::write(root.path().join("results").join(key(2).stem()).join("record.json"), "{").unwrap();
    drop(spool);
    let spool = Spool::open(root.path(), &["b"], 3).unwrap();
    assert_eq!(names(root.path(), "failed"), [key(1).stem(), key(2).stem()]);
    assert_eq!(spool.outgoing["b"].len(), 0);
}

#[test]
fn the_oldest_records_are_forgotten() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    for number in 1..=5 {
        spool.accept(key(number), b"image").unwrap();
        let job = next(&spool).unwrap();
        spool.store_results(&job, &record(&[]), &[]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    drop(spool);
    let spool = open(root.path());
    assert_eq!(names(root.path(), "done").len(), 3);
    assert_eq!(spool.accept(key(2), b"image").unwrap(), Accepted::New);
    assert_eq!(spool.accept(key(3), b"image").unwrap(), Accepted::Duplicate);
}
