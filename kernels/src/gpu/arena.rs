//! Memory of tensors, shared by those that live at different times.
//!
//! In WebGPU a dispatch must not read and write the same buffer. So there are several arenas, and the tensor that a step
//! writes lies in none of those that it reads.

extern crate std;
use std::{vec, vec::Vec};

use super::plan::{ALIGN, Plan, Slot, TensorId};

/// The place of a tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) arena: usize,
    pub(super) offset: usize,
}

/// Places of all tensors, and the length of each arena, bytes.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    pub(super) arenas: Vec<usize>,
}

impl Layout {
    /// Places the tensors of `plan`, first fit in the order of their first steps.
    pub(super) fn of(plan: &Plan) -> Self {
        let lives = plan.lifetimes();
        let mut order: Vec<usize> = (0..lives.len()).filter(|&t| lives[t].is_some()).collect();
        order.sort_by_key(|&t| lives[t].map(|[first, _]| first));
        let conflicts = conflicts(plan);
        let mut layout = Self { places: vec![Place::default(); lives.len()], arenas: Vec::new() };
        let mut placed: Vec<usize> = Vec::new();
        for &tensor in &order {
            let taken = |arena: usize| {
                placed.iter().any(|&t| {
                    layout.places[t].arena == arena && conflicts.contains(&pair(t, tensor))
                })
            };
            let arena =
                (0..layout.arenas.len()).find(|&a| !taken(a)).unwrap_or(layout.arenas.len());
            let alive: Vec<(usize, usize)> = placed
                .iter()
                .filter(|&&t| layout.places[t].arena == arena && overlap(lives[t], lives[tensor]))
                .map(|&t| (layout.places[t].offset, plan.tensors[t].next_multiple_of(ALIGN)))
                .collect();
            let bytes = plan.tensors[tensor].next_multiple_of(ALIGN);
            let offset = first_fit(alive, bytes);
            if arena == layout.arenas.len() {
                layout.arenas.push(0);
            }
            layout.arenas[arena] = layout.arenas[arena].max(offset + bytes);
            layout.places[tensor] = Place { arena, offset };
            placed.push(tensor);
        }
        layout
    }
}

/// Pairs of tensors of which a step reads one and writes the other.
fn conflicts(plan: &Plan) -> std::collections::BTreeSet<(usize, usize)> {
    let tensors = |slots: &[(u32, Slot)]| -> Vec<usize> {
        let id = |(_, slot): &(u32, Slot)| match slot {
            Slot::Tensor(TensorId(id)) => Some(*id),
            _ => None,
        };
        slots.iter().filter_map(id).collect()
    };
    let mut pairs = std::collections::BTreeSet::new();
    for step in &plan.steps {
        for write in tensors(&step.writes) {
            pairs.extend(tensors(&step.reads).into_iter().map(|read| pair(read, write)));
        }
    }
    pairs
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

fn overlap(a: Option<[usize; 2]>, b: Option<[usize; 2]>) -> bool {
    matches!((a, b), (Some([a0, a1]), Some([b0, b1])) if a0 <= b1 && b0 <= a1)
}

/// The lowest offset at which `bytes` fit between the `taken` ranges (offset, length).
fn first_fit(mut taken: Vec<(usize, usize)>, bytes: usize) -> usize {
    taken.sort_unstable();
    let mut offset = 0;
    for (start, len) in taken {
        if offset + bytes <= start {
            break;
        }
        offset = offset.max(start + len);
    }
    offset
}
