//! The refine network: a small U-Net on regions of interest, shared by all landmarks, with private parts for
//! each landmark: a head at its end and, depending on [`AdapterForm`], more at its bottleneck.

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Gradients, Int, Tensor, TensorData};

use super::adapter_form::{AdapterForm, MAX_RANK};
use super::layers::{
    ConvBn, Residual, export_pointwise, frozen_pointwise, pointwise, upsample2, values,
};
use super::onnx_read::convolutions;
use super::private::{Gate, Path, Taps, leaf};
use crate::nets::onnx::GraphBuilder;
use fiducia::pack::AdapterInput;
use fiducia::{Error, ErrorKind};

/// Feature maps at strides 2, 4 and 8.
pub(super) const CHANNELS: [usize; 3] = [16, 32, 64];
/// Shared weights and the adapters of all landmarks.
#[derive(Module, Debug)]
pub struct RefineNet {
    stem: ConvBn,
    at2: Residual,
    down4: ConvBn,
    at4: Residual,
    down8: ConvBn,
    at8: Residual,
    deep8: Residual,
    up4: Conv2d,
    merge4: Residual,
    up2: Conv2d,
    merge2: Residual,
    last2: Residual,
    gate: Option<Gate>,
    path: Option<Path>,
    taps: Option<Taps>,
    /// Private head: `[landmarks, 4, c2]`, one row per sub-pixel of a stride-2 cell.
    head_weight: Param<Tensor<3>>,
    /// Private head bias: `[landmarks, 4]`.
    head_bias: Param<Tensor<2>>,
}

impl RefineNet {
    /// A network for this many landmarks.
    pub fn new(landmarks: usize, form: AdapterForm, device: &Device) -> Self {
        let [c2, c4, c8] = CHANNELS;
        let spread = Initializer::Normal { mean: 0.0, std: 0.1 };
        let net = Self {
            stem: ConvBn::new([1, c2], 5, 2, device),
            at2: Residual::new(c2, device),
            down4: ConvBn::new([c2, c4], 3, 2, device),
            at4: Residual::new(c4, device),
            down8: ConvBn::new([c4, c8], 3, 2, device),
            at8: Residual::new(c8, device),
            deep8: Residual::new(c8, device),
            up4: pointwise([c8, c4], device),
            merge4: Residual::new(c4, device),
            up2: pointwise([c4, c2], device),
            merge2: Residual::new(c2, device),
            last2: Residual::new(c2, device),
            gate: (form != AdapterForm::Head).then(|| Gate::new(landmarks, device)),
            path: None,
            taps: (form == AdapterForm::Depthwise).then(|| Taps::neutral(landmarks, device)),
            head_weight: spread.init([landmarks, 4, c2], device),
            head_bias: Initializer::Zeros.init([landmarks, 4], device),
        };
        net.with_paths(&vec![form.rank(); landmarks], device)
    }

    /// The same network with new private parts besides the head: `form` for every landmark, with `ranks[l]`
    /// of the form's rank in use for landmark `l`.
    pub fn adapted(self, form: AdapterForm, ranks: &[usize], device: &Device) -> Self {
        let landmarks = ranks.len();
        let gate = (form != AdapterForm::Head)
            .then(|| self.gate.clone().unwrap_or_else(|| Gate::neutral(landmarks, device)));
        let taps = (form == AdapterForm::Depthwise).then(|| Taps::neutral(landmarks, device));
        Self { gate, taps, path: None, ..self }.with_paths(ranks, device)
    }

    /// Adds low-rank paths that contribute nothing at first. Rows beyond a landmark's rank are zero on both
    /// sides, so that their gradient is always zero.
    fn with_paths(self, ranks: &[usize], device: &Device) -> Self {
        let (landmarks, c8) = (ranks.len(), CHANNELS[2]);
        let rank = ranks.iter().copied().max().unwrap_or(0);
        if rank == 0 {
            return Self { path: None, ..self };
        }
        let spread = Initializer::Normal { mean: 0.0, std: 1.0 / (c8 as f64).sqrt() };
        let used: Vec<f32> = ranks
            .iter()
            .flat_map(|&r| (0..rank).map(move |i| if i < r { 1.0 } else { 0.0 }))
            .collect();
        let used = burn::tensor::TensorData::new(used, [landmarks, rank, 1]);
        let down: Param<Tensor<3>> = spread.init([landmarks, rank, c8], device);
        let down = leaf(down.val() * Tensor::from_data(used, device));
        let up = Initializer::Zeros.init([landmarks, c8, rank], device);
        Self { path: Some(Path { down, up }), ..self }
    }

    /// The network of an exported graph `onnx` whose adapter tensors are `inputs`. Only the `adapters` (one
    /// slice per landmark, [`RefineNet::adapters`]) can be trained.
    ///
    /// # Errors
    /// [`ErrorKind::Unreadable`] where the graph was not written by [`RefineNet::export`].
    pub fn frozen(
        onnx: &[u8],
        inputs: &[AdapterInput],
        adapters: &[Vec<f32>],
        device: &Device,
    ) -> Result<Self, Error> {
        let refuse = |what: String| {
            Error::new(
                ErrorKind::Unreadable,
                format!("the refine network cannot be trained: {what}"),
            )
        };
        let form = AdapterForm::of(inputs);
        if form.rank() > MAX_RANK {
            return Err(refuse(format!("rank {} of its adapters is too large", form.rank())));
        }
        let net = Self::new(adapters.len(), form, device);
        if net.adapter_inputs() != inputs {
            return Err(refuse(
                "its adapters have a form that this version does not support".into(),
            ));
        }
        let convolutions = convolutions(onnx).map_err(refuse)?;
        let [stem, at2, down4, at4, down8, at8, deep8, up4, merge4, up2, merge2, last2] =
            &convolutions[..]
        else {
            return Err(refuse(format!("{} convolutions, expected 12", convolutions.len())));
        };
        let shared = || -> Result<Self, String> {
            Ok(Self {
                stem: net.stem.frozen(stem)?,
                at2: net.at2.frozen(at2)?,
                down4: net.down4.frozen(down4)?,
                at4: net.at4.frozen(at4)?,
                down8: net.down8.frozen(down8)?,
                at8: net.at8.frozen(at8)?,
                deep8: net.deep8.frozen(deep8)?,
                up4: frozen_pointwise(net.up4, up4)?,
                merge4: net.merge4.frozen(merge4)?,
                up2: frozen_pointwise(net.up2, up2)?,
                merge2: net.merge2.frozen(merge2)?,
                last2: net.last2.frozen(last2)?,
                ..net
            })
        };
        Ok(shared().map_err(refuse)?.with_adapters(adapters, device))
    }

    /// The same network with other private values, one slice per landmark as in
    /// [`RefineNet::adapters`].
    pub fn with_adapters(self, slices: &[Vec<f32>], device: &Device) -> Self {
        let landmarks = slices.len();
        let mut start = 0;
        let mut take = |len: usize| {
            let values = slices.iter().flat_map(|s| s[start..start + len].iter().copied());
            let values: Vec<f32> = values.collect();
            start += len;
            values
        };
        let [c2, _, c8] = CHANNELS;
        let two = |values: Vec<f32>, c: usize| {
            Param::from_data(TensorData::new(values, [landmarks, c]), device)
        };
        let three = |values: Vec<f32>, rows: usize, c: usize| {
            Param::from_data(TensorData::new(values, [landmarks, rows, c]), device)
        };
        let gate = self.gate.map(|_| Gate {
            scale: two(take(c8).into_iter().map(|v| v - 1.0).collect(), c8),
            shift: two(take(c8), c8),
        });
        let path = self.path.map(|path| {
            let rank = path.down.dims()[1];
            Path { down: three(take(rank * c8), rank, c8), up: three(take(c8 * rank), c8, rank) }
        });
        let taps = self.taps.map(|_| Taps { taps: three(take(9 * c8), 9, c8) });
        let head_weight = three(take(4 * c2), 4, c2);
        let head_bias = two(take(4), 4);
        Self { gate, path, taps, head_weight, head_bias, ..self }
    }

    /// The network for landmark `l` only: the shared weights and that landmark's adapter.
    pub fn only(&self, l: usize) -> Self {
        // A plain clone would share the batch-norm statistics with the original network.
        let net = self.valid().train();
        let row2 = |p: &Param<Tensor<2>>| leaf(p.val().narrow(0, l, 1));
        let row3 = |p: &Param<Tensor<3>>| leaf(p.val().narrow(0, l, 1));
        Self {
            gate: net.gate.as_ref().map(|g| Gate { scale: row2(&g.scale), shift: row2(&g.shift) }),
            path: net.path.as_ref().map(|p| Path { down: row3(&p.down), up: row3(&p.up) }),
            taps: net.taps.as_ref().map(|t| Taps { taps: row3(&t.taps) }),
            head_weight: row3(&net.head_weight),
            head_bias: row2(&net.head_bias),
            ..net
        }
    }

    /// Regions `[n, 1, size, size]`, each of landmark `which[n]`, to logits `[n, size · size]`.
    pub fn forward(&self, regions: Tensor<4>, which: Tensor<1, Int>) -> Tensor<2> {
        let at2 = self.at2.forward(self.stem.forward(regions));
        let at4 = self.at4.forward(self.down4.forward(at2.clone()));
        let mut at8 = self.down8.forward(at4.clone());
        if let Some(gate) = &self.gate {
            at8 = gate.forward(at8, &which);
        }
        if let Some(path) = &self.path {
            at8 = path.forward(at8, &which);
        }
        if let Some(taps) = &self.taps {
            at8 = taps.forward(at8, &which);
        }
        let at8 = self.deep8.forward(self.at8.forward(at8));
        let at4 = self.merge4.forward(at4 + upsample2(self.up4.forward(at8)));
        let at2 = self.merge2.forward(at2 + upsample2(self.up2.forward(at4)));
        let at2 = self.last2.forward(at2);
        let [n, c2, h, w] = at2.dims();
        let head = self.head_weight.val().select(0, which.clone());
        let bias = self.head_bias.val().select(0, which).reshape([n, 4, 1]);
        let cells = head.matmul(at2.reshape([n, c2, h * w])) + bias;
        cells.reshape([n, 2, 2, h, w]).permute([0, 3, 1, 4, 2]).reshape([n, 4 * h * w])
    }

    /// The shared weights as an ONNX graph; [`RefineNet::adapter_inputs`] are further inputs.
    ///
    /// Input `regions [n, 1, size, size]`; output `heatmaps [n, 1, size, size]`.
    pub fn export(&self, size: usize) -> Vec<u8> {
        let mut g = GraphBuilder::new("refine");
        let [c2, _, c8] = CHANNELS;
        let (half, eighth) = (size / 2, size / 8);
        let x = g.input("regions", &[None, Some(1), Some(size), Some(size)]);
        for input in self.adapter_inputs() {
            let shape: Vec<Option<usize>> =
                std::iter::once(None).chain(input.shape.into_iter().map(Some)).collect();
            g.input(&input.input, &shape);
        }
        let stem = self.stem.export(&mut g, &x);
        let at2 = self.at2.export(&mut g, &stem);
        let at4 = self.down4.export(&mut g, &at2);
        let at4 = self.at4.export(&mut g, &at4);
        let mut at8 = self.down8.export(&mut g, &at4);
        if self.gate.is_some() {
            at8 = g.mul(&at8, "gate_scale");
            at8 = g.add(&at8, "gate_shift");
        }
        if self.path.is_some() {
            let flat = g.reshape(&at8, &[0, c8 as i64, (eighth * eighth) as i64]);
            let low = g.matmul("path_down", &flat);
            let path = g.matmul("path_up", &low);
            let path = g.reshape(&path, &[0, c8 as i64, eighth as i64, eighth as i64]);
            at8 = g.add(&at8, &path);
        }
        if self.taps.is_some() {
            let padded = g.pad(&at8, 1);
            for k in 0..9 {
                let rows = g.slice(&padded, 2, k / 3, eighth);
                let shifted = g.slice(&rows, 3, k % 3, eighth);
                let tap = g.slice("taps", 1, k * c8, c8);
                let part = g.mul(&shifted, &tap);
                at8 = g.add(&at8, &part);
            }
        }
        let at8 = self.at8.export(&mut g, &at8);
        let at8 = self.deep8.export(&mut g, &at8);
        let up4 = export_pointwise(&self.up4, &mut g, &at8);
        let up4 = g.upsample2(&up4);
        let at4 = g.add(&at4, &up4);
        let at4 = self.merge4.export(&mut g, &at4);
        let up2 = export_pointwise(&self.up2, &mut g, &at4);
        let up2 = g.upsample2(&up2);
        let at2 = g.add(&at2, &up2);
        let at2 = self.merge2.export(&mut g, &at2);
        let at2 = self.last2.export(&mut g, &at2);
        let flat = g.reshape(&at2, &[0, c2 as i64, (half * half) as i64]);
        let cells = g.matmul("head_weight", &flat);
        let cells = g.add(&cells, "head_bias");
        let cells = g.reshape(&cells, &[0, 4, half as i64, half as i64]);
        let maps = g.depth_to_space(&cells, 2);
        g.output(&maps, "heatmaps", &[None, Some(1), Some(size), Some(size)]);
        g.finish()
    }

    /// Shapes of the adapter inputs of the exported graph, in slice order.
    pub fn adapter_inputs(&self) -> Vec<AdapterInput> {
        let [c2, _, c8] = CHANNELS;
        let input = |name: &str, shape: &[usize]| AdapterInput {
            input: name.to_owned(),
            shape: shape.to_vec(),
        };
        let mut inputs = Vec::new();
        if self.gate.is_some() {
            inputs.push(input("gate_scale", &[c8, 1, 1]));
            inputs.push(input("gate_shift", &[c8, 1, 1]));
        }
        if let Some(path) = &self.path {
            let rank = path.down.dims()[1];
            inputs.push(input("path_down", &[rank, c8]));
            inputs.push(input("path_up", &[c8, rank]));
        }
        if self.taps.is_some() {
            inputs.push(input("taps", &[9 * c8, 1, 1]));
        }
        inputs.push(input("head_weight", &[4, c2]));
        inputs.push(input("head_bias", &[4, 1]));
        inputs
    }

    /// The adapter slice of every landmark, `[landmark][value]`.
    pub fn adapters(&self) -> Vec<Vec<f32>> {
        self.slices(|p| values(&p.val()), |p| values(&p.val()), 1.0)
    }

    /// The gradient of a loss with respect to the adapter slices, `[landmark][value]`; zero where no gradient
    /// flowed.
    pub fn adapter_gradients(&self, gradients: &Gradients) -> Vec<Vec<f32>> {
        let two = |p: &Param<Tensor<2>>| match p.val().grad(gradients) {
            Some(gradient) => values(&gradient),
            None => vec![0.0; p.dims().iter().product()],
        };
        let three = |p: &Param<Tensor<3>>| match p.val().grad(gradients) {
            Some(gradient) => values(&gradient),
            None => vec![0.0; p.dims().iter().product()],
        };
        self.slices(two, three, 0.0)
    }

    /// One slice per landmark of the values that `two` and `three` read from each private tensor.
    /// `scale_offset` is added to the gates' scales, which are stored as differences from it.
    fn slices(
        &self,
        two: impl Fn(&Param<Tensor<2>>) -> Vec<f32>,
        three: impl Fn(&Param<Tensor<3>>) -> Vec<f32>,
        scale_offset: f32,
    ) -> Vec<Vec<f32>> {
        let mut parts = Vec::new();
        if let Some(gate) = &self.gate {
            parts.push(two(&gate.scale).iter().map(|v| v + scale_offset).collect::<Vec<f32>>());
            parts.push(two(&gate.shift));
        }
        if let Some(path) = &self.path {
            parts.push(three(&path.down));
            parts.push(three(&path.up));
        }
        if let Some(taps) = &self.taps {
            parts.push(three(&taps.taps));
        }
        parts.push(three(&self.head_weight));
        parts.push(two(&self.head_bias));
        let landmarks = self.head_bias.dims()[0];
        let slice = |l: usize| {
            let share = |v: &Vec<f32>| {
                let n = v.len() / landmarks;
                v[l * n..(l + 1) * n].to_vec()
            };
            parts.iter().flat_map(share).collect()
        };
        (0..landmarks).map(slice).collect()
    }
}
