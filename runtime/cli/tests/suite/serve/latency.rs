//! Measures the time that the node adds to a detection; nothing is checked. `cargo test --release -p fiducia-cli --
//! --ignored latency --nocapture` prints it.

use std::{path::Path, thread, time::Duration, time::Instant};

use fiducia::Radiograph;

use super::{
    archive::Archive,
    node::{Node, configuration, image, instance},
    peer::{Peer, SUCCESS},
};
use crate::{
    dicom_files::{data_set, put, put_u16, put_words, tags, uids},
    workspace::Workspace,
};

const IMAGES: usize = 100;

/// Percentile `p` of sorted values.
fn percentile(sorted: &[f64], p: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * p / 100.0).round() as usize]
}

fn print_times(what: &str, mut ms: Vec<f64>) {
    ms.sort_by(f64::total_cmp);
    let [p50, p99] = [50.0, 99.0].map(|p| percentile(&ms, p));
    println!("{what}: p50 {p50:.1} ms, p99 {p99:.1} ms, max {:.1} ms", ms[ms.len() - 1]);
}

#[test]
#[ignore = "a measurement"]
fn latency_of_single_images() {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let demo = Radiograph::open(&models.join("demo.png"), None).unwrap();
    let (workspace, archive) = (Workspace::new(), Archive::start());
    workspace.write("toy.fid", &std::fs::read(models.join("head.fid")).unwrap());
    let node = Node::start(&workspace, &configuration(&[("archive", archive.address)], ""));
    let pixels: Vec<u16> = demo.pixels.iter().map(|v| v * 16).collect();
    let [mut answered, mut arrived, mut added] = [const { Vec::new() }; 3];
    for number in 0..IMAGES + 3 {
        let uid = instance(number);
        let mut object = image(&uid, 300);
        put_u16(&mut object, tags::ROWS, demo.height as u16);
        put_u16(&mut object, tags::COLUMNS, demo.width as u16);
        put(&mut object, tags::IMAGER_PIXEL_SPACING, b"DS", "0.2\\0.2");
        put_words(&mut object, &pixels);
        let data = data_set(&object, uids::EXPLICIT_LITTLE);
        let start = Instant::now();
        let mut peer = Peer::new(node.address);
        assert_eq!(peer.store(&uid, &data), Some(SUCCESS));
        let stored = start.elapsed();
        while archive.objects() < 2 * (number + 1) {
            thread::sleep(Duration::from_micros(200));
        }
        let total = start.elapsed();
        peer.release();
        super::node::wait_for("the line", || {
            node.log().lines().filter(|l| l.contains("event=result")).count() == number + 1
        });
        let log = node.log();
        let line = log.lines().rfind(|l| l.contains("event=result")).unwrap();
        let field = line.split("detection_us=").nth(1).unwrap().split(' ').next().unwrap();
        let detection = field.parse::<f64>().unwrap() / 1e3;
        // The first ones are warm-up.
        if number >= 3 {
            answered.push(stored.as_secs_f64() * 1e3);
            arrived.push(total.as_secs_f64() * 1e3);
            added.push(total.as_secs_f64() * 1e3 - detection);
        }
    }
    println!("{IMAGES} images of {} x {} px, one after another", demo.width, demo.height);
    print_times("from the association request to the C-STORE response", answered);
    print_times("from the association request to both results at the archive", arrived);
    print_times("of that, besides decoding and detection", added);
}
