//! Encoding and decoding of serial-link frames, named `step/backend/size`: the largest report and the
//! smallest message.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fiducia_link::{
    Heartbeat, Landmark, MAX_LANDMARKS, Message, OrientationIssue, Receiver, Report, Sender, State,
};

/// A report with the largest number of landmarks.
fn report() -> Message {
    let landmark = |i: usize| Landmark {
        x: 1234 + 517 * i as i32,
        y: 20_000 - 333 * i as i32,
        expected_error: 120,
        confident: true,
    };
    Message::Report(Report {
        exposure: 7,
        model: [0x5A; 8],
        plausible: true,
        orientation_issue: OrientationIssue::Unspecified,
        taken_ms: 18,
        total: MAX_LANDMARKS as u16,
        first: 0,
        landmarks: (0..MAX_LANDMARKS).map(landmark).collect(),
    })
}

fn link(criterion: &mut Criterion) {
    let heartbeat = Message::Heartbeat(Heartbeat {
        state: State::Ready,
        uptime_ms: 1,
        accepted: 2,
        damaged: 0,
        lost: 0,
    });
    let mut group = criterion.benchmark_group("link");
    group.throughput(Throughput::Elements(1));
    for (name, message) in [("heartbeat", heartbeat), ("20-landmarks", report())] {
        let mut sender = Sender::new();
        group.bench_function(format!("seal/cpu/{name}"), |b| {
            b.iter(|| sender.frame(black_box(&message)));
        });
        let (mut sender, mut receiver) = (Sender::new(), Receiver::new());
        group.bench_function(format!("seal-and-receive/cpu/{name}"), |b| {
            // The receiver drops a repeated frame, so each frame is new.
            b.iter(|| {
                let frame = sender.frame(&message);
                let heard = frame.iter().filter_map(|&byte| receiver.push(byte)).count();
                assert_eq!(heard, 1);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, link);
criterion_main!(benches);
