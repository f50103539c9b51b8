//! What the axes of a matrix product with constant weights are for.

use tract_core::internal::*;
use tract_core::ops::einsum::EinSum;

/// What the axes of a product are for.
pub(super) struct Roles {
    pub(super) m: usize,
    pub(super) n: usize,
    pub(super) k: usize,
    pub(super) batch: usize,
    pub(super) private: bool,
    /// Size and stride of the weights' axes in the order batch, m, k.
    weights: Vec<(usize, usize)>,
}

/// An axis of a product: its places in the input, the weights and the output.
struct Role {
    x: Option<usize>,
    w: Option<usize>,
    out: Option<usize>,
    size: usize,
}

impl Roles {
    /// `[w, x]` are the operands' numbers. The input must be `[batch…, k, n…]`, the output `[batch…, m, n…]`.
    pub(super) fn of(
        op: &EinSum,
        [w, x]: [usize; 2],
        w_shape: &[usize],
        x_shape: &[usize],
    ) -> TractResult<Self> {
        let strides: Vec<usize> =
            (0..w_shape.len()).map(|i| w_shape[i + 1..].iter().product()).collect();
        let place = |list: &TVec<usize>| list.first().copied();
        let (mut batch, mut k, mut n, mut m): (Vec<Role>, Vec<Role>, Vec<Role>, Vec<Role>) =
            Default::default();
        for axis in op.axes.iter_all_axes() {
            let many = axis.inputs.iter().chain(&axis.outputs).any(|list| list.len() > 1);
            ensure!(!many, "axis {} stands twice", axis.repr);
            let (in_w, in_x) = (place(&axis.inputs[w]), place(&axis.inputs[x]));
            let out = place(&axis.outputs[0]);
            let size = in_x.map(|i| x_shape[i]).or(in_w.map(|i| w_shape[i])).unwrap_or(1);
            let role = Role { x: in_x, w: in_w, out, size };
            match (in_w.is_some(), in_x.is_some(), out.is_some()) {
                _ if size == 1 => {}
                (true, true, false) => k.push(role),
                (true, false, true) => m.push(role),
                (_, true, true) => n.push(role),
                _ => bail!("axis {} is summed by itself", axis.repr),
            }
        }
        ensure!(k.len() <= 1 && m.len() <= 1, "more than one summed or new axis");
        let k_place = k.first().and_then(|role| role.x);
        let m_place = m.first().and_then(|role| role.out);
        n.sort_by_key(|role| role.x);
        ensure!(n.is_sorted_by_key(|role| role.out), "axes change places");
        // What stands before the summed axis counts as batch; without one, what the weights share does.
        let mut rest: Vec<Role> = vec![];
        for role in n {
            let before = match (k_place, m_place) {
                (Some(k), _) => role.x < Some(k),
                (None, Some(m)) => role.out < Some(m),
                (None, None) => role.w.is_some(),
            };
            if before { batch.push(role) } else { rest.push(role) }
        }
        if let Some(m) = m_place {
            let split = batch.iter().all(|role| role.out < Some(m))
                && rest.iter().all(|role| role.out > Some(m));
            ensure!(split, "axes change places");
        }
        ensure!(
            rest.iter().all(|role| role.w.is_none()),
            "weights that differ from pixel to pixel"
        );
        let private = batch.iter().any(|role| role.w.is_some());
        let all = batch.iter().all(|role| role.w.is_some());
        ensure!(!private || all, "weights for a part of the batch");
        let size = |list: &[Role]| list.iter().map(|role| role.size).product::<usize>();
        let order = batch.iter().filter(|_| private).chain(&m).chain(&k);
        let weights = order.filter_map(|role| role.w.map(|i| (role.size, strides[i]))).collect();
        Ok(Self { m: size(&m), n: size(&rest), k: size(&k), batch: size(&batch), private, weights })
    }

    /// The weights as `[batch, m, k]`.
    pub(super) fn pack(&self, values: &[f32]) -> Vec<f32> {
        let count: usize = self.weights.iter().map(|(size, _)| size).product();
        let value = |index: usize| {
            let (mut rest, mut at) = (index, 0);
            for (size, stride) in self.weights.iter().rev() {
                at += rest % size * stride;
                rest /= size;
            }
            values[at]
        };
        (0..count).map(value).collect()
    }
}
