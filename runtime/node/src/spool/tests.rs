//! What is found after the process has ended between any two steps.

use super::*;
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
    spool.to_do.pop(std::time::Duration::ZERO)
}

fn object() -> Object {
    let sop_class = "1.2.840.10008.5.1.4.1.1.88.34";
    Object { kind: Kind::Report3d, sop_class, sop_instance: "2.25.1".into(), bytes: vec![1, 2] }
}

fn record(owed: &[&str]) -> Record {
    let owed = owed.iter().map(|name| ((*name).to_owned(), vec![0])).collect();
    let made = Made { sop_class: "1.2".into(), sop_instance: "2.25.1".into() };
    Record { objects: vec![made], owed, received_ms: 1234, ..Record::default() }
}

#[test]
fn what_was_taken_is_there_after_the_next_start_in_its_order() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    for number in [2, 1] {
        assert_eq!(spool.accept(key(number), b"film").unwrap(), Accepted::New);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(spool.accept(key(1), b"film").unwrap(), Accepted::Again);
    let other = Key { content: "f".repeat(64), ..key(1) };
    assert_eq!(spool.accept(other.clone(), b"other").unwrap(), Accepted::Other);
    // Half-written files, and files of others, are not taken for images.
    fs::write(root.path().join("incoming/half"), "x").unwrap();
    fs::write(root.path().join("received/notes.txt"), "x").unwrap();
    drop(spool);
    let spool = open(root.path());
    assert_eq!([next(&spool), next(&spool)].map(|j| j.unwrap().key), [key(2), key(1)]);
    assert!(next(&spool).is_none());
    assert_eq!(spool.accept(key(1), b"film").unwrap(), Accepted::Again);
    assert_eq!(spool.accept(other, b"other").unwrap(), Accepted::Other);
    assert!(names(root.path(), "incoming").is_empty());
}

#[test]
fn results_are_handed_out_to_those_that_have_none() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    spool.accept(key(1), b"film").unwrap();
    let job = next(&spool).unwrap();
    spool.begin(&job.key).unwrap();
    spool.made(&job, &record(&NAMES), &[object()]).unwrap();
    assert!(names(root.path(), "received").is_empty() && names(root.path(), "begun").is_empty());
    assert!(!spool.sent(&job.key, "a").unwrap());
    // The end came between the results and the removal of the image.
    fs::write(spool.received(&job.key), b"film").unwrap();
    drop(spool);
    let spool = open(root.path());
    assert!(next(&spool).is_none() && names(root.path(), "received").is_empty());
    assert_eq!(NAMES.map(|name| spool.to_send[name].len()), [0, 1]);
    assert_eq!(fs::read(spool.object(&job.key, 0)).unwrap(), [1, 2]);
    assert!(spool.sent(&job.key, "b").unwrap());
    assert_eq!(names(root.path(), "done"), [job.key.stem() + ".json"]);
    assert!(names(root.path(), "results").is_empty());
    // The end came between the record and the removal of the results.
    fs::create_dir(root.path().join("results").join(job.key.stem())).unwrap();
    drop(spool);
    let spool = open(root.path());
    assert!(names(root.path(), "results").is_empty());
    assert_eq!(spool.accept(key(1), b"film").unwrap(), Accepted::Again);
}

#[test]
fn what_nobody_is_owed_is_done_and_what_is_refused_is_put_aside() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    for (number, owed) in [(1, &[][..]), (2, &NAMES)] {
        spool.accept(key(number), b"film").unwrap();
        let job = next(&spool).unwrap();
        spool.made(&job, &record(owed), &[object()]).unwrap();
    }
    assert_eq!(names(root.path(), "done"), [key(1).stem() + ".json"]);
    assert!(!spool.sent(&key(2), "a").unwrap() && spool.refused(&key(2), "b").unwrap());
    assert_eq!(names(root.path(), "failed"), [key(2).stem()]);
    // Sent again it is looked at again.
    assert_eq!(spool.accept(key(2), b"film").unwrap(), Accepted::New);
}

#[test]
fn what_ends_the_process_three_times_is_put_aside() {
    let root = tempfile::tempdir().unwrap();
    open(root.path()).accept(key(1), b"film").unwrap();
    for _ in 0..TRIES {
        let spool = open(root.path());
        spool.begin(&next(&spool).unwrap().key).unwrap();
    }
    let spool = open(root.path());
    assert!(next(&spool).is_none());
    assert_eq!(names(root.path(), "failed"), [key(1).stem() + ".dcm"]);
    assert!(names(root.path(), "begun").is_empty());
}

#[test]
fn a_destination_that_is_gone_and_a_record_that_is_damaged_are_put_aside() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    for number in [1, 2] {
        spool.accept(key(number), b"film").unwrap();
        let job = next(&spool).unwrap();
        spool.made(&job, &record(&["a"]), &[object()]).unwrap();
    }
    fs::write(root.path().join("results").join(key(2).stem()).join("record.json"), "{").unwrap();
    drop(spool);
    let spool = Spool::open(root.path(), &["b"], 3).unwrap();
    assert_eq!(names(root.path(), "failed"), [key(1).stem(), key(2).stem()]);
    assert_eq!(spool.to_send["b"].len(), 0);
}

#[test]
fn the_oldest_records_are_forgotten() {
    let root = tempfile::tempdir().unwrap();
    let spool = open(root.path());
    for number in 1..=5 {
        spool.accept(key(number), b"film").unwrap();
        let job = next(&spool).unwrap();
        spool.made(&job, &record(&[]), &[]).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    drop(spool);
    let spool = open(root.path());
    assert_eq!(names(root.path(), "done").len(), 3);
    assert_eq!(spool.accept(key(2), b"film").unwrap(), Accepted::New);
    assert_eq!(spool.accept(key(3), b"film").unwrap(), Accepted::Again);
}
