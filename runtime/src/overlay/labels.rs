//! Where each name goes: near its landmark, clear of the other names and landmarks.

/// Rounds in which every label may move, given where the others stand now.
const ROUNDS: usize = 4;
/// Directions tried around a landmark.
const DIRECTIONS: usize = 32;
/// Distances tried, in line heights beyond the halo.
const DISTANCES: [f64; 8] = [0.3, 1.0, 1.8, 2.8, 4.0, 5.5, 7.5, 10.0];
/// A label nearer than this many line heights needs no leader.
const LEADER_FROM: f64 = 0.8;
/// A name is taken for that of another landmark that is nearer to it than its own, times this.
const AMBIGUOUS_WITHIN: f64 = 1.3;

/// A landmark that wants a label, px.
pub(super) struct Anchor {
    pub(super) at: [f64; 2],
    /// Half width of the cross.
    pub(super) reach: f64,
    /// Half `[width, height]` of what is drawn around the cross, at least `reach`.
    pub(super) halo: [f64; 2],
    /// `[width, height]` of the name.
    pub(super) size: [f64; 2],
}

impl Anchor {
    /// The box of this half size around the landmark.
    fn around(&self, half: [f64; 2]) -> Bounds {
        let [x, y] = self.at;
        [x - half[0], y - half[1], x + half[0], y + half[1]]
    }
}

/// Where a name stands, px.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label {
    /// Left edge.
    pub(super) x: f64,
    /// Upper edge.
    pub(super) y: f64,
    /// From the cross to the name, where it had to move away.
    pub(super) leader: Option<[[f64; 2]; 2]>,
}

/// A box `[left, top, right, bottom]`, px.
pub(super) type Bounds = [f64; 4];

/// Chooses a place for every label on a picture of `size`, away from the `taken` boxes.
///
/// A local search: each label in turn takes the cheapest of its places, given all the others.
/// `pad` px are kept free around a name.
pub(super) fn place(anchors: &[Anchor], taken: &[Bounds], size: [f64; 2], pad: f64) -> Vec<Label> {
    let scene = Scene { anchors, taken, size, pad };
    let mut chosen: Vec<Option<Candidate>> = vec![None; anchors.len()];
    let mut order: Vec<usize> = (0..anchors.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(scene.neighbours(i)));
    for _ in 0..ROUNDS {
        for &i in &order {
            chosen[i] = scene.cheapest(i, &chosen);
        }
    }
    let centre = |a: &Anchor| Label { x: a.at[0], y: a.at[1], leader: None };
    chosen
        .iter()
        .zip(anchors)
        .map(|(c, a)| c.as_ref().map_or_else(|| centre(a), Candidate::label))
        .collect()
}

/// One possible place of one label.
#[derive(Clone, Copy)]
struct Candidate {
    bounds: Bounds,
    leader: [[f64; 2]; 2],
    has_leader: bool,
    /// What the place costs whatever the other labels do.
    cost: f64,
}

impl Candidate {
    fn label(&self) -> Label {
        let leader = self.has_leader.then_some(self.leader);
        Label { x: self.bounds[0], y: self.bounds[1], leader }
    }
}

struct Scene<'a> {
    anchors: &'a [Anchor],
    taken: &'a [Bounds],
    size: [f64; 2],
    pad: f64,
}

impl Scene<'_> {
    /// Landmarks whose names could stand in the way of this one's.
    fn neighbours(&self, i: usize) -> usize {
        let a = &self.anchors[i];
        let near = |b: &&Anchor| {
            (a.at[0] - b.at[0]).abs() < a.size[0] + b.size[0]
                && (a.at[1] - b.at[1]).abs() < 2.0 * (a.size[1] + b.size[1])
        };
        self.anchors.iter().filter(near).count()
    }

    fn cheapest(&self, i: usize, chosen: &[Option<Candidate>]) -> Option<Candidate> {
        let mut best: Option<(f64, Candidate)> = None;
        for distance in DISTANCES {
            for direction in 0..DIRECTIONS {
                let Some(candidate) = self.candidate(i, distance, direction) else { continue };
                // Far places cannot win any more: the way there alone costs more than the best.
                let floor = best.as_ref().map_or(f64::INFINITY, |(cost, _)| *cost);
                if candidate.cost >= floor {
                    continue;
                }
                let others = chosen.iter().enumerate().filter(|(j, _)| *j != i);
                let quarrel = |(_, other): (usize, &Option<Candidate>)| {
                    other.as_ref().map_or(0.0, |o| self.conflict(&candidate, o))
                };
                let cost = candidate.cost + others.map(quarrel).sum::<f64>();
                if cost < floor {
                    best = Some((cost, candidate));
                }
            }
        }
        best.map(|(_, candidate)| candidate)
    }

    /// The place in one direction at one distance; `None` where it leaves the picture.
    fn candidate(&self, i: usize, distance: f64, direction: usize) -> Option<Candidate> {
        let Anchor { at, reach, halo, size: [w, h] } = self.anchors[i];
        let angle = direction as f64 / DIRECTIONS as f64 * std::f64::consts::TAU;
        let (sin, cos) = angle.sin_cos();
        // The box touches the halo, grown by `distance`, with the side or corner that faces the landmark.
        let centre = [
            at[0] + (halo[0] + distance * h) * cos + w / 2.0 * (cos * 2.5).clamp(-1.0, 1.0),
            at[1] + (halo[1] + distance * h) * sin + h / 2.0 * (sin * 1.5).clamp(-1.0, 1.0),
        ];
        let bounds =
            [centre[0] - w / 2.0, centre[1] - h / 2.0, centre[0] + w / 2.0, centre[1] + h / 2.0];
        let margin = self.pad / 2.0;
        let fits = bounds[0] >= margin
            && bounds[1] >= margin
            && bounds[2] <= self.size[0] - margin
            && bounds[3] <= self.size[1] - margin;
        if !fits {
            return None;
        }
        let touch = [
            at[0].clamp(bounds[0], bounds[2]),
            at[1].clamp(bounds[1] + h * 0.2, bounds[3] - h * 0.2),
        ];
        let length = (touch[0] - at[0]).hypot(touch[1] - at[1]).max(1e-9);
        let start = [0, 1].map(|k| at[k] + (touch[k] - at[k]) / length * reach.min(length));
        let mut candidate = Candidate {
            bounds,
            leader: [start, touch],
            has_leader: distance > LEADER_FROM,
            // To the right is where a reader looks first.
            cost: distance + 0.15 * (1.0 - cos),
        };
        if self.is_ambiguous(i, &bounds) {
            candidate.has_leader = true;
            candidate.cost += 3.0;
        }
        candidate.cost += self.obstacles(i, &candidate);
        Some(candidate)
    }

    /// Whether the name could be taken for that of another landmark.
    fn is_ambiguous(&self, i: usize, bounds: &Bounds) -> bool {
        let away = |a: &Anchor| {
            let [x, y] = a.at;
            (x - x.clamp(bounds[0], bounds[2])).hypot(y - y.clamp(bounds[1], bounds[3]))
        };
        let own = away(&self.anchors[i]);
        let others = self.anchors.iter().enumerate().filter(|(j, _)| *j != i);
        others.map(|(_, a)| away(a)).any(|other| other < AMBIGUOUS_WITHIN * own)
    }

    /// What the landmarks and taken boxes in the way cost.
    fn obstacles(&self, i: usize, candidate: &Candidate) -> f64 {
        let mut cost = 0.0;
        for (j, other) in self.anchors.iter().enumerate() {
            let around = other.around([other.reach; 2]);
            if overlap(&grown(&candidate.bounds, self.pad / 4.0), &around) {
                cost += 40.0;
            }
            if overlap(&candidate.bounds, &other.around(other.halo)) {
                cost += 1.5;
            }
            if j != i && candidate.has_leader && crosses_box(candidate.leader, &around) {
                cost += 15.0;
            }
        }
        let blocked = self.taken.iter().filter(|t| overlap(&candidate.bounds, t)).count();
        cost + 100.0 * blocked as f64
    }

    /// What two labels cost each other.
    fn conflict(&self, a: &Candidate, b: &Candidate) -> f64 {
        let mut cost = 0.0;
        if overlap(&grown(&a.bounds, self.pad / 4.0), &b.bounds) {
            cost += 100.0;
        }
        if a.has_leader && crosses_box(a.leader, &b.bounds) {
            cost += 40.0;
        }
        if b.has_leader && crosses_box(b.leader, &a.bounds) {
            cost += 40.0;
        }
        if a.has_leader && b.has_leader && cross(a.leader, b.leader) {
            cost += 20.0;
        }
        cost
    }
}

fn grown(b: &Bounds, by: f64) -> Bounds {
    [b[0] - by, b[1] - by, b[2] + by, b[3] + by]
}

fn overlap(a: &Bounds, b: &Bounds) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

fn crosses_box([a, b]: [[f64; 2]; 2], bounds: &Bounds) -> bool {
    let [l, t, r, u] = *bounds;
    let inside = |p: [f64; 2]| p[0] > l && p[0] < r && p[1] > t && p[1] < u;
    inside(a) || inside(b) || cross([a, b], [[l, t], [r, u]]) || cross([a, b], [[l, u], [r, t]])
}

/// Whether two segments cross.
fn cross([a, b]: [[f64; 2]; 2], [c, d]: [[f64; 2]; 2]) -> bool {
    let side = |p: [f64; 2], q: [f64; 2], r: [f64; 2]| {
        (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
    };
    side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_tight_cluster_do_not_overlap() {
        let anchor = |i: usize| Anchor {
            at: [400.0 + 9.0 * (i % 4) as f64, 400.0 + 11.0 * (i / 4) as f64],
            reach: 8.0,
            halo: [8.0; 2],
            size: [120.0, 20.0],
        };
        let anchors: Vec<Anchor> = (0..16).map(anchor).collect();
        let footer = [0.0, 770.0, 800.0, 800.0];
        let labels = place(&anchors, &[footer], [800.0, 800.0], 10.0);
        let bounds: Vec<Bounds> =
            labels.iter().map(|l| [l.x, l.y, l.x + 120.0, l.y + 20.0]).collect();
        for (i, a) in bounds.iter().enumerate() {
            assert!(a[0] >= 0.0 && a[1] >= 0.0 && a[2] <= 800.0 && a[3] <= 770.0, "{a:?}");
            for b in &bounds[..i] {
                assert!(!overlap(a, b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn a_lone_name_stands_right_beside_its_landmark() {
        let anchor = Anchor { at: [400.0, 400.0], reach: 8.0, halo: [8.0; 2], size: [120.0, 20.0] };
        let label = place(&[anchor], &[], [800.0, 800.0], 10.0)[0];
        assert!(label.leader.is_none() && label.x > 400.0 && label.x < 420.0, "{label:?}");
        assert!((label.y - 390.0).abs() < 1.0, "{label:?}");
    }

    #[test]
    fn a_name_wider_than_the_picture_is_still_drawn() {
        let anchor = Anchor { at: [40.0, 40.0], reach: 8.0, halo: [8.0; 2], size: [900.0, 20.0] };
        assert!(place(&[anchor], &[], [80.0, 80.0], 10.0)[0].x >= 0.0);
    }
}
