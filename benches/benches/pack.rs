//! Model files: opening, verifying the signature, unpacking one landmark; named `step/backend/size`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use fiducia::{Pack, PublicKey};
use fiducia_benches::shipped;
use fiducia_trainer::sign::{new_keys, signed};

fn pack(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder for a key");
    let [private, public] = new_keys(&folder.path().join("maker")).expect("a pair of keys");
    let key = PublicKey::open(&public).expect("the key that was written");
    let mut group = criterion.benchmark_group("pack");
    for name in ["head", "chest", "spine"] {
        let path = shipped(&format!("{name}.fid"));
        // The file is in the page cache: the benchmark measures the validation of every byte.
        group.bench_function(format!("open/cpu/{name}"), |b| {
            b.iter(|| Pack::open(black_box(&path)).expect("the shipped pack is sound"));
        });
        let bytes = std::fs::read(&path).expect("the shipped pack is there");
        let bytes = signed(&bytes, &private).expect("it can be signed");
        let pack = Pack::from_bytes(bytes).expect("what was signed is sound");
        group.bench_function(format!("verify/cpu/{name}"), |b| {
            b.iter(|| black_box(&pack).verify(&key).expect("it is signed"));
        });
        group.bench_function(format!("unpack/cpu/{name}-1"), |b| {
            b.iter(|| black_box(&pack).adapter(black_box(0)));
        });
    }
    group.finish();
}

criterion_group!(benches, pack);
criterion_main!(benches);
