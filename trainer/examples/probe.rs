use fiducia_trainer::{data::*, view::*, correspond::*, nets::*, progress::*};
use rayon::prelude::*;
use std::time::Instant;
fn main() {
    let dir = std::path::PathBuf::from(std::env::var("FIDUCIA_DATA").unwrap()).join("head");
    let set = DataSet::open(&dir).unwrap();
    let images = set.unlabelled(Some("train")).unwrap();
    let t = set.template("125.jpg").unwrap();
    let ti = images.iter().position(|i| i.name == "125.jpg").unwrap();
    let scale = fiducia::Scale::Millimetres { field_height: 240.0 };
    let t0 = Instant::now();
    let views: Vec<View> = images.par_iter().map(|i| View::read(i, scale, 1.0).unwrap()).collect();
    println!("read {:?}", t0.elapsed());
    let pts: Vec<[f64; 2]> = t.points_px.iter().map(|&p| views[ti].to_unit.apply(p)).collect();
    let trunk = Trunk::open(std::path::Path::new("models/efficientnet-lite0-f16.safetensors")).unwrap();
    let c = correspond(&views, ti, &pts, &trunk, &Progress::terminal()).unwrap();
    println!("correspond {:?}", t0.elapsed());
    let truth = set.labelled("train").unwrap();
    let score = |name: &str, p: &Vec<Vec<[f64; 2]>>| {
        let mut e: Vec<f64> = vec![];
        let mut per = vec![0.0; pts.len()];
        for (n, t) in truth.iter().enumerate() { if n == ti { continue }
            for (l, g) in t.points_px.iter().enumerate() { let q = [g[0]*0.1, g[1]*0.1]; let d = (q[0]-p[n][l][0]).hypot(q[1]-p[n][l][1]); e.push(d); per[l] += d / (truth.len()-1) as f64; } }
        let m = e.iter().sum::<f64>() / e.len() as f64;
        let s = e.iter().filter(|&&d| d < 2.0).count() as f64 / e.len() as f64 * 100.0;
        println!("{name}: mre {m:.3} median {:.3} sdr2 {s:.1} >10 {:.2}%", median(e.clone()), e.iter().filter(|&&d| d > 10.0).count() as f64 / e.len() as f64 * 100.0);
        println!("   {}", per.iter().map(|v| format!("{v:.2}")).collect::<Vec<_>>().join(" "));
    };
    let affine: Vec<Vec<[f64;2]>> = c.alignments.iter().map(|a| pts.iter().map(|&p| a.to_image.apply(p)).collect()).collect();
    score("affine", &affine);
    let reg: Vec<Vec<[f64;2]>> = c.registered.iter().zip(&c.alignments).map(|(p, a)| p.iter().map(|&p| a.to_image.apply(p)).collect()).collect();
    score("registered", &reg);
    score("matched", &c.labels.points);
}
