use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};
use fiducia_trainer::nets::*;
use std::time::Instant;
fn main() {
    let dev = Device::flex().autodiff();
    let l = 19;
    let mut net = RefineNet::new(l, &dev);
    println!("params {}", net.num_params());
    let mut opt = AdamWConfig::new().init();
    for z in [64usize, 96] {
        for n in [57usize, 114] {
            let x = Tensor::<4>::random([n, 1, z, z], Distribution::Default, &dev);
            let idx: Vec<i64> = (0..n).map(|i| (i % l) as i64).collect();
            let w = Tensor::<1, Int>::from_data(TensorData::new(idx, [n]), &dev);
            for _ in 0..3 {
                let t = Instant::now();
                let y = net.forward(x.clone(), w.clone());
                let loss = burn::tensor::activation::log_softmax(y, 1).mean();
                let f = t.elapsed();
                let g = GradientsParams::from_grads(loss.backward(), &net);
                let b = t.elapsed();
                net = opt.step(1e-3, net, g);
                println!("refine z{z} n{n}: fwd {:?} bwd {:?} all {:?}", f, b - f, t.elapsed());
            }
        }
    }
    let mut net = CoarseDecoder::new(l, &dev);
    println!("params {}", net.num_params());
    let mut opt = AdamWConfig::new().init();
    let n = 8;
    let f = [(24, 60, 48), (40, 30, 24), (112, 15, 12)].map(|(c, h, w)| Tensor::<4>::random([n, c, h, w], Distribution::Default, &dev));
    for _ in 0..3 {
        let t = Instant::now();
        let y = net.forward(f.clone());
        let loss = burn::tensor::activation::log_softmax(y.flatten::<3>(2, 3), 2).mean();
        let f = t.elapsed();
        let g = GradientsParams::from_grads(loss.backward(), &net);
        let b = t.elapsed();
        net = opt.step(1e-3, net, g);
        println!("coarse: fwd {:?} bwd {:?} all {:?}", f, b - f, t.elapsed());
    }
}
